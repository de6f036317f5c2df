"""/orders for a warehouse and for reports: filters with several values, orders of the list, fields, counts."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from api.tests.rest import NOON, amazon, fetch_all, make_order, superuser, user_with
from core.database.counting import count_up_to
from orders.models import Order, OrderItem, OrderPackage
from orders.search import FEW
from platforms.models import Platform

Row = dict[str, Any]


@pytest.fixture
def api(db: None) -> APIClient:
    return superuser()


def some_orders(count: int = 40) -> None:
    """Orders with all that is filtered by, many of them equal in a time."""
    chance = random.Random(7)  # noqa: S311
    platforms = [amazon(), *(Platform.objects.create(name=f"shop-{number}") for number in range(2))]
    for number in range(count):
        moments = [NOON + timedelta(hours=chance.randrange(6)) for _time in range(4)]
        order = make_order(
            f"o-{number}",
            platform=chance.choice(platforms),
            sku=chance.choice(["A", "A,B", " A", "c"]),
            status=chance.choice(Order.Status.values),
            fulfilled_by=chance.choice(["merchant", "platform", ""]),
            marketplace_id=chance.choice(["M1", "M2", "M3"]),
            source=chance.choice(["live", "live", "mock"]),
            purchased_at=moments[0],
            platform_updated_at=moments[1],
            synced_at=moments[2],
            ship_by=chance.choice([None, moments[3]]),
        )
        OrderPackage.objects.create(order=order, external_id="1", tracking_number=f"T{number % 5}")


def within(name: str, start: int, end: int) -> Callable[[Row], bool]:
    """Whether the time is in these hours after NOON; the end is excluded."""

    def is_within(row: Row) -> bool:
        moment = parse_datetime(row[name]) if row[name] else None
        return moment is not None and NOON + timedelta(hours=start) <= moment < NOON + timedelta(hours=end)

    return is_within


FILTERS: list[tuple[str, Callable[[Row], bool]]] = [
    ("status=unshipped,partially_shipped", lambda row: row["status"] in ("unshipped", "partially_shipped")),
    ("status=shipped&status=unshipped", lambda row: row["status"] in ("shipped", "unshipped")),
    ("fulfilled_by=merchant,unknown", lambda row: row["fulfilled_by"] in ("merchant", "")),
    ("fulfilled_by=unknown", lambda row: row["fulfilled_by"] == ""),
    ("marketplace_id=M1,M3", lambda row: row["marketplace_id"] in ("M1", "M3")),
    ("platform_name=shop-0,shop-1", lambda row: row["platform"] in ("shop-0", "shop-1")),
    ("platform_name=shop-1", lambda row: row["platform"] == "shop-1"),
    ("source=mock,sandbox", lambda row: row["source"] == "mock"),
    ("external_id=o-1,o-2&external_id=o-3", lambda row: row["external_id"] in ("o-1", "o-2", "o-3")),
    ("sku=A", lambda row: row["items"][0]["sku"] == "A"),
    ("sku=A%2CB&sku=+A", lambda row: row["items"][0]["sku"] in ("A,B", " A")),
    ("tracking_number=T1&tracking_number=T2", lambda row: row["packages"][0]["tracking_number"] in ("T1", "T2")),
    (
        "updated_after=2026-01-31T13:00:00Z&updated_before=2026-01-31T15:00:00Z",
        within("platform_updated_at", 1, 3),
    ),
    ("synced_after=2026-01-31T13:00:00Z&synced_before=2026-01-31T15:00:00Z", within("synced_at", 1, 3)),
    ("ship_by_after=2026-01-31T14:00:00Z", within("ship_by", 2, 9)),
    ("ship_by_before=2026-01-31T14:00:00Z", within("ship_by", -9, 2)),
    ("purchased_after=2026-01-31T12:00:00Z&purchased_before=2026-01-31T13:00:00Z", within("purchased_at", 0, 1)),
]  # fmt: skip
ORDERINGS = [
    sign + column
    for column in ("purchased_at", "platform_updated_at", "synced_at", "ship_by")
    for sign in ("", "-")
]


def in_order_of(rows: list[Row], ordering: str) -> list[Row]:
    """Rows without a value come last, whatever the direction."""
    name, descending = ordering.lstrip("-"), ordering.startswith("-")
    known = [row for row in rows if row[name] is not None]
    known.sort(key=lambda row: (row[name], row["id"]), reverse=descending)
    unknown = [row for row in rows if row[name] is None]
    return known + sorted(unknown, key=lambda row: row["id"], reverse=descending)


def test_each_filter_alone_and_in_pairs_finds_what_it_says_in_each_order(api: APIClient) -> None:
    some_orders()
    everything = fetch_all(api, "/orders")
    assert len(everything) == 40
    for number, (query, passes) in enumerate(FILTERS):
        ordering = ORDERINGS[number % len(ORDERINGS)]
        wanted = in_order_of([row for row in everything if passes(row)], ordering)
        assert wanted, query
        assert fetch_all(api, f"/orders?{query}&ordering={ordering}&page_size=7") == wanted, query
        other, also = FILTERS[(number + 5) % len(FILTERS)]
        both = [row["id"] for row in everything if passes(row) and also(row)]
        found = [row["id"] for row in fetch_all(api, f"/orders?{query}&{other}&fields=id")]
        assert found == both, (query, other)


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_it_walks_in_each_order_there_and_back(api: APIClient, ordering: str) -> None:
    some_orders(25)
    wanted = in_order_of(fetch_all(api, "/orders"), ordering)
    pages = [api.get(f"/orders?page_size=4&ordering={ordering}").json()]
    while pages[-1]["next"]:
        pages.append(api.get(pages[-1]["next"]).json())
    assert [row for page in pages for row in page["results"]] == wanted
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(api.get(back[-1]["previous"]).json())
    assert [row for page in reversed(back) for row in page["results"]] == wanted


def test_many_orders_are_found_by_other_ways_than_few(api: APIClient) -> None:
    """More than are looked up by id: the list is read in its order, and gives the same."""
    count, other = FEW + 100, Platform.objects.create(name="small")
    Order.objects.bulk_create(
        Order(
            platform=amazon(),
            external_id=f"o-{number}",
            status="pending" if number % 2 else "unshipped",
            marketplace_id="M1",
            purchased_at=NOON + timedelta(minutes=number),
            platform_updated_at=NOON + timedelta(minutes=-number),
            synced_at=NOON + timedelta(minutes=number),
            source="mock",
        )
        for number in range(count)
    )
    make_order("small-1", platform=other)
    last_first = [f"o-{number}" for number in reversed(range(count))]
    for query, wanted in (
        ("status=pending,unshipped", last_first),
        ("source=mock", last_first),
        ("platform_name=amazon&marketplace_id=M1", last_first),
        ("updated_before=2026-01-31T12:00:01Z", last_first),
        ("synced_after=2026-01-31&synced_before=2026-02-28&marketplace_id=M1", last_first),
        ("purchased_after=2026-01-01&ordering=synced_at&source=mock", last_first[::-1]),
    ):
        answer = api.get(f"/orders?{query}&page_size=20&fields=external_id&count=true").json()
        assert [row["external_id"] for row in answer["results"]] == wanted[:20], query
        assert answer["count"] == count, query
    assert [row["external_id"] for row in fetch_all(api, "/orders?platform_name=small&source=live")] == [
        "small-1"
    ]


def test_it_answers_the_fields_that_are_asked_for(api: APIClient, django_assert_num_queries: Any) -> None:
    order = make_order(total=Decimal("5"), currency="JPY")
    [whole] = api.get("/orders").json()["results"]
    with django_assert_num_queries(3):  # token, ids, rows; neither items nor packages
        [row] = api.get("/orders?fields=total,external_id").json()["results"]
    assert row == {"external_id": order.external_id, "total": "5"}
    assert list(row) == ["external_id", "total"]
    for name in whole:
        assert api.get(f"/orders?fields={name}").json()["results"] == [{name: whole[name]}]
    assert api.get(f"/orders/{order.pk}?fields=payload,status").json() == {
        "status": "shipped",
        "payload": {"orderId": order.external_id},
    }


def test_it_counts_up_to_a_limit(api: APIClient) -> None:
    some_orders(12)
    answer = api.get("/orders?count=true&page_size=5").json()
    assert (answer["count"], answer["count_is_exact"], len(answer["results"])) == (12, True, 5)
    assert api.get(answer["next"]).json()["count"] == 12
    live = len([row for row in fetch_all(api, "/orders") if row["source"] == "live"])
    assert api.get("/orders?count=true&source=live").json()["count"] == live
    assert "count" not in api.get("/orders?count=false").json()


@pytest.mark.django_db
def test_counting_ends_at_a_limit() -> None:
    for number in range(4):
        make_order(f"o-{number}")
    counts = [count_up_to(Order.objects.all(), most) for most in (3, 4, 5)]
    assert counts == [(3, False), (4, True), (4, True)]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("status=shipped,lost", "status", "lost is not known. It takes one or more of: pending,"),
        ("status=shipped,", "status", "empty"),
        ("status=%25s", "status", "%s is not known"),
        ("platform_name=%25s", "platform_name", "'%s'"),
        ("fulfilled_by=me", "fulfilled_by", "merchant, platform, unknown"),
        ("fulfilled_by=MERCHANT", "fulfilled_by", "merchant, platform, unknown"),
        ("platform_name=amazon,nowhere", "platform_name", "nowhere"),
        ("ids=1,x", "ids", "whole numbers"),
        ("ids=-1", "ids", "whole numbers"),
        ("ids=" + "9" * 30, "ids", "whole numbers"),
        ("ids=" + ",".join(map(str, range(501))), "ids", "at most 500"),
        ("sku=A&sku=", "sku", "empty"),
        ("external_id=a,,b", "external_id", "empty"),
        ("ship_by_after=tomorrow", "ship_by_after", "2026-01-31"),
        ("synced_after=2026-13-01", "synced_after", "2026-01-31"),
        ("ordering=total", "ordering", "-purchased_at, purchased_at"),
        ("ordering=synced_at,id", "ordering", "synced_at"),
        ("ordering=--synced_at", "ordering", "synced_at"),
        ("fields=id,totl", "fields", "'totl' is not known"),
        ("fields=payload", "fields", "'payload' is not known"),
        ("fields=id,,status", "fields", "''"),
        ("count=yes", "count", "true or false"),
        ("count=true&count=true", "count", "more than once"),
        ("level=low", "level", "not known here"),
        ("time_zone=UTC", "time_zone", "not known here"),
    ],
)
def test_it_names_what_it_cannot_read_and_what_it_takes(
    api: APIClient, query: str, field: str, said: str
) -> None:
    answer = api.get(f"/orders?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert said in answer.json()["detail"]


def test_a_cursor_is_of_one_order_alone(api: APIClient) -> None:
    some_orders(6)
    cursor = (
        api.get("/orders?page_size=2&ordering=synced_at").json()["next"].split("cursor=")[1].split("&")[0]
    )
    usual = api.get("/orders?page_size=2").json()["next"].split("cursor=")[1].split("&")[0]
    for query in (
        f"cursor={cursor}",
        f"cursor={cursor}&ordering=-synced_at",
        f"cursor={usual}&ordering=synced_at",
        f"cursor={usual}&ordering=purchased_at",
    ):
        answer = api.get(f"/orders?page_size=2&{query}")
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["cursor"]), query


def test_who_polls_by_synced_at_reads_each_change_once(api: APIClient) -> None:
    some_orders(9)
    rows = fetch_all(api, "/orders?ordering=synced_at&page_size=2")
    latest = max(rows, key=lambda row: (row["synced_at"], row["id"]))
    changed = Order.objects.exclude(pk=latest["id"]).order_by("pk")[0]
    moment: datetime = Order.objects.get(pk=latest["id"]).synced_at + timedelta(seconds=1)
    Order.objects.filter(pk=changed.pk).update(synced_at=moment, status="cancelled")
    query = f"synced_after={moment.isoformat().replace('+00:00', 'Z')}&ordering=synced_at"
    assert [row["id"] for row in fetch_all(api, f"/orders?{query}")] == [changed.pk]


# --- one order


def test_it_shows_an_order_by_the_id_of_its_platform(api: APIClient) -> None:
    order = make_order("302-123/4 ä")
    shown = make_order("302-1234567-1234567")
    answer = api.get("/orders/302-1234567-1234567")
    assert (answer.status_code, answer.json()["id"]) == (200, shown.pk)
    assert answer.json() == api.get(f"/orders/{shown.pk}").json()
    assert api.get("/orders/302-123").status_code == 404
    assert [row["id"] for row in fetch_all(api, "/orders?external_id=302-123%2F4+%C3%A4")] == [order.pk]


def test_a_number_is_the_id_of_oms_first(api: APIClient) -> None:
    first = make_order("111-1")
    second = make_order(str(first.pk))
    third = make_order("990000000000000000000000")
    assert api.get(f"/orders/{first.pk}").json()["external_id"] == "111-1"
    assert api.get(f"/orders/{first.pk}?platform_name=amazon").json()["id"] == second.pk
    assert api.get("/orders/990000000000000000000000").json()["id"] == third.pk


def test_an_id_that_two_platforms_gave_is_refused_by_name(api: APIClient) -> None:
    ids = [
        make_order("1-1", platform=platform).pk for platform in (amazon(), Platform.objects.create(name="b"))
    ]
    answer = api.get("/orders/1-1")
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous")
    assert all(
        f"{pk} of {name}" in answer.json()["detail"] for pk, name in zip(ids, ("amazon", "b"), strict=True)
    )
    assert api.get("/orders/1-1?platform_name=b").json()["id"] == ids[1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("platform_name=nowhere", "platform_name"),
        ("platform_name=amazon,b", "platform_name"),
        ("platform_name=", "platform_name"),
        ("page_size=5", "page_size"),
        ("fields=x", "fields"),
    ],
)
def test_it_refuses_odd_parameters_of_one_order(api: APIClient, query: str, field: str) -> None:
    order = make_order("111-1")
    answer = api.get(f"/orders/{order.external_id}?{query}")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize("key", ["nothing", "0", "-1", "1.5", "%00", "%ff", "9" * 400, "sync%20"])
def test_an_order_that_is_not_there_is_404(api: APIClient, key: str) -> None:
    answer = api.get(f"/orders/{key}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_filters_need_the_permission_of_the_list(db: None) -> None:
    order = make_order("111-1")
    client = user_with("inventory.view_inventoryitem")
    for address in (
        "/orders",
        f"/orders/{order.pk}",
        "/orders/111-1",
        "/orders/totals",
        "/orders/111-1/buyer",
    ):
        assert client.get(address).status_code == 403, address


def test_a_row_is_the_same_in_the_list_and_alone(api: APIClient) -> None:
    order = make_order(
        "111-1", total=Decimal("1234.5"), tax=Decimal("0.0050"), currency="EUR", programs=["PRIME"]
    )
    item = OrderItem.objects.get(order=order)
    item.unit_price, item.currency, item.quantity_left = Decimal("3"), "KWD", 2
    item.save()
    OrderItem.objects.create(order=order, external_id="02", sku="B", quantity_left=1)
    [row] = api.get("/orders").json()["results"]
    alone = api.get(f"/orders/{order.pk}").json()
    assert alone == row | {"payload": order.payload}
    assert (row["total"], row["tax"], row["quantity_left"], row["programs"]) == (
        "1234.50",
        "0.005",
        3,
        ["PRIME"],
    )
    assert [line["unit_price"] for line in row["items"]] == ["3.000", None]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="another database plans by the rows that it holds")
@pytest.mark.parametrize("limit", ["synced_before", "updated_before"])
def test_a_list_with_many_orders_before_a_time_is_read_from_one_index(
    api: APIClient, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not order by order from the table, up to the first that is old enough."""
    monkeypatch.setattr("orders.listing.FEW", 1)
    some_orders(3)
    with CaptureQueriesContext(connection) as queries:
        assert len(api.get(f"/orders?{limit}=2099-01-01").json()["results"]) == 3
    page_of_ids = next(
        each["sql"] for each in queries if "ORDER BY" in each["sql"] and "COALESCE" in each["sql"]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {page_of_ids}")
        assert [row[3] for row in cursor.fetchall()] == ["SCAN orders USING COVERING INDEX order_newest"]
