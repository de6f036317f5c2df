"""Every address of the application, from the URL resolver and the admin's registry, and somebody who asks for them."""

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import URLPattern, URLResolver
from extreme_rows import Rows

from backoffice.base.locality import ZONE_COOKIE
from backoffice.models import ExportRun
from integrations.sync.streams import STREAMS

# From one end of the day to the other, with an hour that is none.
ZONES = {"en": "Etc/GMT+12", "de": "Pacific/Kiritimati", "es": "Asia/Kathmandu"}
LANGUAGES = tuple(ZONES)
WRITES = re.compile(r"\s*(?:INSERT(?: IGNORE)? INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+[`\"]?(\w+)")
# Written whatever the answer is: who is signed in or failed to, how much was asked of us, and of a platform.
BESIDE = {
    "django_session",
    "api_request_counts",
    "api_quotas",
    "api_usage",
    "login_failures",
    "user_sessions",
}
# Answered with a page, although they are done: the findings of a check, who reads buyer data, a new secret shown once,
# the page that says good-bye, the one that says who may not come in, and those that record a wrong password.
DONE = (
    "/check/", "/buyer/", "/rotate/", "/logout/", "/login/", "/confirm/", "/password_change/", "/link/",
    "/auth/user/add/",
)  # fmt: skip


class PlainClient(Client):
    """Keeps neither the templates of an answer, which takes as long as the answer, nor its cookies."""

    def request(self, **request: Any) -> Any:
        return self.handler(self._base_environ(**request))  # type: ignore[attr-defined]  # no word in the stubs


class Walk:
    """Asks for addresses as a superuser, and remembers each one that failed, with the reason."""

    def __init__(self, user: User) -> None:
        self.client = PlainClient(raise_request_exception=False)
        self.client.force_login(user)
        self.user = user
        self._signed_in = dict(self.client.cookies)
        self._failed: list[str] = []
        self._reason = ""
        self.asked = 0

    def remember(self, **_signal: Any) -> None:
        """Connected to the signal that a view has failed."""
        self._reason = repr(sys.exception())[:200]

    def get(self, address: str, language: str = "en") -> None:
        self.client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        self.client.cookies[ZONE_COOKIE] = ZONES[language]
        self._ask(f"{address[:150]} ({language})", "GET", address)

    def send(self, method: str, address: str, body: Any, content_type: str = MULTIPART_CONTENT) -> None:
        """Sends fields of a form, or a body, and takes back what came of it. What was refused must write nothing."""
        self.client.cookies.clear()
        if not address.startswith("/admin/login/"):
            self.client.cookies.load(self._signed_in)
        self.client.cookies[ZONE_COOKIE] = ZONES[LANGUAGES[self.asked % 3]]
        written: set[str] = set()

        def watch(execute: Any, sql: str, *args: Any) -> Any:
            if found := WRITES.match(sql):
                written.add(found[1])
            return execute(sql, *args)

        shown = f"{method} {address[:120]} {str(body)[:300]}"
        with rolled_back(), connection.execute_wrapper(watch):
            status = self._ask(shown, method, address, body, content_type)
        is_refused = status >= 400 or (status == 200 and content_type == MULTIPART_CONTENT)  # the form again
        if is_refused and not address.endswith(DONE) and written - BESIDE:
            self._failed.append(f"{shown}: {status}, and wrote {written - BESIDE}")

    def _ask(self, shown: str, method: str, address: str, body: Any = "", content_type: str = "") -> int:
        self._reason, self.asked = "", self.asked + 1
        options = {"data": body, "content_type": content_type} if content_type else {}
        try:
            response = getattr(self.client, method.lower())(address, **options)
            status = int(response.status_code)
            b"".join(response)  # an export fails when it is read
        except Exception as error:  # noqa: BLE001
            status, self._reason = 500, repr(error)[:200]
        if status >= 500:
            self._failed.append(f"{shown}: {status} {self._reason}")
        return status

    def found_no_error(self) -> None:
        assert not self._failed, "\n".join(self._failed)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Takes back what is written inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def walking() -> Iterator[Walk]:
    """A walk whose errors are in no log."""
    logging.disable()
    walk = Walk(User.objects.create_superuser("walker"))
    got_request_exception.connect(walk.remember)
    yield walk
    got_request_exception.disconnect(walk.remember)
    logging.disable(logging.NOTSET)


def some(values: Sequence[Any], turn: int, count: int) -> list[Any]:
    """`count` of the values, others at each turn: all of them, over all lists, and not each for each."""
    return [values[(turn * count + each) % len(values)] for each in range(count)]


def patterns(resolver: URLResolver, before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """Every route, as `/admin/orders/order/<path:object_id>/change/`, with its pattern."""
    for each in resolver.url_patterns:
        route = before + str(each.pattern).removeprefix("^")
        if isinstance(each, URLResolver):
            yield from patterns(each, route)
        else:
            yield route, each


def candidates(pattern: URLPattern, rows: Rows) -> list[dict[str, str]]:
    """What the parameters of a route stand for, for each row."""
    model = model_of(pattern)
    known: dict[str, list[str]] = {
        "app_label": sorted({model._meta.app_label for model in admin.site._registry}),
        "stream": [*STREAMS, "gone"],
        "token": [quote(run.token, safe="") for run in rows[ExportRun]],
        "name": ["none"],
        "extension": ["csv"],
        "button": buttons_of(model),
    }
    pks = [str(row.pk) for row in rows.get(model, ())] or ["1"]
    if str(pattern.name).endswith(("_history", "_delete", "_button", "_password_change")):
        pks = pks[:2]  # what they show of a row is on its page as well
    values = {name: known.get(name, pks) or ["none"] for name in pattern.pattern.converters}
    turns = range(max(map(len, values.values()), default=1))
    return [{name: each[turn % len(each)] for name, each in values.items()} for turn in turns]


def model_of(pattern: URLPattern) -> Any:
    """The model whose rows the ids in this route are of; None where that is not known."""
    view: Any = pattern.callback
    queryset = getattr(getattr(view, "cls", None), "queryset", None)
    if queryset is not None:
        return queryset.model
    names = {f"{model._meta.app_label}_{model._meta.model_name}_": model for model in admin.site._registry}
    return next((model for name, model in names.items() if str(pattern.name).startswith(name)), None)


def buttons_of(model: Any) -> list[str]:
    model_admin: Any = admin.site._registry.get(model)
    return (
        [button.name for button in model_admin._buttons()] if hasattr(model_admin, "_buttons") else ["none"]
    )


def filled(route: str, parameters: dict[str, str]) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: parameters[found[1]], route)
