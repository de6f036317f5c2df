"""Storing orders, on a real database."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from threading import Event
from typing import Any

import pytest
from django.apps import apps
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feed.models import Change
from orders.erasing import purge_buyers
from orders.lines import ITEM_REPORTED
from orders.models import Order, OrderBuyer, OrderItem
from orders.records import BuyerRecord, OrderItemRecord, OrderRecord
from orders.services import REPORTED, delete_orders, upsert_orders
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
BUYER = BuyerRecord(name="Zoë Canary", email="zoe@canary.invalid", phone="+1 555", address={"city": "Köln"})


@pytest.fixture
def platform() -> Platform:
    return Platform.objects.get(name="amazon")


def item(number: int = 1, **changes: Any) -> OrderItemRecord:
    values: dict[str, Any] = {
        "external_id": f"0{number:013d}",
        "sku": f"SKU-{number}",
        "asin": "B000000001",
        "title": "Cable",
        "quantity_ordered": 2,
        "quantity_shipped": 1,
        "unit_price": Decimal("9.99"),
        "total": Decimal("19.98"),
        "tax": Decimal("1.5"),
        "shipping": Decimal("4"),
        "discount": Decimal("0.5"),
        "currency": "EUR",
    }
    return OrderItemRecord(**values | changes)


def order(number: int = 1, **changes: Any) -> OrderRecord:
    values: dict[str, Any] = {
        "external_id": f"902-{number:07d}-0000001",
        "purchased_at": DAY,
        "platform_updated_at": DAY + timedelta(milliseconds=328),
        "items": (item(1), item(2)),
        "status": "unshipped",
        "platform_status": "UNSHIPPED",
        "marketplace_id": "A1PA6795UKMFR9",
        "fulfilled_by": "merchant",
        "service_level": "EXPEDITED",
        "ship_by": DAY + timedelta(days=1),
        "deliver_by": DAY + timedelta(days=4),
        "currency": "EUR",
        "total": Decimal("39.96"),
        "programs": ("PRIME",),
        "replaced_order_id": "902-0000000-0000000",
        "buyer_requested_cancellation": True,
        "payload": {"orderId": f"902-{number:07d}-0000001", "nested": [1, "zwei", None, 1.5]},
    }
    return OrderRecord(**values | changes)


def later(record: OrderRecord, **changes: Any) -> OrderRecord:
    return replace(record, platform_updated_at=record.platform_updated_at + timedelta(hours=1), **changes)


def store(platform: Platform, *records: OrderRecord, source: str = Source.LIVE) -> tuple[int, int, int]:
    outcome = upsert_orders(platform=platform, records=records, source=source)
    return outcome.created, outcome.updated, outcome.unchanged


def contents() -> list[list[tuple[Any, ...]]]:
    """Every row of every table of orders."""
    return [list(model.objects.order_by("pk").values_list()) for model in (Order, OrderItem, OrderBuyer)]


@contextmanager
def nothing_written() -> Iterator[None]:
    before = contents()
    with CaptureQueriesContext(connection) as captured:
        yield
    writes = ("INSERT", "UPDATE", "DELETE", "REPLACE")
    assert [query["sql"] for query in captured if query["sql"].startswith(writes)] == []
    assert contents() == before


def test_it_stores_every_field(platform: Platform) -> None:
    record = order()
    assert store(platform, record) == (1, 0, 0)
    stored = Order.objects.get()
    for name in REPORTED:
        expected = list(record.programs) if name == "programs" else getattr(record, name)
        assert getattr(stored, name) == expected, name
    assert (stored.payload, stored.source, stored.platform) == (record.payload, "live", platform)
    for line, row in zip(record.items, stored.items.order_by("external_id"), strict=True):
        assert {name: getattr(row, name) for name in ITEM_REPORTED} == {
            name: getattr(line, name) for name in ITEM_REPORTED
        }


def test_it_reports_every_column_that_the_models_have() -> None:
    own = {"id", "platform", "external_id", "source", "payload", "content_hash", "synced_at"}
    assert {field.name for field in Order._meta.concrete_fields} == own | set(REPORTED)
    assert {field.name for field in OrderItem._meta.concrete_fields} == {
        "id",
        "order",
        "external_id",
        *ITEM_REPORTED,
    }


def test_it_writes_no_row_when_the_same_window_comes_twice(platform: Platform) -> None:
    records = [order(number) for number in range(1, 8)]
    assert store(platform, *records) == (7, 0, 0)
    with nothing_written():
        assert store(platform, *records) == (0, 0, 7)


def test_it_stores_a_change_whose_time_did_not_move(platform: Platform) -> None:
    store(platform, order())
    assert store(platform, order(status="shipped")) == (0, 1, 0)
    assert Order.objects.get().status == "shipped"


def test_it_notices_a_change_in_the_payload_alone(platform: Platform) -> None:
    store(platform, order())
    assert store(platform, order(payload={"orderId": "x", "newField": True})) == (0, 1, 0)
    assert Order.objects.get().payload == {"orderId": "x", "newField": True}


def test_it_never_goes_back_to_an_older_record(platform: Platform) -> None:
    store(platform, later(order(status="shipped")))
    with nothing_written():
        assert store(platform, order()) == (0, 0, 1)


def test_it_takes_the_newest_of_duplicates_within_a_page(platform: Platform) -> None:
    old, new = order(), later(order(status="shipped"))
    assert store(platform, new, old) == (1, 0, 1)
    assert Order.objects.get().status == "shipped"


def bare(absent: Iterable[str] = (), absent_of_line: Iterable[str] = ()) -> OrderRecord:
    """A later record of `order`, without any value that may be missing."""
    return OrderRecord(
        external_id=order().external_id,
        purchased_at=DAY,
        platform_updated_at=DAY + timedelta(days=1),
        items=(OrderItemRecord(external_id=item(1).external_id, absent=tuple(absent_of_line)),),
        absent=tuple(absent),
    )


def test_it_keeps_stored_values_where_the_answer_says_nothing(platform: Platform) -> None:
    store(platform, order())
    before = Order.objects.values(*REPORTED).get() | {"platform_updated_at": None}
    line = OrderItem.objects.values().order_by("pk")[0]
    optional = set(REPORTED) - {"purchased_at", "platform_updated_at"}
    assert store(platform, bare(optional, set(ITEM_REPORTED) - {"currency"})) == (0, 1, 0)
    assert Order.objects.values(*REPORTED).get() | {"platform_updated_at": None} == before
    assert OrderItem.objects.values().get() == line


def test_it_drops_stored_values_where_the_answer_has_none(platform: Platform) -> None:
    """As in an empty database."""
    store(platform, bare())
    expected = Order.objects.values(*REPORTED).get(), OrderItem.objects.values(*ITEM_REPORTED).get()
    Order.objects.all().delete()
    store(platform, order())
    assert store(platform, bare()) == (0, 1, 0)
    assert (Order.objects.values(*REPORTED).get(), OrderItem.objects.values(*ITEM_REPORTED).get()) == expected
    with nothing_written():
        assert store(platform, bare()) == (0, 0, 1)


def test_it_takes_false_and_zero_for_values(platform: Platform) -> None:
    store(platform, order())
    zero = item(1, quantity_ordered=0, total=Decimal(0), quantity_shipped=-1)
    store(platform, later(order(), buyer_requested_cancellation=False, total=Decimal(0), items=(zero,)))
    assert Order.objects.values_list("buyer_requested_cancellation", "total").get() == (False, Decimal(0))
    assert OrderItem.objects.values_list("quantity_ordered", "total", "quantity_shipped").get() == (
        0,
        Decimal(0),
        -1,
    )


def test_it_stores_unknown_as_null_and_status_unknown(platform: Platform) -> None:
    record = OrderRecord(
        external_id="S01-1",
        purchased_at=DAY,
        platform_updated_at=DAY,
        items=(OrderItemRecord(external_id="1"),),
    )
    store(platform, record)
    stored = Order.objects.get()
    assert (stored.status, stored.total, stored.ship_by, stored.programs) == ("unknown", None, None, [])
    assert stored.buyer_requested_cancellation is False
    assert OrderItem.objects.values_list("unit_price", "quantity_ordered").get() == (None, None)


def test_it_removes_lines_that_vanished_and_adds_new_ones(platform: Platform) -> None:
    store(platform, order(1), order(2))
    kept = OrderItem.objects.get(order__external_id=order(1).external_id, sku="SKU-2").pk
    store(platform, later(order(1), items=(item(2, quantity_shipped=2), item(3))))
    lines = OrderItem.objects.filter(order__external_id=order(1).external_id).order_by("sku")
    assert [(line.sku, line.quantity_shipped) for line in lines] == [("SKU-2", 2), ("SKU-3", 1)]
    assert lines[0].pk == kept
    assert OrderItem.objects.filter(order__external_id=order(2).external_id).count() == 2


def test_it_keeps_the_lines_where_the_answer_says_nothing_about_them(platform: Platform) -> None:
    store(platform, order())
    before = list(OrderItem.objects.order_by("pk").values())
    store(platform, later(order(), items=(), absent=("items",), service_level="NEXT_DAY"))
    assert list(OrderItem.objects.order_by("pk").values()) == before
    assert Order.objects.get().service_level == "NEXT_DAY"


@pytest.mark.parametrize("other", [Source.MOCK, Source.SANDBOX])
def test_it_never_replaces_live_by_made_up_data(platform: Platform, other: str) -> None:
    store(platform, order())
    with nothing_written():
        assert store(platform, later(order(status="cancelled")), source=other) == (0, 0, 1)


@pytest.mark.parametrize("other", [Source.MOCK, Source.SANDBOX])
def test_it_takes_nothing_over_from_made_up_data(platform: Platform, other: str) -> None:
    store(platform, later(order(items=(item(1), item(9)))), source=other)
    live = order(service_level="", total=None, items=(item(1, title=""),))
    assert store(platform, live) == (1, 0, 0)
    assert Order.objects.values_list("source", "service_level", "total").get() == ("live", "", None)
    assert OrderItem.objects.values_list("title", flat=True).get() == ""


def test_it_keeps_the_orders_of_two_platforms_apart(platform: Platform) -> None:
    other = Platform.objects.create(name="amazon-de")
    store(platform, order())
    assert store(other, order(status="shipped")) == (1, 0, 0)
    assert sorted(Order.objects.values_list("platform__name", "status")) == [
        ("amazon", "unshipped"),
        ("amazon-de", "shipped"),
    ]


@pytest.mark.parametrize(
    "pair", [("Case-1", "CASE-1"), ("A", "A "), ("é", "e"), ("é", "e\u0301"), ("ß", "ss")]
)
def test_it_tells_ids_apart_byte_by_byte(platform: Platform, pair: tuple[str, str]) -> None:
    first, second = (replace(order(), external_id=each, items=(item(1, external_id=each),)) for each in pair)
    both = order(3, items=tuple(item(number, external_id=each) for number, each in enumerate(pair)))
    assert store(platform, first, second, both) == (3, 0, 0)
    assert store(platform, first, second, both) == (0, 0, 3)
    lines = OrderItem.objects.filter(order__external_id=both.external_id)
    assert set(lines.values_list("external_id", flat=True)) == set(pair)


def test_it_stores_unicode_and_long_titles(platform: Platform) -> None:
    titles = ["大阪 📦🧦 \u202eabc", "\"quoted\" 'and' \\ %s %% ?", "x" * 500, "é" * 2000]
    lines = tuple(item(number, title=title) for number, title in enumerate(titles))
    store(platform, order(items=lines, payload={"note": titles[0], "big": 2**70}))
    assert list(OrderItem.objects.order_by("external_id").values_list("title", flat=True)) == titles
    assert Order.objects.get().payload["note"] == titles[0]


@pytest.mark.parametrize(
    "amount",
    [
        "0.1",
        "0.01",
        "-12.34",
        "1980",
        "0.0001",
        "1E+3",
        "99999999999.9999",
        "1234567890123.45",
        "-99999999999.9999",
    ],
)
def test_it_gives_amounts_back_as_they_came(platform: Platform, amount: str) -> None:
    store(platform, order(total=Decimal(amount), items=(item(total=Decimal(amount)),)))
    assert Order.objects.get().total == OrderItem.objects.get().total == Decimal(amount)


def test_it_keeps_a_large_amount_exactly_or_refuses_it(platform: Platform) -> None:
    record = order(total=Decimal("99999999999999.9999"))
    if connection.vendor == "sqlite":  # 15 digits; more would be rounded without a word
        with pytest.raises(DataError, match="15 digits"), transaction.atomic():
            store(platform, record)
        assert Order.objects.count() == 0
    else:
        store(platform, record)
        assert Order.objects.get().total == Decimal("99999999999999.9999")


BAD: dict[str, Callable[[], OrderRecord]] = {
    "an amount with too many digits": lambda: order(2, total=Decimal(10) ** 15),
    "no amount at all": lambda: order(2, total=Decimal("NaN")),
    "an infinite amount": lambda: order(2, items=(item(1), item(2, tax=Decimal("Infinity")))),
    "half a surrogate pair in the id": lambda: replace(order(2), external_id="\ud800"),
    "a quantity beyond all integers": lambda: order(2, items=(item(1, quantity_ordered=2**70),)),
    "a text that is too long, beside none": lambda: order(2, items=(item(1, tax_scheme="x" * 256), item(2))),
    "an amount with too many places that is too long": lambda: order(
        2, total=Decimal("123456789012345.123456")
    ),
    "a time without a zone": lambda: order(2, ship_by=datetime(2026, 1, 1)),  # noqa: DTZ001
    "no time of purchase": lambda: order(2, purchased_at=None),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_it_stores_all_of_a_page_or_nothing(platform: Platform, bad: Callable[[], OrderRecord]) -> None:
    """The errors are those for which the caller looks for the one bad record."""
    store(platform, order(1))
    before = contents()
    with pytest.raises((DataError, IntegrityError, ValueError, OverflowError)), transaction.atomic():
        store(platform, later(order(1), status="shipped"), bad(), order(3))
    assert contents() == before


def queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]])


@pytest.mark.parametrize(("kind", "expected"), [("new", 7), ("unchanged", 1), ("changed", 12)])
def test_it_needs_the_same_few_queries_for_any_page(platform: Platform, kind: str, expected: int) -> None:
    store(platform, order(1, items=(item(1), item(2), item(3))))  # new products cost one query more
    counts = []
    for first, size in ((1000, 5), (2000, 100)):
        records = [order(number) for number in range(first, first + size)]
        if kind != "new":
            store(platform, *records)
        if kind == "changed":
            records = [later(record, items=(item(2), item(3))) for record in records]
        counts.append(queries(lambda page=records: store(platform, *page)))  # type: ignore[misc]
    expected += connection.features.has_select_for_update  # it waits for its turn
    assert counts == [expected, expected]


def test_migrating_fills_in_what_is_left_of_orders_that_are_to_be_shipped(platform: Platform) -> None:
    store(platform, order(1), order(2, status="shipped"), order(3, items=(item(1, quantity_shipped=None),)))
    store(platform, order(4, status="partially_shipped", items=(item(1, quantity_shipped=5),)))
    OrderItem.objects.update(quantity_left=None)
    import_module("orders.migrations.0006_what_is_left_to_ship").fill_open_orders(apps, None)
    left = OrderItem.objects.order_by("order__external_id", "pk").values_list("quantity_left", flat=True)
    assert list(left) == [1, 1, None, None, None, 0]


def test_it_does_nothing_with_an_empty_page(platform: Platform) -> None:
    assert queries(lambda: store(platform)) == 0
    assert store(platform) == (0, 0, 0)


# Buyer data


def with_buyer(record: OrderRecord, **changes: Any) -> OrderRecord:
    return replace(record, deliver_by=timezone.now(), buyer=replace(BUYER, **changes))


def test_it_leaves_buyer_data_alone_unless_the_platform_asks_for_it(platform: Platform) -> None:
    store(platform, with_buyer(order()))
    assert OrderBuyer.objects.count() == 0


def test_it_stores_buyer_data_encrypted(platform: Platform) -> None:
    platform.include_pii = True
    record = with_buyer(order())
    store(platform, record)
    stored = OrderBuyer.objects.get()
    assert stored.data == {
        "name": BUYER.name,
        "email": BUYER.email,
        "phone": BUYER.phone,
        "address": BUYER.address,
    }
    assert record.deliver_by is not None
    assert stored.purge_after == record.deliver_by + timedelta(days=30)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM order_buyers")
        raw = cursor.fetchone()[0]
    assert raw.startswith("gAAAA")
    assert "Canary" not in raw
    assert "canary" not in str(contents()[0])


def test_it_merges_buyer_data(platform: Platform) -> None:
    platform.include_pii = True
    record = with_buyer(order())
    store(platform, record)
    store(platform, later(record, buyer=BuyerRecord(email="new@canary.invalid")))
    stored = OrderBuyer.objects.get().data
    assert (stored["name"], stored["email"], stored["address"]) == (
        BUYER.name,
        "new@canary.invalid",
        BUYER.address,
    )


HOME = {
    "name": "Zoë Canary",
    "addressLine1": "1 Street",
    "city": "Köln",
    "extendedFields": {"a": "1", "b": "2"},
}


@pytest.mark.parametrize(
    ("given", "address", "phone"),
    [
        ({"city": "Köln"}, HOME, BUYER.phone),  # as after shipping
        ({"city": "Köln", "extendedFields": {"a": "1"}}, HOME, BUYER.phone),
        ({"city": "Köln", "addressLine2": "2nd floor"}, {**HOME, "addressLine2": "2nd floor"}, BUYER.phone),
        ({}, HOME, BUYER.phone),
        ({"city": "Bonn"}, {"city": "Bonn"}, None),  # somebody else's street, phone and floor are nobody's
        (
            {"city": "Köln", "extendedFields": {"b": "3"}},
            {"city": "Köln", "extendedFields": {"b": "3"}},
            None,
        ),
    ],
)
def test_it_keeps_an_address_whole(
    platform: Platform, given: dict[str, Any], address: dict[str, Any], phone: str | None
) -> None:
    platform.include_pii = True
    record = with_buyer(order(), address=HOME)
    store(platform, record)
    thinner = BuyerRecord(name=BUYER.name, address=given)
    assert store(platform, later(record, status="shipped", buyer=thinner)) == (0, 1, 0)
    stored = OrderBuyer.objects.get().data
    assert (stored["address"], stored.get("phone"), stored["email"]) == (address, phone, BUYER.email)


def test_it_keeps_what_is_personal_about_each_line(platform: Platform) -> None:
    platform.include_pii = True
    gift, reason = {"giftMessage": "Happy birthday"}, {"cancelReason": "Ordered twice"}
    record = with_buyer(order(), lines={"1": gift, "2": reason})
    store(platform, record)
    other = BuyerRecord(lines={"2": {"cancelReason": "Too late"}})
    assert store(platform, later(record, buyer=other)) == (0, 1, 0)
    assert OrderBuyer.objects.get().data["lines"] == {"1": gift, "2": {"cancelReason": "Too late"}}


def purge_date() -> datetime:
    return OrderBuyer.objects.values_list("purge_after", flat=True).get()


def test_it_deletes_buyer_data_by_what_is_stored_of_the_order(platform: Platform) -> None:
    """An answer that says nothing of the delivery window, or of the buyer, changes nothing about the day."""
    platform.include_pii = True
    record = with_buyer(order())
    store(platform, record)
    before = purge_date()
    silent = later(record, deliver_by=None, absent=("deliver_by",), status="shipped")
    assert store(platform, silent) == (0, 1, 0)
    assert purge_date() == before
    assert record.deliver_by is not None
    moved = later(silent, deliver_by=record.deliver_by + timedelta(days=5), absent=(), buyer=None)
    assert store(platform, moved) == (0, 1, 0)
    assert purge_date() == before  # it never moves to a later day
    earlier = later(moved, deliver_by=record.deliver_by - timedelta(days=2))
    assert store(platform, earlier) == (0, 1, 0)
    assert purge_date() == before - timedelta(days=2)


def test_it_puts_a_wrong_date_of_deletion_right_in_silence(platform: Platform) -> None:
    """As an earlier release left it, whose hashes differ."""
    platform.include_pii = True
    record = with_buyer(order())
    store(platform, record)
    before, data = purge_date(), OrderBuyer.objects.get().data
    OrderBuyer.objects.update(purge_after=before + timedelta(days=9))
    Order.objects.update(content_hash="made in another way")
    assert store(platform, record) == (0, 0, 1)
    assert (purge_date(), OrderBuyer.objects.get().data) == (before, data)
    with nothing_written():
        assert store(platform, record) == (0, 0, 1)


@pytest.mark.parametrize("never", [None, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
@pytest.mark.parametrize("to_ship", [timedelta(days=-9), timedelta(days=2)])
def test_without_a_day_of_delivery_it_counts_from_shipping_or_purchase(
    platform: Platform, never: datetime | None, to_ship: timedelta
) -> None:
    platform.include_pii = True
    now = timezone.now()
    record = replace(with_buyer(order()), purchased_at=now, ship_by=now + to_ship, deliver_by=never)
    store(platform, replace(record, platform_updated_at=now))
    assert purge_date() == max(now, now + to_ship) + timedelta(days=7 + 30)


def test_it_stores_buyer_data_of_known_orders_once_it_is_asked_for(platform: Platform) -> None:
    record = with_buyer(order())
    store(platform, record)
    platform.include_pii = True
    assert store(platform, record) == (0, 1, 0)
    assert OrderBuyer.objects.count() == 1
    with nothing_written():
        assert store(platform, record) == (0, 0, 1)


def test_it_never_stores_buyer_data_after_its_purge_date(platform: Platform) -> None:
    platform.include_pii = True
    old = timezone.now() - timedelta(days=31)
    by_window = replace(with_buyer(order(1)), deliver_by=old)
    by_shipping = replace(
        with_buyer(order(2)),
        deliver_by=None,
        ship_by=old - timedelta(days=7),
        platform_updated_at=timezone.now(),
    )
    assert store(platform, by_window, by_shipping) == (2, 0, 0)
    assert OrderBuyer.objects.count() == 0


def test_it_purges_buyer_data_whose_time_has_come(platform: Platform) -> None:
    platform.include_pii = True
    store(
        platform,
        with_buyer(order(1)),
        replace(with_buyer(order(2)), deliver_by=timezone.now() + timedelta(days=9)),
    )
    assert purge_buyers() == 0
    assert purge_buyers(now=timezone.now() + timedelta(days=31)) == 1
    assert OrderBuyer.objects.get().order.external_id == order(2).external_id
    assert Order.objects.count() == 2


def test_it_deletes_orders_of_the_named_sources_alone(platform: Platform) -> None:
    platform.include_pii = True
    other = Platform.objects.create(name="amazon-de", include_pii=True)
    store(platform, with_buyer(order(1)))
    store(platform, with_buyer(order(2)), source=Source.MOCK)
    store(platform, order(3), source=Source.SANDBOX)
    store(other, order(2), source=Source.MOCK)
    assert delete_orders(platform=platform, sources=(Source.MOCK, Source.SANDBOX)) == 2
    assert sorted(Order.objects.values_list("platform__name", "source")) == [
        ("amazon", "live"),
        ("amazon-de", "mock"),
    ]
    assert (OrderItem.objects.count(), OrderBuyer.objects.count()) == (4, 1)


def test_it_deletes_no_order_of_which_the_change_feed_does_not_tell(platform: Platform) -> None:
    """One that another transaction stores after the others were looked up stays for the next time."""
    store(platform, order(1), source=Source.MOCK)
    late: list[Order] = []

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if sql.startswith("INSERT") and "field_names" in sql and not late:
            late.append(Order())
            late[0] = Order.objects.create(
                platform=platform,
                external_id="late",
                source=Source.MOCK,
                purchased_at=timezone.now(),
                platform_updated_at=timezone.now(),
                synced_at=timezone.now(),
            )
        return result

    with connection.execute_wrapper(meanwhile):
        assert delete_orders(platform=platform, sources=[Source.MOCK]) == 1
    told = Change.objects.filter(kind=Change.Kind.ORDER_DELETED)
    assert told.count() == 1
    assert list(Order.objects.all()) == late


@pytest.mark.django_db(transaction=True)
def test_of_two_who_bring_an_order_at_once_the_second_finds_what_the_first_stored(platform: Platform) -> None:
    if not connection.features.has_select_for_update:
        pytest.skip("SQLite has one writer at a time")
    waits = Event()

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if " FOR " in sql or sql.startswith("INSERT"):
            waits.set()
        return execute(sql, *rest)

    def second() -> tuple[int, int, int]:
        try:
            with connection.execute_wrapper(watch):
                return store(platform, order())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            newest = later(order(status="cancelled"))
            assert store(platform, newest) == (1, 0, 0)
            other = pool.submit(second)
            assert waits.wait(30)
        assert other.result(30) == (0, 0, 1)
    assert Order.objects.get().status == "cancelled"
    assert Change.objects.count() == 1
