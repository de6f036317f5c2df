"""Finding and writing many rows at once, on a real database."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, connection

from core.database.bulk import BulkFind, BulkUpsert
from inventory.models import InventoryItem
from orders.models import Order, OrderedProduct, OrderItem
from platforms.models import Platform

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 10, 30, 0, 123456, tzinfo=UTC)
UNIQUE = ("platform", "marketplace_id", "sku", "fnsku")
FIELDS = (
    *UNIQUE,
    "available",
    "asin",
    "source",
    "content_hash",
    "synced_at",
    "gone_at",
    "title",
    "condition",
)

write = BulkUpsert(InventoryItem, fields=FIELDS, unique=UNIQUE)
find = BulkFind(InventoryItem, fields=("sku", "available"), within="platform", by=("marketplace_id", "sku"))
remember = BulkUpsert(OrderedProduct, fields=("key", "sku", "words"), unique=("key",))


@pytest.fixture
def platform() -> Platform:
    return Platform.objects.get(name="amazon")


def stock(platform: Platform, sku: str, available: int | None, synced_at: datetime = NOW) -> tuple[Any, ...]:
    return platform.pk, "US", sku, "", available, "", "live", "", synced_at, None, "", ""


def test_it_inserts_and_replaces_in_one_go(platform: Platform) -> None:
    write([stock(platform, "A", 1), stock(platform, "B", 2)])
    kept = InventoryItem.objects.get(sku="B").pk
    write([stock(platform, "B", None), stock(platform, "C", 3)])
    assert dict(InventoryItem.objects.values_list("sku", "available")) == {"A": 1, "B": None, "C": 3}
    assert InventoryItem.objects.get(sku="B").pk == kept


def test_it_takes_no_rows(platform: Platform) -> None:
    write([])
    assert find(platform.pk, [["US"], []]) == []
    assert InventoryItem.objects.count() == 0


def test_it_stores_times_of_any_zone_as_the_same_moment(platform: Platform) -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    write([stock(platform, "A", 1, tokyo), stock(platform, "B", 1, NOW.replace(microsecond=0))])
    assert list(InventoryItem.objects.order_by("sku").values_list("synced_at", flat=True)) == [
        NOW,
        NOW.replace(microsecond=0),
    ]


def test_it_refuses_a_time_without_a_zone(platform: Platform) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        write([stock(platform, "A", 1, NOW.replace(tzinfo=None))])


def test_it_finds_rows_of_one_platform_by_exact_text(platform: Platform) -> None:
    other = Platform.objects.create(name="amazon-de")
    write([stock(platform, "a", 1), stock(platform, "A", 2), stock(platform, "A ", 3), stock(other, "a", 4)])
    assert sorted(find(platform.pk, [["US"], ["a", "A ", "missing", "%s", "' OR 1=1"]])) == [
        ("A ", 3),
        ("a", 1),
    ]


@pytest.mark.parametrize(
    "text", ["'); --", "\\", "\\'", '"', "%s", "%(x)s", "{}", "\n\t\x1a", "日本 \U0001f4e6", "NULL"]
)
def test_it_stores_text_as_it_is(platform: Platform, text: str) -> None:
    write([(*stock(platform, "A", 1)[:-2], text, ""), (*stock(platform, "B", 2)[:-2], text, text)])
    assert list(InventoryItem.objects.order_by("sku").values_list("title", "condition")) == [
        (text, ""),
        (text, text),
    ]


def test_it_writes_many_large_rows(platform: Platform) -> None:
    rows = [(*stock(platform, f"SKU-{number}", number)[:-2], "x" * 20_000, "") for number in range(1500)]
    write(rows)
    assert InventoryItem.objects.filter(title__endswith="xx").count() == 1500
    assert len(find(platform.pk, [["US"], [f"SKU-{number}" for number in range(1500)]])) == 1500


@pytest.mark.parametrize(
    "text", ["\\", "\\u0041", '"', "%s", "\n\t\x1a", "日本 \U0001f4e6", "null", "1.0", "[1]"]
)
def test_it_stores_text_of_narrow_tables_as_it_is(text: str) -> None:
    remember([("1", "A", text), ("2", text, text)])
    remember([("2", text, text), ("3", text, "B")])
    stored = OrderedProduct.objects.order_by("key").values_list("key", "sku", "words")
    assert list(stored) == [("1", "A", text), ("2", text, text), ("3", text, "B")]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1E+14", "123456789012345.6789"])
def test_it_refuses_amounts_that_do_not_fit(platform: Platform, amount: str) -> None:
    order = Order.objects.create(
        platform=platform, external_id="1", purchased_at=NOW, platform_updated_at=NOW, synced_at=NOW
    )
    write_items = BulkUpsert(
        OrderItem,
        fields=("order", "external_id", "sku", "asin", "title", "currency", "total"),
        unique=("order", "external_id"),
    )
    with pytest.raises(DataError):
        write_items([(order.pk, "1", "", "", "", "", Decimal(amount))])


def test_it_joins_rows_into_few_statements_on_mysql(platform: Platform) -> None:
    if connection.vendor != "mysql":
        pytest.skip(
            "only MySQL's driver sends the rows of executemany one by one, unless it knows the statement"
        )

    def questions() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Com_insert'")
            return int(cursor.fetchone()[1])

    before = questions()
    write([stock(platform, f"SKU-{number}", number) for number in range(100)])
    assert questions() - before == 1
