"""Orders that a list of orders reports: what is made of its rows, and what becomes of orders that are stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from api.tests.rest import superuser
from feed.models import Change
from integrations.shipping.rules import CannotShip, check_order
from orders.models import Order, OrderBuyer, OrderChange
from orders.records import BuyerRecord, OrderItemRecord, OrderRecord, ReportedLine
from orders.reported import Prices, is_ours, prices_of, reported_order
from orders.services import store_reported, upsert_orders
from platforms.models import Platform

DAY = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
ID = "902-0000001-0000001"


def row(sku: str = "A", **changes: Any) -> ReportedLine:
    values: dict[str, Any] = {
        "order_id": ID, "status": "unshipped", "platform_status": "Unshipped", "purchased_at": DAY, "updated_at": DAY,
        "marketplace_id": "A1PA6795UKMFR9", "fulfilled_by": "merchant", "service_level": "Standard", "sku": sku,
        "asin": "B000000001", "title": f"Kettle {sku}", "item_status": "unshipped", "quantity": 2, "currency": "EUR",
        "item_price": Decimal("20.00"), "item_tax": Decimal("3.80"), "shipping": Decimal("5.00"),
        "shipping_tax": Decimal("0.95"), "item_discount": Decimal("1.00"), "ship_to_country": "AT",
    }  # fmt: skip
    return ReportedLine(**values | changes)


def line(number: int, sku: str = "A", **changes: Any) -> OrderItemRecord:
    values: dict[str, Any] = {
        "external_id": f"0{number}", "sku": sku, "title": f"Kettle {sku}", "quantity_ordered": 2, "quantity_shipped": 0,
        "quantity_left": 2, "unit_price": Decimal("10.00"), "total": Decimal("28.75"), "tax": Decimal("4.75"),
        "item_subtotal": Decimal("20.00"), "currency": "EUR",
    }  # fmt: skip
    return OrderItemRecord(**values | changes)


def full(*items: OrderItemRecord, at: datetime = DAY, **changes: Any) -> OrderRecord:
    values: dict[str, Any] = {
        "external_id": ID, "purchased_at": DAY, "platform_updated_at": at, "status": "unshipped",
        "platform_status": "UNSHIPPED", "marketplace_id": "A1PA6795UKMFR9", "fulfilled_by": "merchant",
        "service_level": "STANDARD", "ship_by": DAY + timedelta(days=2), "currency": "EUR", "total": Decimal("28.75"),
        "tax": Decimal("4.75"), "programs": ("PRIME",), "payload": {"orderId": ID}, "ship_to_country": "AT",
        "buyer": BuyerRecord(name="Zoë"),
    }  # fmt: skip
    return OrderRecord(**values | changes, items=items or (line(1),))


def listed(*rows: ReportedLine, prices: Prices = Prices.NET) -> OrderRecord:
    record = reported_order(rows, prices)
    assert record is not None
    return record


# --- what is made of rows


def test_it_knows_what_the_rows_say() -> None:
    record = listed(
        row(), row("B", quantity=3, item_price=Decimal("10.00"), item_tax=None, promotion_ids=("P",))
    )
    one, other = record.items
    assert (record.status, record.fulfilled_by, record.ship_to_country) == ("unshipped", "merchant", "AT")
    assert (one.unit_price, one.item_subtotal, one.tax) == (
        Decimal("10.00"),
        Decimal("20.00"),
        Decimal("4.75"),
    )
    assert (one.total, one.quantity_left, one.quantity_shipped) == (Decimal("28.75"), 2, 0)
    assert other.unit_price is None  # 10 / 3 is no price
    assert record.total == Decimal("28.75") + Decimal("14.95")
    assert record.payload == {"report": {"promotion_ids": {"B": ["P"]}}}
    assert {"ship_by", "packages", "programs"} <= set(record.absent)


@pytest.mark.parametrize(
    ("prices", "total"),
    [(Prices.NET, Decimal("28.75")), (Prices.GROSS, Decimal("24.00")), (Prices.UNKNOWN, None)],
)
def test_a_total_needs_to_know_whether_prices_include_the_tax(prices: Prices, total: Decimal | None) -> None:
    assert listed(row(), prices=prices).total == total
    untaxed = row(item_tax=None, shipping_tax=Decimal(0))
    assert listed(untaxed, prices=prices).total == Decimal("24.00")  # without a tax, all are the same
    if total is not None:
        assert prices_of([row()], total) == prices
    assert prices_of([untaxed], Decimal("24.00")) == prices_of([row()], Decimal(1)) == Prices.UNKNOWN


def test_rows_of_one_sku_are_lines_of_their_own_unless_they_are_the_same_row() -> None:
    twice = listed(row(), row(quantity=1, item_price=Decimal("10.00")), row())
    assert [item.quantity_ordered for item in twice.items] == [1, 2]
    assert len({item.external_id for item in twice.items}) == 2
    turned = listed(row(), row(quantity=1, item_price=Decimal("10.00")))
    assert turned.items == twice.items


def test_odd_rows_are_no_more_than_they_say() -> None:
    gone = row("B", item_status="cancelled", quantity=1, item_price=Decimal("9.00"))
    record = listed(row(), gone)
    assert record.items[1].quantity_ordered in (0, 2)
    cancelled = next(item for item in record.items if item.sku == "B")
    assert (cancelled.quantity_ordered, cancelled.quantity_left, cancelled.total) == (0, 0, None)
    assert record.total == Decimal("28.75")
    pending = listed(
        row(status="pending", item_status="pending", item_price=None, item_tax=None, currency="")
    )
    assert (pending.total, pending.currency, pending.items[0].quantity_left) == (None, "", None)
    replacement = listed(row(item_price=Decimal(0), item_tax=None, shipping=None, item_discount=None))
    assert replacement.total == replacement.tax == Decimal("0.95")
    all_cancelled = listed(row(status="cancelled", item_status="cancelled", quantity=0, item_price=None))
    assert (all_cancelled.items[0].quantity_left, all_cancelled.total) == (0, None)
    assert listed(row("A\ufffd")).items[0].sku == ""
    assert listed(row(), row("B", currency="USD")).total is None
    assert reported_order([row(purchased_at=None)]) is None
    assert is_ours(record.items[0].external_id)
    assert not is_ours("05015851154158")


# --- what becomes of stored orders


@pytest.fixture
def platform(db: None) -> Platform:
    return Platform.objects.get(name="amazon")


def report(platform: Platform, *records: OrderRecord, updates_full: bool = False) -> tuple[int, int, int]:
    done = store_reported(platform=platform, records=records, source="live", updates_full=updates_full)
    return done.created, done.updated, done.unchanged


def stored() -> tuple[Any, ...]:
    order = Order.objects.get(external_id=ID)
    lines = order.items.values_list(
        "external_id", "sku", "quantity_ordered", "quantity_shipped", "total", "unit_price"
    )
    return order.completeness, order.status, order.platform_updated_at, order.total, list(lines)


def test_a_reported_order_is_stored_once_and_told_of(platform: Platform) -> None:
    record = listed(row(), row("B", item_tax=None))
    assert report(platform, record) == (1, 0, 0)
    assert report(platform, record) == (0, 0, 1)
    assert report(platform, listed(row("B", item_tax=None), row())) == (0, 0, 1)
    assert report(platform, replace(record, platform_updated_at=DAY - timedelta(hours=1))) == (0, 0, 1)
    newer = listed(
        *(
            replace(each, status="shipped", item_status="shipped", updated_at=DAY + timedelta(1))
            for each in (row(), row("B", item_tax=None))
        )
    )
    assert report(platform, newer) == (0, 1, 0)
    completeness, status, _at, total, lines = stored()
    assert (completeness, status, total, [each[3] for each in lines]) == (
        "report",
        "shipped",
        Decimal("53.70"),
        [2, 2],
    )
    kinds = list(Change.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["order.created", "order.updated"]


def test_the_full_order_takes_the_place_of_the_reported_one(platform: Platform) -> None:
    """Two lines of one SKU, and one that the list had under another name."""
    report(
        platform,
        listed(row(), row(quantity=1, item_price=Decimal("10.00"), item_tax=None), row("C\ufffd")),
    )
    assert Order.objects.get().items.count() == 3
    items = (line(1, quantity_ordered=1), line(2), line(3, "Cé"))
    record = full(*items, at=DAY.replace(microsecond=900))
    upsert_orders(platform=platform, records=[record], source="live")
    completeness, _status, _at, total, lines = stored()
    assert (completeness, total) == ("full", Decimal("28.75"))
    assert [each[0] for each in sorted(lines)] == ["01", "02", "03"]
    told = {change[0] for change in OrderChange.objects.get().changes}
    assert "completeness" in told
    assert not told & {"added", "removed", "quantity_ordered", "ship_by"}
    assert Change.objects.filter(kind="order.updated", field_names__contains="completeness").count() == 1
    assert report(platform, listed(row())) == (0, 0, 1)  # the list is read once more


def test_what_is_known_in_full_is_not_overwritten(platform: Platform) -> None:
    upsert_orders(platform=platform, records=[full(at=DAY.replace(microsecond=500))], source="live")
    before = stored()
    same = listed(row(title="A kettle", quantity=1))
    later = listed(row(status="shipped", item_status="shipped", updated_at=DAY + timedelta(hours=1)))
    assert report(platform, same, updates_full=True) == (0, 0, 1)
    assert report(platform, later) == (0, 0, 1)
    assert stored() == before
    assert OrderChange.objects.count() == 0


def test_a_newer_version_in_a_list_changes_what_the_list_knows_alone(platform: Platform) -> None:
    platform.include_pii = True
    platform.save()
    now = datetime.now(UTC).replace(microsecond=0)
    upsert_orders(
        platform=platform, records=[full(line(1), line(2, "B"), at=now, purchased_at=now)], source="live"
    )
    later = now + timedelta(hours=1)
    rows = [
        row(sku, status="shipped", item_status="shipped", updated_at=later, item_price=Decimal("1.00"))
        for sku in "AB"
    ]
    assert report(platform, listed(*rows), updates_full=True) == (0, 1, 0)
    order = Order.objects.get()
    assert stored()[:4] == ("outdated", "shipped", later, Decimal("28.75"))
    assert [each[0:4] for each in stored()[4]] == [("01", "A", 2, 2), ("02", "B", 2, 2)]
    assert (order.ship_by, order.programs, order.payload) == (
        DAY + timedelta(days=2),
        ["PRIME"],
        {"orderId": ID},
    )
    assert order.purchased_at == now
    assert OrderBuyer.objects.filter(order=order).exists()
    # An answer from before the list does not bring the old state back; the next one makes it full again.
    upsert_orders(platform=platform, records=[full(line(1), line(2, "B"), at=now)], source="live")
    assert stored()[:2] == ("outdated", "shipped")
    assert report(platform, listed(*rows), updates_full=True) == (0, 0, 1)  # the list is read once more
    newest = full(line(1), line(2, "B"), at=later, status="shipped")
    upsert_orders(platform=platform, records=[newest], source="live")
    assert stored()[:2] == ("full", "shipped")


def test_a_list_takes_a_cancelled_order_from_those_that_are_to_be_shipped(
    platform: Platform, admin_client: Client
) -> None:
    """At once, with its lines; and what was cancelled may not be shipped."""
    upsert_orders(platform=platform, records=[full(line(1), line(2, "B"))], source="live")
    assert Order.objects.to_ship().count() == 1
    later = DAY + timedelta(hours=1)
    gone: dict[str, Any] = {
        "status": "cancelled",
        "item_status": "cancelled",
        "updated_at": later,
        "quantity": 0,
    }
    assert report(platform, listed(row(**gone), row("B", **gone)), updates_full=True) == (0, 1, 0)
    order = Order.objects.get()
    assert (order.status, order.completeness, order.is_full) == ("cancelled", "outdated", False)
    assert (Order.objects.to_ship().count(), order.ship_by) == (0, DAY + timedelta(days=2))
    with pytest.raises(CannotShip) as refused:
        check_order(order)
    assert refused.value.code == "cancelled"
    [shown] = superuser().get("/orders?completeness=outdated").json()["results"]
    assert [(item["external_id"], item["sku"]) for item in shown["items"]] == [("01", "A"), ("02", "B")]
    listing = admin_client.get("/admin/orders/order/?completeness__in=outdated,report").content
    assert b"newer by report" in listing
    page = admin_client.get(f"/admin/orders/order/{order.pk}/change/").content
    assert b"its status and its units from a report of the platform" in page


def test_an_order_that_a_list_has_a_newer_version_of_can_be_shipped(platform: Platform) -> None:
    """Its lines have the platform's ids; those of one that is known by report alone do not."""
    upsert_orders(platform=platform, records=[full()], source="live")
    report(platform, listed(row(updated_at=DAY + timedelta(hours=1))), updates_full=True)
    order = Order.objects.get()
    assert order.completeness == "outdated"
    check_order(order)
    report(platform, listed(row(order_id="902-2")))
    with pytest.raises(CannotShip) as refused:
        check_order(Order.objects.get(external_id="902-2"))
    assert refused.value.code == "known_by_report"


def test_an_older_version_in_a_list_changes_nothing(platform: Platform) -> None:
    newest = full(at=DAY + timedelta(hours=2), status="shipped")
    upsert_orders(platform=platform, records=[newest], source="live")
    before = stored()
    gone = row(status="cancelled", item_status="cancelled", updated_at=DAY + timedelta(hours=1))
    assert report(platform, listed(gone), updates_full=True) == (0, 0, 1)
    assert stored() == before


def test_lines_stay_where_it_is_not_clear_which_is_which(platform: Platform) -> None:
    upsert_orders(platform=platform, records=[full(line(1), line(2, "B"))], source="live")
    later = listed(row("C", status="shipped", updated_at=DAY + timedelta(hours=1)))
    assert report(platform, later, updates_full=True) == (0, 1, 0)
    assert [each[:4] for each in stored()[4]] == [("01", "A", 2, 0), ("02", "B", 2, 0)]


def test_mock_rows_give_way_and_live_ones_do_not(platform: Platform) -> None:
    upsert_orders(platform=platform, records=[full()], source="mock")
    assert report(platform, listed(row())) == (1, 0, 0)
    assert stored()[0] == "report"
    upsert_orders(platform=platform, records=[full()], source="mock")
    assert stored()[0] == "report"


def test_lists_and_pages_tell_which_orders_are_known_by_report(
    platform: Platform, admin_client: Client
) -> None:
    upsert_orders(platform=platform, records=[replace(full(), external_id="902-1")], source="live")
    listing = "/admin/orders/order/"
    assert b"Known by report alone" not in admin_client.get(listing).content
    report(platform, listed(row()))
    api = superuser()
    found = {name: api.get(f"/orders?completeness={name}").json()["results"] for name in ("report", "full")}
    assert [each["external_id"] for each in found["report"]] == [ID]
    assert [each["completeness"] for each in found["full"]] == ["full"]
    assert api.get("/orders?completeness=half").status_code == 400
    totals = api.get("/orders/totals").json()["results"]
    assert sum(each["orders"] for each in totals) == 2
    page = admin_client.get(f"{listing}?completeness__exact=report").content
    assert b"Known by report alone" in page
    assert ID.encode() in page
    assert b"902-1<" not in page
    assert (
        b"known by report alone"
        in admin_client.get(f"{listing}{Order.objects.get(external_id=ID).pk}/change/").content
    )
    answer: Any = admin_client.get(f"{listing}export/orders.csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert sorted(each.rstrip().rpartition(",")[2].strip('"') for each in lines[1:]) == [
        "full",
        "known by report alone",
    ]
