"""Storing stock, on a real database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from feed.models import Change
from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from inventory.services import KEY, REPORTED, delete_inventory, key_of, mark_gone, upsert_inventory
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
US, CA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"


@pytest.fixture
def platform() -> Platform:
    return Platform.objects.get(name="amazon")


def row(number: int = 1, **changes: Any) -> InventoryRecord:
    values: dict[str, Any] = {
        "marketplace_id": US,
        "sku": f"SKU-{number}",
        "fnsku": f"X00{number}",
        "asin": "B000000001",
        "title": "Cable",
        "condition": "NewItem",
        "total": 10,
        "available": 6,
        "reserved": 1,
        "inbound": 2,
        "unfulfillable": 1,
        "researching": 0,
        "platform_updated_at": DAY,
    }
    return InventoryRecord(**values | changes)


def store(platform: Platform, *records: InventoryRecord, source: str = Source.LIVE) -> tuple[int, int, int]:
    outcome = upsert_inventory(platform=platform, records=records, source=source)
    return outcome.created, outcome.updated, outcome.unchanged


def contents() -> list[tuple[Any, ...]]:
    return list(InventoryItem.objects.order_by("pk").values_list())


@contextmanager
def nothing_written() -> Iterator[None]:
    before = contents()
    with CaptureQueriesContext(connection) as captured:
        yield
    writes = ("INSERT", "UPDATE", "DELETE", "REPLACE")
    assert [query["sql"] for query in captured if query["sql"].startswith(writes)] == []
    assert contents() == before


def test_it_stores_every_field(platform: Platform) -> None:
    assert store(platform, row()) == (1, 0, 0)
    stored = InventoryItem.objects.get()
    assert {name: getattr(stored, name) for name in (*KEY, *REPORTED)} == {
        name: getattr(row(), name) for name in (*KEY, *REPORTED)
    }
    assert (stored.source, stored.gone_at, stored.platform) == ("live", None, platform)


def test_it_reports_every_column_that_the_model_has() -> None:
    own = {"id", "platform", "source", "content_hash", "synced_at", "gone_at", "threshold", "level"}
    assert {field.name for field in InventoryItem._meta.concrete_fields} == own | set(KEY) | set(REPORTED)


def test_it_writes_no_row_when_the_same_sweep_comes_twice(platform: Platform) -> None:
    records = [row(number) for number in range(8)]
    assert store(platform, *records) == (8, 0, 0)
    with nothing_written():
        assert store(platform, *records) == (0, 0, 8)


def test_it_stores_changes_with_and_without_a_time(platform: Platform) -> None:
    store(platform, row(1), row(2, platform_updated_at=None))
    assert store(platform, row(1, available=0), row(2, platform_updated_at=None, available=-3)) == (0, 2, 0)
    assert list(InventoryItem.objects.order_by("sku").values_list("available", flat=True)) == [0, -3]


def test_it_never_goes_back_to_an_older_record(platform: Platform) -> None:
    store(platform, row(available=4))
    with nothing_written():
        assert store(platform, row(available=6, platform_updated_at=DAY - timedelta(seconds=1))) == (0, 0, 1)


def test_it_keeps_stored_values_where_the_answer_says_nothing(platform: Platform) -> None:
    store(platform, row())
    before = InventoryItem.objects.values(*KEY, *REPORTED).get()
    absent = tuple(set(REPORTED) - {"available"})
    record = InventoryRecord(marketplace_id=US, sku="SKU-1", fnsku="X001", available=0, absent=absent)
    assert store(platform, record) == (0, 1, 0)
    assert InventoryItem.objects.values(*KEY, *REPORTED).get() == before | {"available": 0}


def test_it_takes_the_last_of_duplicates_within_a_page(platform: Platform) -> None:
    assert store(platform, row(available=1), row(available=2)) == (1, 0, 1)
    assert InventoryItem.objects.get().available == 2


@pytest.mark.parametrize("other", [Source.MOCK, Source.SANDBOX])
def test_it_never_replaces_live_by_made_up_stock(platform: Platform, other: str) -> None:
    store(platform, row())
    with nothing_written():
        newer = row(available=99, platform_updated_at=DAY + timedelta(days=1))
        assert store(platform, newer, source=other) == (0, 0, 1)


@pytest.mark.parametrize("other", [Source.MOCK, Source.SANDBOX])
def test_it_takes_nothing_over_from_made_up_stock(platform: Platform, other: str) -> None:
    store(platform, row(platform_updated_at=DAY + timedelta(days=9)), source=other)
    assert store(platform, row(title="", available=None)) == (1, 0, 0)
    assert InventoryItem.objects.values_list("source", "title", "available").get() == ("live", "", None)


def test_it_keeps_platforms_and_marketplaces_and_fnskus_apart(platform: Platform) -> None:
    other = Platform.objects.create(name="amazon-de")
    assert store(platform, row(), row(marketplace_id=CA), row(fnsku=""), row(fnsku="X0B")) == (4, 0, 0)
    assert store(other, row()) == (1, 0, 0)
    assert store(platform, row(marketplace_id=CA, available=5)) == (0, 1, 0)
    assert InventoryItem.objects.filter(available=5).count() == 1


SKUS = [
    "Case-1",
    "CASE-1",
    "A",
    "A ",
    " A",
    "é",
    "e",
    "e\u0301",
    "a,b",
    "a+b/c",
    "'q\"",
    "100%s",
    "📦-1",
    "📦-2",
    "ß",
    "ss",
]


def test_it_tells_skus_apart_byte_by_byte(platform: Platform) -> None:
    records = [row(fnsku="", sku=sku, available=number) for number, sku in enumerate(SKUS)]
    assert store(platform, *records) == (len(SKUS), 0, 0)
    assert store(platform, *records) == (0, 0, len(SKUS))
    assert dict(InventoryItem.objects.values_list("sku", "available")) == {
        sku: n for n, sku in enumerate(SKUS)
    }


def test_it_stores_unicode_and_long_titles(platform: Platform) -> None:
    titles = ["大阪 📦🧦", "x" * 500, "%s ? \\ '\""]
    store(platform, *(row(number, title=title) for number, title in enumerate(titles)))
    assert list(InventoryItem.objects.order_by("sku").values_list("title", flat=True)) == titles


BAD: dict[str, Callable[[], InventoryRecord]] = {
    "half a surrogate pair in the SKU": lambda: row(2, sku="\ud800"),
    "a quantity beyond all integers": lambda: row(2, total=2**70),
    "a time without a zone": lambda: row(2, platform_updated_at=datetime(2026, 1, 1)),  # noqa: DTZ001
    "no marketplace": lambda: row(2, marketplace_id=None),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_it_stores_all_of_a_page_or_nothing(platform: Platform, bad: Callable[[], InventoryRecord]) -> None:
    store(platform, row(1))
    before = contents()
    with pytest.raises((DataError, IntegrityError, ValueError, OverflowError)), transaction.atomic():
        store(platform, row(1, available=0), bad(), row(3))
    assert contents() == before


@pytest.mark.parametrize(("kind", "expected"), [("new", 4), ("unchanged", 1), ("changed", 7)])
def test_it_needs_the_same_few_queries_for_any_page(platform: Platform, kind: str, expected: int) -> None:
    counts = []
    for first, size in ((1000, 5), (2000, 100)):
        records = [row(number) for number in range(first, first + size)]
        if kind != "new":
            store(platform, *records)
        if kind == "changed":
            records = [replace(record, available=0) for record in records]
        with CaptureQueriesContext(connection) as captured:
            store(platform, *records)
        counts.append(len([query for query in captured if "SAVEPOINT" not in query["sql"]]))
    expected += connection.features.has_select_for_update  # it waits for its turn
    assert counts == [expected, expected]


def test_it_does_nothing_with_an_empty_page(platform: Platform) -> None:
    with nothing_written():
        assert store(platform) == (0, 0, 0)


# What is gone


def gone(
    platform: Platform, *seen: InventoryRecord, marketplace_id: str = US, source: str = Source.LIVE
) -> int:
    keys = {key_of(record) for record in seen}
    return mark_gone(platform=platform, marketplace_id=marketplace_id, source=source, seen=keys)


def test_it_marks_what_a_complete_sweep_did_not_list(platform: Platform) -> None:
    store(platform, *(row(number) for number in range(700)))
    assert gone(platform, *(row(number) for number in range(100))) == 600
    stored = InventoryItem.objects.get(sku="SKU-650")
    assert stored.gone_at is not None
    assert (stored.total, stored.available, stored.reserved, stored.inbound) == (0, 0, 0, 0)
    assert (stored.unfulfillable, stored.researching, stored.title) == (0, 0, "Cable")
    assert InventoryItem.objects.business().count() == 100
    assert gone(platform, *(row(number) for number in range(100))) == 0


def test_it_marks_only_the_swept_marketplace_platform_and_source(platform: Platform) -> None:
    other = Platform.objects.create(name="amazon-de")
    store(platform, row(1), row(1, marketplace_id=CA))
    store(platform, row(2), source=Source.MOCK)
    store(other, row(1))
    assert gone(platform) == 1
    assert InventoryItem.objects.filter(gone_at__isnull=True).count() == 3


def test_it_tells_skus_apart_when_it_marks_them(platform: Platform) -> None:
    store(platform, row(sku="Case-1", fnsku=""), row(sku="CASE-1", fnsku=""))
    assert gone(platform, row(sku="CASE-1", fnsku="")) == 1
    assert InventoryItem.objects.business().get().sku == "CASE-1"


def test_it_brings_a_sku_back_when_it_is_listed_again(platform: Platform) -> None:
    store(platform, row())
    gone(platform)
    assert store(platform, row()) == (0, 1, 0)
    assert InventoryItem.objects.values_list("gone_at", "total", "available").get() == (None, 10, 6)
    with nothing_written():
        assert store(platform, row()) == (0, 0, 1)


def test_it_deletes_stock_of_the_named_sources_alone(platform: Platform) -> None:
    other = Platform.objects.create(name="amazon-de")
    store(platform, row(1))
    store(platform, row(2), source=Source.MOCK)
    store(platform, row(3), source=Source.SANDBOX)
    store(other, row(2), source=Source.MOCK)
    assert delete_inventory(platform=platform, sources=(Source.MOCK, Source.SANDBOX)) == 2
    assert sorted(InventoryItem.objects.values_list("platform__name", "source")) == [
        ("amazon", "live"),
        ("amazon-de", "mock"),
    ]


def test_it_deletes_no_row_of_which_the_change_feed_does_not_tell(platform: Platform) -> None:
    """One that another transaction stores after the others were looked up stays for the next time."""
    upsert_inventory(platform=platform, records=[row(1)], source=Source.MOCK)
    late: list[InventoryItem] = []

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if sql.startswith("INSERT") and "field_names" in sql and not late:
            late.append(InventoryItem())
            late[0] = InventoryItem.objects.create(
                platform=platform, sku="late", source=Source.MOCK, synced_at=DAY
            )
        return result

    with connection.execute_wrapper(meanwhile):
        assert delete_inventory(platform=platform, sources=[Source.MOCK]) == 1
    assert Change.objects.filter(kind=Change.Kind.STOCK_DELETED).count() == 1
    assert list(InventoryItem.objects.all()) == late


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="the others choose an index by what the table holds"
)
def test_sqlite_looks_rows_up_and_never_reads_all_of_a_platform(platform: Platform) -> None:
    with CaptureQueriesContext(connection) as queries:
        store(platform, row(1), row(2))
    finds = [
        each["sql"] for each in queries if each["sql"].startswith("SELECT") and "json_each" in each["sql"]
    ]
    assert len(finds) == 2
    for find in finds:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {find}")
            assert "(platform_id=? AND marketplace_id=? AND sku=?)" in cursor.fetchall()[0][3]
