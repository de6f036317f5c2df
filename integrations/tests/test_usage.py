"""API usage: every call is counted once, by platform, operation and hour, whoever makes it and however it ends."""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from integrations.errors import TransientError
from integrations.models import ApiUsage, SyncFailure, SyncLog
from integrations.protocol import Window
from integrations.quota.usage import UsageMeter, hourly, prune_usage
from integrations.sync.connection import adapter_of
from integrations.sync.connection_check import check_platform
from integrations.sync.failures import replay
from integrations.tests.counting import CALLS, THREADS, count
from integrations.tests.syncing import (
    INVENTORY,
    QUOTA_EXCEEDED,
    UNAVAILABLE,
    on_a_database_that_waits,
    platform_of,
    refusal,
    sync,
)
from orders.models import Order
from platforms.models import Platform
from simulator import Canned, Simulator

StartSimulator = Callable[..., Simulator]
WINDOW = Window("updated", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
KEPT = timedelta(days=400)
db = pytest.mark.django_db


def counted(column: str = "calls", **of: Any) -> dict[str, int]:
    """Operation -> what is counted, without zeros."""
    sums: dict[str, int] = {}
    for row in ApiUsage.objects.filter(**of):
        sums[row.operation] = sums.get(row.operation, 0) + getattr(row, column)
    return {operation: number for operation, number in sums.items() if number}


def served(sim: Simulator) -> dict[str, int]:
    return {operation: number for operation, number in sim.calls.items() if number}


@db
def test_it_counts_every_call_of_syncs_replays_and_the_connection_check(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=30, skus=5, page_size=10)
    platform = platform_of(sim)
    log = sync(platform)
    sync(platform, INVENTORY)
    failure = SyncFailure.objects.create(
        log=log, platform=platform, kind="orders", external_id=sim.accounts[0].order_ids()[0]
    )
    replay(failure)
    check_platform(platform)
    assert counted() == served(sim)
    assert set(counted()) >= {"token", "searchOrders", "getOrder", "getInventorySummaries"}
    assert (counted("throttled"), counted("errors")) == ({}, {})


@db
def test_it_tells_throttled_calls_from_failed_ones(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=30, page_size=10)
    fast = refusal(429, "QuotaExceeded", x_amzn_RateLimit_Limit="1000")
    sim.script("searchOrders", UNAVAILABLE, fast, Canned(200, b"<html></html>"))
    sim.script("getOrder", Canned(reset=True))
    sim.script("token", Canned(500))
    with closing(adapter_of(platform_of(sim))) as amazon:
        with pytest.raises(TransientError):  # the fourth attempt, the login's included
            next(iter(amazon.order_pages(WINDOW, {})))
        amazon.order(sim.accounts[0].order_ids()[0])
    assert counted() == served(sim) == {"token": 2, "searchOrders": 3, "getOrder": 2}
    assert counted("throttled") == {"searchOrders": 1}
    assert counted("errors") == {"token": 1, "searchOrders": 2, "getOrder": 1}


@db
def test_it_counts_the_seconds_that_calls_took_and_no_waits(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=3)
    sim.script("searchOrders", Canned(200, b'{"orders": []}', delay=0.3))
    sync(platform_of(sim))
    row = ApiUsage.objects.get(operation="searchOrders")
    assert 0.3 <= row.seconds < 1.5


@db
def test_it_keeps_platforms_and_hours_apart(start_simulator: StartSimulator) -> None:
    first, second = platform_of(start_simulator(), "first"), platform_of(start_simulator(), "second")
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for platform, minutes in ((first, 0), (first, 59), (first, 60), (second, 1)):
        moment = noon + timedelta(minutes=minutes)
        meter = UsageMeter(platform, clock=lambda moment=moment: moment)  # type: ignore[misc]
        meter.count("getOrder", 0.25, throttled=False, failed=False)
    rows = ApiUsage.objects.order_by("platform__name", "hour")
    assert [(row.platform.name, row.hour, row.calls, row.seconds) for row in rows] == [
        ("first", noon, 2, 0.5),
        ("first", noon + timedelta(hours=1), 1, 0.25),
        ("second", noon, 1, 0.25),
    ]


@db
def test_it_counts_nothing_for_mock_data() -> None:
    log = sync(Platform.objects.get())
    assert (log.status, ApiUsage.objects.count()) == (SyncLog.Status.FALLBACK, 0)


@db
def test_it_costs_one_statement_a_call(django_assert_num_queries: Any) -> None:
    meter = UsageMeter(Platform.objects.get())
    meter.count("getOrder", 0.1, throttled=False, failed=False)
    with django_assert_num_queries(1):
        meter.count("getOrder", 0.1, throttled=False, failed=False)


@db
def test_calls_of_one_second_are_counted_together(django_assert_num_queries: Any) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    moments = iter(noon + timedelta(seconds=seconds) for seconds in (0, 0, 0.4, 0.9, 1.1, 5))
    meter = UsageMeter(Platform.objects.get(), gathered=1.0, clock=lambda: next(moments))
    with django_assert_num_queries(0):
        for failed in (False, True, False):
            meter.count("getOrder", 0.5, throttled=False, failed=failed)
    meter.count("getOrder", 0.5, throttled=True, failed=False)
    row = ApiUsage.objects.get()
    assert (row.calls, row.throttled, row.errors, row.seconds) == (4, 1, 1, 2.0)
    meter.count("getOrder", 0.5, throttled=False, failed=False)
    assert counted() == {"getOrder": 4}
    meter.flush()
    meter.flush()
    assert counted() == {"getOrder": 5}


@pytest.mark.django_db(transaction=True)
def test_it_loses_no_count_and_doubles_no_row_when_many_count_at_once(tmp_path: Path) -> None:
    calls = THREADS * CALLS
    expected = {"rows": 1, "calls": calls, "throttled": calls // 5, "errors": calls // 5}
    found = on_a_database_that_waits(count, tmp_path)
    assert found == expected | {"seconds": calls // 2}


@pytest.mark.django_db(transaction=True)
def test_it_loses_no_order_where_calls_cannot_be_counted(
    start_simulator: StartSimulator, caplog: Any
) -> None:
    platform = platform_of(start_simulator(orders=30, page_size=10))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE api_usage RENAME TO api_usage_gone")
    try:
        with caplog.at_level(logging.WARNING):
            log = sync(platform)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE api_usage_gone RENAME TO api_usage")
    assert (log.status, log.created, Order.objects.count()) == (SyncLog.Status.SUCCEEDED, 30, 30)
    assert "A call of searchOrders was not counted in the API usage" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_it_counts_nothing_for_a_platform_that_is_deleted_meanwhile() -> None:
    platform = Platform.objects.create(name="gone")
    meter = UsageMeter(platform)
    Platform.objects.filter(pk=platform.pk).delete()
    meter.count("getOrder", 0.1, throttled=False, failed=False)
    assert not ApiUsage.objects.exists()


@db
def test_it_sums_up_the_last_two_days_by_the_hour() -> None:
    platform = Platform.objects.get()
    this = timezone.now().replace(minute=0, second=0, microsecond=0)
    for back, operation, calls, throttled in (
        (0, "a", 3, 1),
        (0, "b", 2, 0),
        (47, "a", 5, 0),
        (48, "a", 9, 9),
    ):
        hour = this - timedelta(hours=back)
        ApiUsage.objects.create(
            platform=platform, operation=operation, hour=hour, calls=calls, throttled=throttled, seconds=1.5
        )
    usage = hourly(ApiUsage.objects.all())
    assert (len(usage.hours), usage.hours[-1]) == (48, this)
    assert (usage.calls[0], usage.calls[-1], sum(usage.calls), sum(usage.throttled)) == (5, 5, 10, 1)
    assert usage.seconds_per_call == 0.45


@db
def test_it_forgets_what_is_older_than_four_hundred_days() -> None:
    platform, now = Platform.objects.get(), timezone.now()
    for operation, age in (("old", KEPT + timedelta(hours=1)), ("kept", KEPT - timedelta(hours=1))):
        ApiUsage.objects.create(platform=platform, operation=operation, hour=now - age)
    assert prune_usage(KEPT) == 1
    assert [row.operation for row in ApiUsage.objects.all()] == ["kept"]


@db
def test_it_is_forgotten_by_the_scheduler(capsys: Any) -> None:
    old = timezone.now() - KEPT - timedelta(hours=1)
    ApiUsage.objects.create(platform=Platform.objects.get(), operation="old", hour=old)
    call_command("run_scheduler", "--once")
    assert not ApiUsage.objects.exists()


@db
def test_it_counts_a_call_that_parks_the_run(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=3)
    sim.script("searchOrders", QUOTA_EXCEEDED)
    log = sync(platform_of(sim))
    assert (log.status, counted("throttled")) == (SyncLog.Status.WAITING, {"searchOrders": 1})
