"""What is in stock is written down, day by day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from api.tests.rest import NOON, amazon, make_stock
from backoffice.inventory.sparkline import in_words, sparkline
from inventory import snapshots
from inventory.models import InventoryItem, StockDay, StockSnapshot
from inventory.snapshots import histories, prune_snapshots, take_due_snapshots, take_snapshots, units_by_day
from platforms.models import Platform

pytestmark = pytest.mark.django_db

DAY = date(2026, 1, 31)
DE = "A1PA6795UKMFR9"


def stored(day: date = DAY) -> dict[str, tuple[int | None, int | None]]:
    rows = StockSnapshot.objects.filter(day=day)
    return {
        sku: (available, total)
        for sku, available, total in rows.values_list("item__sku", "available", "total")
    }


def sums(day: date = DAY) -> set[tuple[Any, ...]]:
    rows = StockDay.objects.filter(day=day)
    return set(rows.values_list("platform__name", "marketplace_id", "skus", "available", "total"))


def test_it_writes_down_live_listed_stock_alone() -> None:
    make_stock("A", available=2, total=3)
    make_stock("unknown", available=None, total=None)
    make_stock("mock", source="mock")
    make_stock("sandbox", source="sandbox")
    make_stock("gone", gone_at=NOON - timedelta(days=1), available=0, total=0)
    assert take_snapshots(DAY) == 2
    assert stored() == {"A": (2, 3), "unknown": (None, None)}


def test_it_lets_the_last_state_of_a_day_count() -> None:
    item, other = make_stock("A", available=2, total=3), make_stock("B", available=7, total=7)
    take_snapshots(DAY)
    InventoryItem.objects.filter(pk=item.pk).update(available=1, total=2)
    InventoryItem.objects.filter(pk=other.pk).update(available=0, total=0, gone_at=NOON)
    make_stock("C", available=4, total=4)
    take_snapshots(DAY)
    assert stored() == {"A": (1, 2), "B": (0, 0), "C": (4, 4)}
    assert sums() == {("amazon", "ATVPDKIKX0DER", 2, 5, 6)}
    take_snapshots(DAY + timedelta(days=1))
    assert set(stored(DAY + timedelta(days=1))) == {"A", "C"}
    assert stored() == {"A": (1, 2), "B": (0, 0), "C": (4, 4)}


def test_it_adds_up_within_a_marketplace_alone() -> None:
    make_stock("A", available=2, total=3)
    make_stock("B", available=None, total=1)
    make_stock("A", available=2, total=3, marketplace_id=DE)
    make_stock("A", available=9, total=9, platform=Platform.objects.create(name="other"))
    take_snapshots(DAY)
    assert sums() == {
        ("amazon", "ATVPDKIKX0DER", 2, 2, 4),
        ("amazon", DE, 1, 2, 3),
        ("other", "ATVPDKIKX0DER", 1, 9, 9),
    }


def test_it_copies_any_number_of_rows_in_portions(settings: Any) -> None:
    first = make_stock("A").pk
    far = first + 2 * snapshots.AT_ONCE + 5  # two portions of ids further, with none in between
    make_stock("B", pk=far)
    assert take_snapshots(DAY) == 2
    assert set(stored()) == {"A", "B"}


def test_it_writes_down_once_an_hour_and_drops_what_is_too_old() -> None:
    item = make_stock("A", available=2)
    today = snapshots.today()
    old, kept = (today - timedelta(days=snapshots.KEPT_DAYS + more) for more in (1, 0))
    for day in (old, kept):
        take_snapshots(day)
    assert take_due_snapshots() == 1
    assert set(StockSnapshot.objects.values_list("day", flat=True)) == {kept, today}
    assert set(StockDay.objects.values_list("day", flat=True)) == {kept, today}
    InventoryItem.objects.filter(pk=item.pk).update(available=1)
    assert take_due_snapshots() == 0
    StockDay.objects.filter(day=today).update(taken_at=timezone.now() - timedelta(minutes=61))
    assert take_due_snapshots() == 1
    assert stored(today)["A"] == (1, 3)


def test_it_has_nothing_to_write_down_without_live_stock() -> None:
    make_stock("A", source="mock")
    assert take_due_snapshots() == 0
    assert not StockDay.objects.exists()


def test_it_prunes_day_by_day() -> None:
    make_stock("A")
    make_stock("B")
    for back in range(4):
        take_snapshots(DAY - timedelta(days=back))
    assert prune_snapshots(DAY - timedelta(days=1)) == 4
    assert set(StockSnapshot.objects.values_list("day", flat=True)) == {DAY, DAY - timedelta(days=1)}


def test_it_is_written_down_by_the_scheduler(capsys: pytest.CaptureFixture[str]) -> None:
    make_stock("A", available=2)
    call_command("run_scheduler", "--once")
    assert "Wrote down today's stock of 1 SKUs." in capsys.readouterr().out
    assert stored(datetime.now(UTC).date()) == {"A": (2, 3)}
    call_command("run_scheduler", "--once")
    assert "Nothing was due." in capsys.readouterr().out


def test_it_reads_histories_with_gaps_in_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    items = [make_stock(sku, available=number) for number, sku in enumerate("ABC")]
    today = snapshots.today()
    take_snapshots(today - timedelta(days=3))
    InventoryItem.objects.filter(pk=items[2].pk).update(available=9)
    make_stock("new", available=1)
    take_snapshots(today)
    take_snapshots(today - timedelta(days=4))  # before the days that are asked for
    with django_assert_num_queries(1):
        found = histories([items[1].pk, items[2].pk], days=4)
    assert found == {items[1].pk: [1, None, None, 1], items[2].pk: [2, None, None, 9]}


def test_it_tells_stock_over_time_by_marketplace() -> None:
    make_stock("A", available=2)
    make_stock("A", available=5, marketplace_id=DE)
    make_stock("B", available=None, marketplace_id="unknown")
    today = snapshots.today()
    take_snapshots(today)
    take_snapshots(today - timedelta(days=30))
    assert units_by_day() == {
        (amazon().pk, "ATVPDKIKX0DER"): {today: 2},
        (amazon().pk, DE): {today: 5},
    }


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ((), ""),
        ((None, None), ""),
        ((12, 0, 3), "3 days: 12 → 3, lowest 0"),
        ((None, None, 1200), "1 day: 1,200 → 1,200, lowest 1,200"),
        ((5, None, 7, None), "4 days: 5 → 7, lowest 5"),
    ],
)
def test_it_says_a_history_in_words(units: tuple[int | None, ...], words: str) -> None:
    assert in_words(units) == words
    assert (f'aria-label="{words}"' in sparkline(units)) is bool(words)


def test_it_breaks_the_line_where_nothing_is_known() -> None:
    assert sparkline((1, 2, None, 3)).count("M") == 2
    assert sparkline((0, 0)).count("M") == 1


def test_it_draws_the_history_in_the_list_and_on_the_page(admin_client: Client) -> None:
    item = make_stock("A", available=12, threshold=4)
    today = snapshots.today()
    take_snapshots(today - timedelta(days=29))
    InventoryItem.objects.filter(pk=item.pk).update(available=3)
    take_snapshots(today)
    assert "30 days: 12 → 3, lowest 3" in admin_client.get("/admin/inventory/inventoryitem/").content.decode()
    page = admin_client.get(f"/admin/inventory/inventoryitem/{item.pk}/change/")
    assert "30 days: 12 → 3, lowest 3" in page.content.decode()
    assert '"values": [12.0, null' in page.content.decode()
