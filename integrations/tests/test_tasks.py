"""The task that goes on with a sync, on the database's queue with its real worker."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from conftest import api_config
from integrations.models import SyncLog
from integrations.sync.queue import continue_sync, queue_sync
from integrations.sync.start import request_sync, start_sync
from integrations.sync.stop_signal import StopSignal
from integrations.window_input import read_window
from orders.models import Order
from platforms.models import Platform
from simulator import Canned, Simulator

StartSimulator = Callable[..., Simulator]


@pytest.fixture
def amazon(start_simulator: StartSimulator, transactional_db: None) -> Platform:
    # Other transactional tests empty the table.
    platform, _ = Platform.objects.get_or_create(name="amazon")
    return platform


def configured(platform: Platform, sim: Simulator) -> Platform:
    platform.api_config = api_config(sim.accounts[0])
    platform.save()
    return platform


def open_sync(platform: Platform) -> SyncLog:
    return request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.API).log


def work() -> None:
    """Run all queued tasks that are due, as `manage.py db_worker` does."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)]
    try:
        call_command("db_worker", "--batch", "--no-startup-delay", "--no-reload", "--interval", "0")
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGQUIT), before, strict=True):
            signal.signal(number, handler)


def test_it_runs_a_queued_sync(start_simulator: StartSimulator, amazon: Platform) -> None:
    log = open_sync(configured(amazon, start_simulator(orders=12)))
    queue_sync(log)
    work()
    log.refresh_from_db()
    assert (log.status, log.fetched) == (SyncLog.Status.SUCCEEDED, 12)


def test_it_understands_a_message_that_an_earlier_version_queued(
    start_simulator: StartSimulator, amazon: Platform
) -> None:
    log = open_sync(configured(amazon, start_simulator(orders=12)))
    DBTaskResult.objects.create(
        task_path="integrations.tasks.continue_sync",
        args_kwargs={"args": [log.pk], "kwargs": {}},
        queue_name="default",
        backend_name="default",
        run_after=timezone.now(),
    )
    work()
    log.refresh_from_db()
    assert (log.status, log.fetched) == (SyncLog.Status.SUCCEEDED, 12)
    assert DBTaskResult.objects.get().status == "SUCCESSFUL"


def test_it_names_the_task_so_that_an_earlier_version_understands_it(amazon: Platform) -> None:
    queue_sync(open_sync(amazon))
    assert DBTaskResult.objects.get().task_path == "integrations.tasks.continue_sync"


def test_it_starts_what_waited_for_the_sync_that_it_ended(
    start_simulator: StartSimulator, amazon: Platform
) -> None:
    configured(amazon, start_simulator(orders=12))
    window = read_window(days=3)
    asked: dict[str, Any] = {"platform": amazon, "kind": "orders", "trigger": "api"}
    first = start_sync(**asked, window=read_window(days=7), in_place=True).log
    waiting = start_sync(**asked, window=window, after_open=True)
    assert (waiting.log.status, waiting.is_new, waiting.is_queued) == ("deferred", True, False)
    queue_sync(first)
    work()
    assert [log.status for log in SyncLog.objects.order_by("pk")] == ["succeeded", "succeeded"]
    started = SyncLog.objects.get(pk=waiting.log.pk).window_start
    assert started == pytest.approx(window.since, abs=timedelta(minutes=1))  # three days back from its start


def test_it_takes_a_doubled_message_for_what_it_is(start_simulator: StartSimulator, amazon: Platform) -> None:
    sim = start_simulator(orders=12)
    log = open_sync(configured(amazon, sim))
    queue_sync(log)
    queue_sync(log)
    work()
    assert sim.calls["searchOrders"] == 1
    assert [each.return_value for each in DBTaskResult.objects.all()] == ["succeeded", "succeeded"]


def test_it_is_queued_again_for_the_moment_there_is_quota(
    start_simulator: StartSimulator, amazon: Platform
) -> None:
    sim = start_simulator(orders=12)
    sim.script("searchOrders", Canned.json(429, {"errors": [{"code": "QuotaExceeded"}]}))
    log = open_sync(configured(amazon, sim))
    queue_sync(log)
    work()
    log.refresh_from_db()
    assert log.status == SyncLog.Status.WAITING
    waiting = DBTaskResult.objects.get(status="READY")
    assert waiting.run_after == log.resume_at
    assert waiting.run_after > timezone.now() + timedelta(seconds=150)  # one call in 179 seconds


def test_it_lets_no_wait_that_is_over_overtake_what_was_queued_before(
    start_simulator: StartSimulator, amazon: Platform
) -> None:
    first = open_sync(configured(amazon, start_simulator(orders=3)))
    queue_sync(first)
    second = open_sync(Platform.objects.create(name="other", api_config=amazon.api_config))
    third = open_sync(Platform.objects.create(name="third", api_config=amazon.api_config))
    for log, seconds in ((second, 0.001), (third, 3600)):
        log.status, log.resume_at = SyncLog.Status.WAITING, timezone.now() + timedelta(seconds=seconds)
        log.save()
        queue_sync(log)
    work()
    begun = DBTaskResult.objects.exclude(started_at=None).order_by("started_at")
    assert [each.args_kwargs["args"] for each in begun] == [[first.pk], [second.pk]]
    assert SyncLog.objects.get(pk=third.pk).status == SyncLog.Status.WAITING  # and holds up nobody


def test_it_leaves_after_the_current_page_when_told_to_stop(
    start_simulator: StartSimulator, amazon: Platform
) -> None:
    sim = start_simulator(orders=9, page_size=3)
    log = open_sync(configured(amazon, sim))
    with StopSignal():  # so that the signal does not end the tests

        class StopOnFirstPage:
            def before(self, call: Any) -> None:
                # Not on the second page, which may be asked for after nobody listens to the signal any more.
                if call.operation == "searchOrders" and not call.page_token:
                    os.kill(os.getpid(), signal.SIGTERM)

        sim.faults = StopOnFirstPage()
        assert continue_sync.call(log.pk) == "queued"
    sim.faults = None
    log.refresh_from_db()
    assert (log.pages, Order.objects.count(), log.lease_token) == (1, 3, "")
    work()  # it announced itself again
    log.refresh_from_db()
    assert (log.status, log.fetched, log.pages) == (SyncLog.Status.SUCCEEDED, 9, 3)
    # The second page may have been on its way when it was told to stop; it is fetched again.
    assert sim.calls["searchOrders"] in (3, 4)


def test_it_queues_nothing_when_the_transaction_is_rolled_back(amazon: Platform) -> None:
    with transaction.atomic():
        queue_sync(open_sync(amazon))
        transaction.set_rollback(True)
    assert not DBTaskResult.objects.exists()


def test_it_remembers_the_signal_and_puts_the_old_handler_back() -> None:
    seen = []
    original = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    try:
        with StopSignal() as stop:
            assert not stop.wait(0)
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.wait(60)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, original)
    assert seen == [signal.SIGTERM, signal.SIGTERM]
