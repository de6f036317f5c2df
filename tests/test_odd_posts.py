"""Every form of the admin and every address of the REST API that takes a body, with values that no page sends: no
answer is a 5xx, and what is refused changes nothing.

Forms are read out of the pages themselves, and names of parameters out of the API's own schema, so new ones join by
themselves. What each answer changed is rolled back, so that the next one meets the same rows.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from addresses import Walk, candidates, filled, model_of, patterns, rolled_back, some, walking
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from extreme_rows import Rows, extreme_rows

from platforms.models import Platform

pytestmark = pytest.mark.django_db

JSON = "application/json"
# Ids that no column holds, what no database stores, more words and digits than anything takes, wrong types.
ODD: tuple[str, ...] = (
    "9" * 40,
    "a\0b",
    "word " * 1900,
    "\U0001f984" * 30,
    "0001-01-01",
    "9" * 5000,
    "-1",
    "[]",
    "\u0663",  # a digit that int() reads
    "",
    "9999-12-31T23:59",
    "=1+1;<b>%s{{ x }}",
    "23:59:60",
    "1e400",
)
ODD_JSON: tuple[Any, ...] = (
    10**40, "9" * 40, -1, 1.5, True, None, [], {}, [[]], {"a": [1]}, "a\0b", "\ud800", "\U0001f984", "word " * 1900,
    "x" * 100_000, "9999-12-31T23:59:59.999999-23:59", ["9" * 40, None], "1e400", 1e300,
)  # fmt: skip
BODIES = (
    "",
    "x",
    "[",
    "[]",
    "null",
    "1",
    '"x"',
    "[[{}]]",
    '{"a": NaN}',
    "[" * 100_000,
    '{"": ""}',
    "\\ud800",
)
# Pages that show a form only when they are asked about something.
ASKED = ("/admin/where/?id=111-0000000-0000000", "/admin/platforms/platform/sync/?platform=1")


@dataclass(slots=True)
class Form:
    """A form of a page, with what a browser would send of it."""

    address: str
    fields: dict[str, list[str]] = field(default_factory=dict)

    @property
    def kind(self) -> tuple[str, frozenset[str]]:
        """What it has in common with the same form of another row."""
        names = frozenset(re.sub(r"\d+", "0", name) for name in self.fields)
        return re.sub(r"/[^/]*\d[^/]*/|\?.*", "/0/", self.address), names


class FormReader(HTMLParser):
    """The forms of a page that post, those of htmx too; fields may name their form from outside of it."""

    def __init__(self, page: str, html: str) -> None:
        super().__init__()
        self._page = page
        self._forms: dict[str, Form] = {}
        self._form = self._select = ""
        self._posts: list[tuple[str, str]] = []  # a form, and where else it is sent
        self._fields: list[tuple[str, str, list[str]]] = []  # a form, name and values of a field
        self.feed(html)

    def forms(self) -> Iterator[Form]:
        for owner, name, values in self._fields:
            if owner in self._forms:
                self._forms[owner].fields.setdefault(name, []).extend(values)
        yield from self._forms.values()
        for owner, address in self._posts:
            yield Form(address, dict(self._forms[owner].fields) if owner in self._forms else {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), [given.get("value", "")]
        if tag == "form" and given.get("method", "").lower() == "post":
            self._form = given.get("id") or f"form {len(self._forms)}"
            self._forms[self._form] = Form(self._address(given.get("action", "")))
        owner = given.get("form", self._form)
        self._posts += [
            (owner, self._address(given[each])) for each in ("hx-post", "formaction") if each in given
        ]
        if tag in ("input", "button", "textarea", "select") and name:
            is_set = tag != "select" and (
                given.get("type") not in ("checkbox", "radio") or "checked" in given
            )
            self._fields.append((owner, name, value if is_set else []))
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self._fields.append((owner, self._select, value))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = ""

    def _address(self, address: str) -> str:
        parts = urlsplit(urljoin(f"http://testserver{self._page}", address))
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


@pytest.fixture
def rows() -> Rows:
    return extreme_rows()


@pytest.fixture
def walk(rows: Rows) -> Iterator[Walk]:
    with walking() as walk:
        yield walk


def test_every_form_survives_what_no_page_sends(walk: Walk, rows: Rows) -> None:
    forms = forms_of_the_admin(walk, rows)
    assert len(forms) > 40
    for turn, form in enumerate(forms):
        address, sent = form.address, form.fields
        walk.send("post", address, {})
        walk.send("post", address, {name: [*values, "9" * 40] for name, values in sent.items()})
        walk.send("post", address, dict.fromkeys(sent, some(ODD, turn, 1)[0]))
        for number, name in list(enumerate(sent))[turn % 4 :: 4]:
            (odd,) = some([*ODD, None], turn + number, 1)
            others = {other: values for other, values in sent.items() if other != name}
            walk.send("post", address, others if odd is None else others | {name: odd})
    names = sorted({name for form in forms for name in form.fields})
    sent_to = {form.address for form in forms}
    for turn, (route, pattern) in enumerate(admin_routes()):  # also those to which no page sends anything
        first, unknown = candidates(pattern, rows)[0], dict.fromkeys(pattern.pattern.converters, "9" * 40)
        for address in {filled(route, first), filled(route, unknown)} - sent_to:
            walk.send("post", address, dict.fromkeys(names, some(ODD, turn, 1)[0]))
    walk.found_no_error()


def test_every_body_of_the_api_is_read_or_refused(walk: Walk, rows: Rows) -> None:
    turn = 0
    models = {route: model_of(pattern) for route, pattern in patterns(get_resolver())} | {
        "/platforms": Platform
    }
    for method, path, names in operations():
        model = models.get(re.match(r"/[\w-]*", path)[0])  # type: ignore[index]  # each path begins with one
        address = re.sub(r"\{\w+\}", str(rows[model][0].pk) if model else "orders", path)
        bodies = [json.dumps({name: value}) for name in names for value in some(ODD_JSON, turn, 2)]
        bodies += [json.dumps(dict.fromkeys(names, value)) for value in some(ODD_JSON, turn, 3)]
        for body in [*bodies, *some(BODIES, turn, 4)]:
            turn += 1
            walk.send(method, address, body, JSON)
        for name in names:
            walk.send(method, f"{address}?{name}={'9' * 40}", "", JSON)
        walk.send(method, re.sub(r"\{\w+\}", "9" * 40, path), "{}", JSON)
    assert turn > 100
    walk.found_no_error()


def admin_routes() -> list[tuple[str, Any]]:
    found = dict(each for each in patterns(get_resolver()) if "(?" not in each[0])
    return [each for each in found.items() if each[0].startswith(("/admin/", "/i18n/"))]


def forms_of_the_admin(walk: Walk, rows: Rows) -> list[Form]:
    """Each form once: of a page of some row, of what an action asks, or of those who are not signed in."""
    pages = [
        filled(route, each) for route, pattern in admin_routes() for each in candidates(pattern, rows)[:2]
    ]
    answers = [(page, walk.client.get(page)) for page in [*pages, *ASKED]]
    for model, model_admin in admin.site._registry.items():
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        request = RequestFactory().get(address)
        request.user = walk.user
        for action in model_admin.get_actions(request):
            asked = {"action": action, "index": "0", "_selected_action": str(rows[model][0].pk)}
            with rolled_back():
                answers.append((address, walk.client.post(address, asked)))
    answers.append(("/admin/login/", Client().get("/admin/login/")))
    found: dict[Any, Form] = {}
    for page, answer in answers:
        if answer.status_code == 200 and "text/html" in answer.get("Content-Type", ""):
            for form in FormReader(page, answer.content.decode()).forms():
                found.setdefault(form.kind, form)
    return list(found.values())


def operations() -> Iterator[tuple[str, str, list[str]]]:
    """Method, path and names of parameters and fields of each operation of the API that may change something."""
    make_generator: Any = SchemaGenerator  # it has no annotations
    schema = make_generator().get_schema(public=True)
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method == "get":
                continue
            names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
            content = operation.get("requestBody", {}).get("content", {})
            for described in content.values():
                reference = described["schema"].get("$ref", "").rpartition("/")[2]
                names += schema["components"]["schemas"].get(reference, {}).get("properties", {})
            yield method, path, list(dict.fromkeys(names))
