"""Every page, list, filter, column, export and API address, over rows at the edges of what a database holds, and with
addresses that nobody writes by hand: no answer is a 5xx.

Addresses come from the URL resolver, the admin's registry and the filters themselves, so new ones join by themselves.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from addresses import LANGUAGES, Walk, candidates, filled, patterns, some, walking
from django.contrib import admin
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.utils import timezone
from extreme_rows import MOMENTS, TEXTS, Rows, extreme_rows

from orders.models import Order, OrderBuyer
from orders.shipping import Deadline, deadline_filters

pytestmark = pytest.mark.django_db

ODD_IDS = ["0", "9" * 30, "%00", "%FF%FE", "a%2Fb", "_5F_", "x" * 1000, "-1", "1.5", "%F0%9F%A6%84"]
ODD_VALUES = [
    "%00",
    "%ff%fe",
    "9" * 30,
    "-1",
    "a+" * 1900,
    "%25" * 1200,
    *(quote(text) for text in TEXTS),
    *(quote(moment.isoformat()) for moment in MOMENTS if moment),
    "0001-01-01",
    "9999-12-31",
    "31.12.9999",
]
# Of lists: what Django itself reads, lookups that no filter offers, and nonsense.
ODD_QUERIES = [
    "p=999999999999", "p=-1", "p=x", f"p={'9' * 30}", "o=99.-99", "o=..x.", f"o={'9' * 30}", "all=", "e=1",
    "_to_field=id", "_to_field=password", "_popup=1", "_changelist_filters=%00", "title__regex=(", "id__in=x",
    "pk__in=1,%00", "platform__name__regex=%28", "platform__api_config__contains=x", "x" * 3000 + "=1", "%00=%00",
    "%ff=%ff", "__=1", "id__exact=" + "9" * 30, "cursor=%00", "cursor=AAAA", "cursor=WzAsIiIsMV0", "page_size=0",
    f"page_size={'9' * 30}", "format=x", "format=api", "next=//x", "lang=%00", "platform=%00", "token=%00",
    "id=%00", f"id={'9' * 30}", "platform=x", f"platform={'9' * 30}", "ask=%ff", "next=%00", "sku=%00", "days=%00",
]  # fmt: skip


@pytest.fixture
def rows() -> Rows:
    return extreme_rows()


@pytest.fixture
def walk(rows: Rows) -> Iterator[Walk]:
    with walking() as walk:
        yield walk


def test_every_address_answers(walk: Walk, rows: Rows) -> None:
    routes = dict(found for found in patterns(get_resolver()) if "(?" not in found[0])
    assert len(routes) > 100
    for turn, (route, pattern) in enumerate(routes.items()):
        if route.removesuffix("/") in routes and route.endswith("/"):
            continue  # the API has each with and without the slash
        if not pattern.pattern.converters:
            for language in LANGUAGES if route.startswith("/admin/") else LANGUAGES[:1]:
                walk.get(route, language)
            for query in some(ODD_QUERIES, turn, 1):
                walk.get(f"{route}?{query}")
            continue
        asked = [filled(route, parameters) for parameters in candidates(pattern, rows)]
        asked += [
            filled(route, dict.fromkeys(pattern.pattern.converters, odd)) for odd in some(ODD_IDS, turn, 2)
        ]
        for number, address in enumerate(asked):
            walk.get(address, LANGUAGES[(turn + number) % 3])
    walk.found_no_error()


def test_every_list_answers_whatever_its_address_asks_for(walk: Walk) -> None:
    turn = 0
    for path, changelist in changelists(walk):
        columns = list(map(str, range(1, len(changelist.list_display) + 1)))
        queries = [f"o={'.'.join(columns)}", f"o=-{'.-'.join(reversed(columns))}"]
        queries += combined([choices_of(spec, changelist) for spec in changelist.filter_specs])
        for spec in changelist.filter_specs:
            for name in spec.expected_parameters():
                turn += 1
                queries += [f"{name}={value}" for value in some(ODD_VALUES, turn, 1)]
        queries += [f"q={value}" for value in some(ODD_VALUES, turn, 2)] + some(ODD_QUERIES, turn, 5)
        for number, query in enumerate(queries):
            walk.get(f"{path}?{query}", LANGUAGES[number % 3])
    walk.found_no_error()


def test_every_export_holds_every_row(walk: Walk, rows: Rows) -> None:
    for model, model_admin in admin.site._registry.items():
        for turn, export in enumerate(getattr(model_admin, "exports", ())):
            for extension in ("csv", "xlsx"):
                address = f"{list_of(model)}export/{export.name}.{extension}"
                for number, query in enumerate(
                    ["", "?q=x", *(f"?{odd}" for odd in some(ODD_QUERIES, turn, 4))]
                ):
                    walk.get(address + query, LANGUAGES[number % 3])
    walk.found_no_error()


def test_the_api_answers_whatever_its_address_asks_for(walk: Walk) -> None:
    turn = 0
    for route, pattern in patterns(get_resolver()):
        view_class = getattr(pattern.callback, "cls", None)
        if view_class is None or pattern.pattern.converters or route.endswith("/"):
            continue
        filterset = getattr(view_class, "filterset_class", None)
        for name in [*(filterset.base_filters if filterset else ()), "cursor", "page_size", "format"]:
            turn += 1
            for value in some(ODD_VALUES, turn, 3):
                walk.get(f"{route}?{name}={value}")
        for query in some(ODD_QUERIES, turn, 6):
            walk.get(f"{route}?{query}")
    walk.found_no_error()


def list_of(model: Any) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def changelists(walk: Walk) -> Iterator[tuple[str, Any]]:
    """The address of each list, with Django's object of it."""
    for model, model_admin in admin.site._registry.items():
        request = RequestFactory().get("/")
        request.user = walk.user
        yield list_of(model), model_admin.get_changelist_instance(request)


def choices_of(spec: Any, changelist: Any) -> list[str]:
    """The queries by which a filter's own links choose."""
    queries = [str(choice.get("query_string", "")).lstrip("?") for choice in spec.choices(changelist)]
    return list(filter(None, queries))


def combined(of_filters: list[list[str]]) -> list[str]:
    """Queries that choose in several filters at once, until each choice was in one."""
    most = max(map(len, of_filters), default=0)
    return [
        "&".join(choices[turn % len(choices)] for choices in of_filters if choices) for turn in range(most)
    ]


# --- dates that mean none


def test_a_placeholder_that_is_stored_is_shown_as_no_date(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    first, last = MOMENTS[0], MOMENTS[1]
    placeholder = order(purchased_at=first, platform_updated_at=last, ship_by=last, deliver_by=first)
    real = order()
    page = admin_client.get(f"{list_of(Order)}{placeholder.pk}/change/").content.decode()
    assert page.count("no date") == 4
    assert not re.search("0001|9999", re.sub(r"111-\d+", "", page))
    assert "no date" in admin_client.get(list_of(Order)).content.decode()
    assert "no date" not in admin_client.get(f"{list_of(Order)}{real.pk}/change/").content.decode()


def test_each_order_is_to_be_shipped_at_one_time(admin_client: Client, order: Callable[..., Order]) -> None:
    orders = [order(ship_by=moment) for moment in MOMENTS]
    found = {
        deadline: set(Order.objects.filter(condition)) for deadline, condition in deadline_filters().items()
    }
    assert found.pop(Deadline.UNKNOWN) == set(orders)
    assert set().union(*found.values()) == set()


def test_the_scheduler_survives_such_rows_and_deletes_what_is_due(rows: Rows) -> None:
    kept = {buyer.pk for buyer in rows[OrderBuyer] if buyer.purge_after > timezone.now()}
    with suppress(SystemExit):  # it says so where a sync could not be announced
        call_command("run_scheduler", once=True, stdout=StringIO(), stderr=StringIO())
    call_command("purge_pii", stdout=StringIO())
    assert set(OrderBuyer.objects.values_list("pk", flat=True)) == kept
