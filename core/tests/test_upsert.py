"""The rules by which rows follow a platform's records, on a real table: that of stock."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.upsert import Batch, Columns, RecordTable, reported_fields, to_json
from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from orders.models import Order, OrderItem

DAY = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
PLATFORM = 1  # which migrating creates
KEY = ("marketplace_id", "sku", "fnsku")
ROW = InventoryRecord(
    marketplace_id="ATVPDKIKX0DER", sku="CUP", title="A cup", condition="New", available=3,
    platform_updated_at=DAY,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRecord:
    """What a release delivers that does not know of total, reserved, inbound … yet."""

    marketplace_id: str
    sku: str
    fnsku: str = ""
    asin: str = ""
    title: str = ""
    condition: str = ""
    available: int | None = None
    platform_updated_at: datetime | None = None
    absent: tuple[str, ...] = ()


def table(record_type: type[Any] = InventoryRecord) -> RecordTable[Any]:
    return RecordTable(
        InventoryItem,
        record_type,
        key=KEY,
        find_by=("marketplace_id", "sku"),
        live="live",
        constants={"gone_at": None},
    )


def store(
    *records: Any, into: RecordTable[Any] | None = None, source: str = "live", at: datetime = DAY
) -> tuple[int, int, int]:
    rows = into or table()
    batch: Batch[Any] = rows.compare(PLATFORM, [rows.incoming(record) for record in records], source)
    rows.refresh(batch)
    rows.write(PLATFORM, batch, source, at)
    outcome = batch.outcome()
    return outcome.created, outcome.updated, outcome.unchanged


def earlier(record: InventoryRecord) -> EarlierRecord:
    return EarlierRecord(**{name: getattr(record, name) for name in EarlierRecord.__slots__})


# --- columns


def test_it_takes_all_fields_of_a_record_but_those_that_are_no_columns() -> None:
    assert reported_fields(EarlierRecord, but=KEY) == (
        "asin", "title", "condition", "available", "platform_updated_at",
    )  # fmt: skip


def test_it_keeps_what_is_absent_alone() -> None:
    names = ("status", "total", "programs", "buyer_requested_cancellation")
    columns = Columns(Order, names)
    stored, nothing = ("shipped", Decimal(5), ["PRIME"], True), ("", None, (), None)
    assert columns.merged(nothing, stored, names) == list(stored)
    assert columns.merged(nothing, stored, ("total",)) == ["unknown", Decimal(5), (), False]
    assert columns.merged(nothing, stored) == ["unknown", None, (), False]


@pytest.mark.parametrize(
    ("new", "absent", "merged"),
    [
        ((Decimal(12), None, "USD"), ("total",), [Decimal(12), None, "USD"]),  # 10 are no USD
        ((Decimal(12), None, ""), ("total",), [Decimal(12), None, ""]),  # of 12 what is not known
        ((Decimal(12), None, "EUR"), ("total",), [Decimal(12), Decimal(10), "EUR"]),
        ((None, None, ""), ("total",), [None, Decimal(10), "EUR"]),
        ((None, None, ""), ("unit_price",), [None, None, ""]),
        ((None, Decimal(20), ""), (), [None, Decimal(20), ""]),
    ],
)
def test_it_keeps_amounts_with_their_currency(new: Any, absent: Any, merged: Any) -> None:
    columns = Columns(OrderItem, ("unit_price", "total", "currency"), amounts=("unit_price", "total"))
    assert columns.merged(new, (None, Decimal(10), "EUR"), absent) == merged


@pytest.mark.parametrize(
    ("new", "stored", "same"),
    [
        (Decimal("1.5"), Decimal("1.5000"), True),
        (Decimal("1.23456"), Decimal("1.2346"), True),  # all that the column keeps of it
        (Decimal("1.2347"), Decimal("1.2346"), False),
        (Decimal("-1.5"), Decimal("1.5"), False),
        (Decimal("NaN"), Decimal(1), False),
        (Decimal("sNaN"), Decimal(1), False),
        (Decimal("Infinity"), Decimal(1), False),
        (None, Decimal(1), False),
        (Decimal(0), None, False),
    ],
)
def test_it_compares_amounts_as_the_column_keeps_them(new: Any, stored: Any, same: bool) -> None:
    assert Columns(Order, ("total",)).differing([new], [stored]) == ([] if same else [0])


def test_it_compares_other_values_by_what_they_mean() -> None:
    columns = Columns(Order, ("programs", "ship_by", "status"))
    other_zone = DAY.astimezone(tz=None)
    assert columns.differing((("A", "B"), other_zone, "shipped"), (["A", "B"], DAY, "shipped")) == []
    assert columns.differing((("B", "A"), DAY, "Shipped"), (["A", "B"], DAY, "shipped")) == [0, 2]


def test_it_makes_json_of_what_the_fast_way_refuses() -> None:
    assert (
        to_json({"big": 2**70, "é": (1, None)}) == '{"big": 1180591620717411303424, "é": [1, null]}'.encode()
    )
    with pytest.raises(ValueError, match="surrogate"):
        to_json("\ud800")


# --- hashes


def test_it_hashes_everything_that_would_be_stored() -> None:
    rows = table()
    hashes = {rows.incoming(ROW).content_hash, rows.incoming(ROW, "a part of it elsewhere").content_hash}
    for name in InventoryRecord.__slots__:
        value = getattr(ROW, name)
        other: Any = "other"
        if name == "platform_updated_at":
            other = value + timedelta(1)
        elif value in (None, 3):
            other = 99
        elif name == "absent":
            other = ("title",)
        changes: dict[str, Any] = {name: other}
        hashes.add(rows.incoming(replace(ROW, **changes)).content_hash)
    assert len(hashes) == 2 + len(InventoryRecord.__slots__)
    assert rows.incoming(replace(ROW)).content_hash in hashes


@pytest.mark.django_db
def test_it_changes_only_what_a_new_field_brings_news_of() -> None:
    known, unknown = replace(ROW, reserved=0), replace(ROW, sku="POT")
    assert store(earlier(known), earlier(unknown), into=table(EarlierRecord)) == (2, 0, 0)
    assert store(known, unknown) == (0, 1, 1)
    assert dict(InventoryItem.objects.values_list("sku", "reserved")) == {"CUP": 0, "POT": None}
    assert store(known, unknown) == (0, 0, 2)


@pytest.mark.django_db
def test_it_changes_nothing_when_a_release_takes_a_field_away() -> None:
    store(replace(ROW, reserved=2))
    assert store(earlier(ROW), into=table(EarlierRecord)) == (0, 0, 1)
    assert InventoryItem.objects.get().reserved == 2


@pytest.mark.django_db
def test_it_refreshes_any_number_of_hashes_in_silence_with_one_query() -> None:
    counts = []
    for size in (3, 50):
        records = [replace(ROW, sku=f"{size}-{number}") for number in range(size)]
        store(*records)
        InventoryItem.objects.update(content_hash="made in another way")
        before = InventoryItem.objects.order_by("pk").defer("content_hash").values_list("pk", "synced_at")
        kept = list(before)
        with CaptureQueriesContext(connection) as captured:
            assert store(*records, at=DAY + timedelta(days=1)) == (0, 0, size)
        counts.append(len([query for query in captured if "SAVEPOINT" not in query["sql"]]))
        assert list(before.all()) == kept
        with CaptureQueriesContext(connection) as captured:
            assert store(*records) == (0, 0, size)
        assert len(captured) == 1
    assert counts == [3, 3]  # what is known, what is stored, the hashes


# --- which record counts


@pytest.mark.django_db
@pytest.mark.parametrize("newest_first", [True, False])
def test_it_takes_the_newest_of_duplicates(newest_first: bool) -> None:
    pair = [replace(ROW, available=9, platform_updated_at=DAY + timedelta(hours=1)), ROW]
    assert store(*(pair if newest_first else reversed(pair))) == (1, 0, 1)
    assert InventoryItem.objects.get().available == 9


@pytest.mark.django_db
def test_it_takes_the_last_of_duplicates_whose_times_say_nothing() -> None:
    undated = replace(ROW, platform_updated_at=None)
    assert store(replace(undated, available=1), replace(undated, available=2)) == (1, 0, 1)
    assert InventoryItem.objects.get().available == 2


@pytest.mark.django_db
def test_it_keeps_the_hash_of_what_is_newer() -> None:
    store(ROW)
    before = InventoryItem.objects.values().get()
    assert store(replace(ROW, available=9, platform_updated_at=DAY - timedelta(1))) == (0, 0, 1)
    assert InventoryItem.objects.values().get() == before


@pytest.mark.django_db
@pytest.mark.parametrize("absent", [(), ("available",)])
def test_it_brings_a_row_back_whose_time_is_older(absent: tuple[str, ...]) -> None:
    """It takes nothing over from the row that was gone, not even where nothing is said about what is available."""
    store(ROW)
    InventoryItem.objects.update(gone_at=DAY, content_hash="", available=0)
    available = None if absent else 4
    older = replace(ROW, platform_updated_at=DAY - timedelta(1), available=available, absent=absent)
    assert store(older) == (0, 1, 0)
    assert InventoryItem.objects.values_list("gone_at", "available").get() == (None, available)


@pytest.mark.django_db
def test_it_brings_a_row_back_whose_values_are_equal() -> None:
    """A row that is gone has nothing in stock; so has one that is listed and sold out."""
    sold_out = replace(ROW, available=0)
    store(sold_out)
    InventoryItem.objects.update(gone_at=DAY, content_hash="")
    assert store(sold_out) == (0, 1, 0)
    assert InventoryItem.objects.get().gone_at is None


@pytest.mark.django_db
def test_it_lets_live_rows_replace_others_and_never_the_other_way_round() -> None:
    store(replace(ROW, title="Made up", condition="Made up"), source="mock")
    assert store(replace(ROW, condition=""), source="live") == (1, 0, 0)
    assert InventoryItem.objects.values_list("source", "title", "condition").get() == ("live", "A cup", "")
    assert store(replace(ROW, available=99), source="mock") == (0, 0, 1)
    assert InventoryItem.objects.get().available == 3
