"""/orders/totals: how many orders, units and amounts; they add up with the lists."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from api.tests.rest import NOON, amazon, fetch_all, make_order, superuser
from orders.models import Order, OrderItem
from orders.totals import MOST_DAYS
from platforms.models import Platform

DAY, PLACE = "Europe/Berlin", ZoneInfo("Europe/Berlin")


@pytest.fixture
def api(db: None) -> APIClient:
    return superuser()


def some_orders() -> None:
    """Around a change of the clocks (29 March 2026, 01:00 UTC in Berlin), with unknown amounts and quantities."""
    platforms = [amazon(), Platform.objects.create(name="shop")]
    start = datetime(2026, 3, 28, 20, tzinfo=UTC)
    for number in range(60):
        order = make_order(
            f"o-{number}",
            platform=platforms[number % 2],
            status=Order.Status.values[number % 5],
            marketplace_id=f"M{number % 3}",
            fulfilled_by=("merchant", "platform", "")[number % 3],
            source="mock" if number % 7 == 0 else "live",
            purchased_at=start + timedelta(minutes=53 * number),
            currency="JPY" if number % 3 == 2 else "EUR",
            total=None if number % 4 == 0 else Decimal(number) / 10,
            tax=Decimal("0.1") if number % 4 == 1 else None,
        )
        OrderItem.objects.create(
            order=order, external_id="02", quantity_ordered=None if number % 5 == 0 else number % 4
        )
    Order.objects.filter(external_id="o-59").update(currency="", total=None)
    OrderItem.objects.filter(order__external_id="o-58").delete()


def added_up(rows: list[dict[str, Any]], names: tuple[str, ...], zone: Any) -> dict[Any, Any]:
    """What the totals have to be, from the rows of the list."""
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        purchased = parse_datetime(row["purchased_at"])
        assert purchased is not None
        day = purchased.astimezone(zone).date().isoformat()
        groups[tuple((row | {"day": day})[name] for name in names)].append(row)
    return {key: _sums(found) for key, found in groups.items()}


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    units = [item["quantity_ordered"] for row in rows for item in row["items"]]
    amounts = {
        name: [Decimal(row[name]) for row in rows if row[name] is not None] for name in ("total", "tax")
    }
    known = [quantity for quantity in units if quantity is not None]
    return {
        "orders": len(rows),
        "units": sum(known) if known else None,
        "items_without_quantity": len(units) - len(known),
        "total": sum(amounts["total"]) if amounts["total"] else None,
        "orders_without_total": len(rows) - len(amounts["total"]),
        "tax": sum(amounts["tax"]) if amounts["tax"] else None,
        "orders_without_tax": len(rows) - len(amounts["tax"]),
    }  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", DAY, "America/Los_Angeles", "Asia/Kathmandu"])
@pytest.mark.parametrize(
    ("query", "group_by"),
    [
        ("", "day,marketplace_id,currency"),
        ("status=shipped,unshipped&fulfilled_by=merchant,unknown", "day,platform,status,fulfilled_by"),
        ("purchased_after=2026-03-29T00:00:00%2B01:00&platform_name=shop", "marketplace_id"),
        ("source=live,mock", "currency"),
        ("search=o-1", "status"),
    ],
)
def test_they_add_up_with_the_list(api: APIClient, zone: str, query: str, group_by: str) -> None:
    some_orders()
    asked = query if "source" in query else f"{query}&source=live"
    answer = api.get(f"/orders/totals?{query}&group_by={group_by}&time_zone={zone}").json()
    asked_names = [name for name in group_by.split(",") if name != "currency"]
    assert (answer["day_of"], answer["time_zone"]) == ("purchased_at", zone)
    assert answer["group_by"] == [*asked_names, "currency", "source"]
    names = tuple(answer["group_by"])
    found = {}
    for row in answer["results"]:
        sums = {name: value for name, value in row.items() if name not in (*names, "platform_id")}
        amounts = {name: sums[name] and Decimal(sums[name]) for name in ("total", "tax")}
        found[tuple(row[name] for name in names)] = sums | amounts
    rows = fetch_all(api, f"/orders?{asked}")
    assert rows
    assert found == added_up(rows, names, ZoneInfo(zone))
    assert len(found) == len(answer["results"])


def test_amounts_are_text_in_their_currency_and_days_come_in_order(api: APIClient) -> None:
    for number, total in enumerate(("0.1", "0.2", "1000000000.15")):
        make_order(f"o-{number}", total=Decimal(total), currency="EUR", marketplace_id="M")
    make_order("yen", total=Decimal("1980"), currency="JPY", purchased_at=NOON - timedelta(days=1))
    make_order("none", purchased_at=NOON + timedelta(days=2))
    rows = api.get("/orders/totals").json()["results"]
    assert [(row["day"], row["currency"], row["total"], row["orders"]) for row in rows] == [
        ("2026-01-30", "JPY", "1980", 1),
        ("2026-01-31", "EUR", "1000000000.45", 3),
        ("2026-02-02", "", None, 1),
    ]


def test_test_data_is_not_added_to_business(api: APIClient) -> None:
    make_order("a", currency="EUR", total=Decimal(1))
    make_order("b", currency="EUR", total=Decimal(2), source="mock")
    make_order("c", currency="EUR", total=Decimal(4), source="sandbox")

    def totals(query: str) -> list[tuple[str, str]]:
        rows = api.get(f"/orders/totals?group_by=currency{query}").json()["results"]
        return [(row["source"], row["total"]) for row in rows]

    assert totals("") == [("live", "1.00")]
    assert totals("&source=mock,live") == [("live", "1.00"), ("mock", "2.00")]
    assert api.get("/orders/totals?source=mock&status=pending").json()["results"] == []


def test_too_many_days_are_refused_with_a_way_out(api: APIClient) -> None:
    make_order("first")
    make_order("last", purchased_at=NOON + timedelta(days=MOST_DAYS))
    answer = api.get("/orders/totals")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["group_by"])
    assert "401 days" in answer.json()["detail"]
    assert "purchased_after" in answer.json()["detail"]
    assert len(api.get("/orders/totals?purchased_after=2026-02-01").json()["results"]) == 1
    [row] = api.get("/orders/totals?group_by=currency").json()["results"]
    assert row["orders"] == 2


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_times_that_stand_for_none_are_on_a_day_too(api: APIClient, moment: str, zone: str) -> None:
    make_order("odd", purchased_at=datetime.fromisoformat(moment))
    [row] = api.get(f"/orders/totals?time_zone={zone}").json()["results"]
    assert row["orders"] == 1


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("group_by=day,hour", "group_by", "'hour' is not known"),
        ("group_by=", "group_by", "empty"),
        ("time_zone=Berlin", "time_zone", "Europe/Berlin"),
        ("time_zone=../etc/passwd", "time_zone", "Europe/Berlin"),
        ("time_zone=Europe", "time_zone", "Europe/Berlin"),
        ("status=lost", "status", "lost is not known"),
        ("page_size=5", "page_size", "not known here"),
        ("ordering=synced_at", "ordering", "not known here"),
        ("fields=total", "fields", "not known here"),
        ("cursor=x", "cursor", "not known here"),
    ],
)
def test_it_names_what_it_cannot_read(api: APIClient, query: str, field: str, said: str) -> None:
    answer = api.get(f"/orders/totals?{query}")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert said in answer.json()["detail"]


def test_it_takes_the_same_number_of_queries_for_any_number_of_orders(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    make_order("a")
    api.get("/orders/totals")  # notes that the token is used
    with django_assert_num_queries(5):  # token, span, amounts, units, platforms
        api.get("/orders/totals")
    some_orders()
    with django_assert_num_queries(5):
        assert api.get("/orders/totals?purchased_after=2026-03-01").json()["results"]
