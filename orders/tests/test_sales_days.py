"""Sums of what was sold, kept by day and month: whatever is written meanwhile, the report is that of the orders."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.dates import ForgivingZone
from orders.erasing import erase_of_platform
from orders.models import (
    MonthLines,
    MonthOrders,
    Order,
    OrderItem,
    SalesDay,
    SalesMonth,
    SalesZone,
    SummedLines,
    SummedOrders,
)
from orders.records import OrderItemRecord, OrderRecord
from orders.retention import prune_orders
from orders.sales import Months, Report, sales_report
from orders.sales_days import KEPT_DAYS, count_due
from orders.sales_months import MOST_ZONES, count_due_months
from orders.services import delete_orders, store_reported, upsert_orders
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 12, 2, tzinfo=UTC)
MONTHS = Months(first=date(2026, 9, 1), last=date(2026, 11, 1))
# West, east, by half an hour, by a quarter, and one that is in no list of offsets: Kiribati and Samoa are a day apart.
ZONES = (
    "UTC", "Europe/Berlin", "America/Los_Angeles", "America/St_Johns", "Asia/Kolkata", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Etc/GMT+12",
)  # fmt: skip
SITES = (("A1PA6795UKMFR9", "EUR"), ("A1F83G8C2ARO7P", "GBP"))


@pytest.fixture
def platform() -> Platform:
    return Platform.objects.get(name="amazon")


def some_order(rng: Random, number: int, **changes: Any) -> OrderRecord:
    """Of 1 to 3 lines, some of whose amounts are not known; each third within a day of the turn of a month."""
    turn = datetime(2026, rng.choice((9, 10, 11, 12)), 1, tzinfo=UTC)
    at = turn + timedelta(minutes=rng.randrange(-24 * 60, 24 * 60))
    if number % 3:
        at = datetime(2026, 8, 30, tzinfo=UTC) + timedelta(minutes=rng.randrange(94 * 24 * 60))
    site, currency = rng.choice(SITES)

    def some(most: int) -> Decimal | None:
        return Decimal(rng.randrange(most)) / 100 if rng.random() < 0.8 else None

    def line(at: int) -> OrderItemRecord:
        tax = some(2000)
        return OrderItemRecord(
            external_id=str(at), sku=f"SKU-{at}", quantity_ordered=rng.choice((0, 1, 2, None)), total=some(20000),
            tax=tax, item_tax=None if tax is None else tax / 2, shipping=some(900), discount=some(300),
            currency=currency if rng.random() < 0.95 else "CHF",
            tax_model="MARKETPLACE_FACILITATOR" if tax else None,
            tax_responsible_party=rng.choice(("Amazon Services, Inc.", "AMAZON_EU", None)) if tax else None,
        )  # fmt: skip

    values: dict[str, Any] = {
        "external_id": f"{number:07}", "purchased_at": at, "platform_updated_at": at, "marketplace_id": site,
        "currency": currency, "total": some(50000), "ship_to_country": rng.choice(("DE", "AT", "GB", None)),
        "status": "cancelled" if rng.random() < 0.1 else "shipped",
        "items": tuple(line(at) for at in range(rng.choice((1, 1, 2, 3)))),
    }  # fmt: skip
    return OrderRecord(**values | changes)


def store(platform: Platform, *records: OrderRecord, source: str = Source.LIVE) -> None:
    upsert_orders(platform=platform, records=records, source=source)


def report(zone: str = "Europe/Berlin", months: Months = MONTHS) -> Report:
    ids = list(Platform.objects.order_by("pk").values_list("pk", flat=True))
    return sales_report(ids, months, ForgivingZone(zone))


def from_orders(zone: str = "Europe/Berlin", months: Months = MONTHS) -> Report:
    """The same without any sums."""
    counted = list(SalesDay.objects.filter(is_counted=True).values_list("pk", flat=True))
    SalesDay.objects.update(is_counted=False)
    found = report(zone, months)
    SalesDay.objects.filter(pk__in=counted).update(is_counted=True)
    return found


def count() -> int:
    """Days, and the months of the zones that were asked for."""
    return count_due(seconds=60, now=NOW) + count_due_months(seconds=60, now=NOW)


def test_sums_add_up_to_the_months_of_every_zone(platform: Platform) -> None:
    rng = Random(7)  # noqa: S311  no secret
    for start in range(0, 400, 100):
        store(platform, *(some_order(rng, start + at) for at in range(100)))
    expected = {zone: from_orders(zone) for zone in ZONES}
    assert (
        len({len(found.sales) for found in expected.values()} | {str(found) for found in expected.values()})
        > 5
    )
    assert count_due(seconds=60, now=NOW) == KEPT_DAYS * Platform.objects.count()
    # Were an order read, or a sum read twice, this would be seen: nothing is left to be read of these months but sums.
    Order.objects.update(total=Decimal(1_000_000))
    assert {zone: report(zone) for zone in ZONES} == expected
    assert count_due(seconds=60, now=NOW) == 0


def test_months_add_up_in_every_zone_in_which_somebody_looked(platform: Platform) -> None:
    rng = Random(7)  # noqa: S311  no secret
    for start in range(0, 400, 100):
        store(platform, *(some_order(rng, start + at) for at in range(100)))
    zones = ZONES[-MOST_ZONES:]
    expected = {zone: from_orders(zone) for zone in zones}  # looks at them, too
    assert count_due(seconds=60, now=NOW)
    months = count_due_months(seconds=60, now=NOW)
    assert months > KEPT_DAYS // 31
    assert count_due_months(seconds=60, now=NOW) == 0
    # What is left of them is what is read: the sums of days, and the orders, are gone.
    SummedOrders.objects.all().delete()
    SummedLines.objects.all().delete()
    Order.objects.update(total=Decimal(1_000_000))
    assert {zone: report(zone) for zone in zones} == expected
    october = Months(first=date(2026, 10, 1), last=date(2026, 10, 1))
    of_october = [row for row in expected[zones[0]].sales if row.place.month == october.first]
    assert report(zones[0], october).sales == of_october
    # Those of a zone in which nobody looks any more go, once no report can be reading them.
    SalesZone.objects.exclude(name=zones[0]).delete()
    assert count_due_months(seconds=60, now=NOW) == 0
    assert SalesMonth.objects.count() == months
    count_due_months(seconds=60, now=NOW)
    assert 0 < SalesMonth.objects.count() < months / 2
    assert report(zones[0]) == expected[zones[0]]


def test_no_write_leaves_a_sum_behind(platform: Platform) -> None:
    rng = Random(11)  # noqa: S311  no secret
    records = {number: some_order(rng, number) for number in range(120)}
    store(platform, *records.values())
    later = timedelta(hours=1)

    def changed(step: int) -> None:
        """Everything of some orders becomes different: lines come and go, and the purchase is at another time."""
        for number in rng.sample(sorted(records), 30):
            at = NOW + later * step
            records[number] = replace(some_order(rng, number), platform_updated_at=at)
            store(platform, records[number])

    def cancelled() -> None:
        some = [
            replace(records[number], status="cancelled", platform_updated_at=NOW + 9 * later)
            for number in range(20)
        ]
        store(platform, *some)

    def reported() -> None:
        some = [
            replace(records[number], platform_updated_at=NOW + 10 * later, total=Decimal(5))
            for number in range(30)
        ]
        store_reported(platform=platform, records=some, source=Source.LIVE, updates_full=True)

    def replaced() -> None:
        store(platform, *(some_order(rng, number) for number in range(300, 320)), source=Source.MOCK)
        count()
        store(platform, *(some_order(rng, number) for number in range(300, 320)))

    steps: tuple[Callable[[], Any], ...] = (
        lambda: changed(1),
        lambda: changed(2),
        cancelled,
        reported,
        lambda: store(
            platform, some_order(rng, 400, purchased_at=datetime(2026, 11, 30, 23, 30, tzinfo=UTC))
        ),
        replaced,
        lambda: erase_of_platform(platform),
        lambda: prune_orders(datetime(2026, 10, 5, 12, tzinfo=UTC)),
        lambda: call_command("purge_mock", "amazon"),
        lambda: delete_orders(platform=platform, sources=[Source.LIVE]),
    )
    for step in steps:
        count()
        step()
        assert report() == from_orders()
    assert report().sales == []
    count()
    assert SalesMonth.objects.filter(is_counted=True).exists()
    for model in (SummedOrders, SummedLines, MonthOrders, MonthLines):
        assert not model.objects.exists()


def test_a_change_of_one_day_reads_the_orders_of_that_day_alone(platform: Platform) -> None:
    rng = Random(3)  # noqa: S311  no secret
    store(platform, *(some_order(rng, number) for number in range(60)))
    count()
    record = some_order(rng, 99, purchased_at=datetime(2026, 10, 15, 12, tzinfo=UTC))
    store(platform, record)
    marked = SalesDay.objects.filter(is_counted=False).values_list("day", flat=True)
    assert list(marked) == [date(2026, 10, 15)]
    report()  # in Berlin
    count_due_months(seconds=60, now=NOW)  # all but October, of which a day is to be counted first
    with CaptureQueriesContext(connection) as queries:
        found = sales_report([platform.pk], MONTHS, ForgivingZone("Europe/Berlin"))
    # The zone; months and days that are counted; two each of months, of days, and of orders.
    assert len(queries) == 9
    assert found == from_orders()
    assert count() == 2
    store(platform, record)  # equal: nothing was written
    assert not SalesDay.objects.filter(is_counted=False).exists()
    with transaction.atomic():
        store(platform, replace(record, platform_updated_at=NOW))
        assert SalesDay.objects.filter(is_counted=False).count() == 1
        transaction.set_rollback(True)
    assert not SalesDay.objects.filter(is_counted=False).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("sqlite" in str(connection.vendor), reason="SQLite has one writer at a time")
def test_days_are_counted_while_others_write() -> None:
    platform, done = Platform.objects.get(name="amazon"), Event()

    def write(writer: int) -> None:
        rng = Random(writer)  # noqa: S311  no secret
        try:
            for step in range(8):
                at = NOW + timedelta(hours=step)
                some = [
                    replace(some_order(rng, writer * 50 + number), platform_updated_at=at)
                    for number in range(40)
                ]
                store(platform, *some)
        finally:
            connection.close()

    def keep_counting() -> int:
        try:
            rounds = 0
            while not done.is_set():
                count()
                rounds += 1
            return rounds
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        counting = pool.submit(keep_counting)
        writers = [pool.submit(write, number) for number in range(2)]
        try:
            for writer in writers:
                writer.result(120)
        finally:
            done.set()
        assert counting.result(60) >= 1
    assert OrderItem.objects.exists()
    assert report() == from_orders()
    count()
    assert report() == from_orders()
