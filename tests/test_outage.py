"""Outages as they were, minute by minute: what the schedule does meanwhile, and how soon all is well again."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import SyncLog
from integrations.schedule.due import Reason, dues_of
from integrations.schedule.plan import due_syncs
from integrations.sync.run import run_sync
from integrations.tests.syncing import platform_of
from platforms.models import Platform
from simulator import Account, Deny, Rule, Simulator

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Clock:
    """The time for OMS and for the simulator."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def stamp(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock


@pytest.fixture
def sim(start_simulator: Callable[..., Simulator], clock: Clock, settings: Any) -> Simulator:
    """Of a platform that has just been synced."""
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator(Account(orders=3, skus=3, end=clock.now - 10 * MINUTE), clock=clock.stamp)
    platform_of(sim)
    assert [log.status for log in minutes_pass(clock, 1)] == ["succeeded", "succeeded"]
    return sim


def minutes_pass(clock: Clock, minutes: int) -> Iterator[SyncLog]:
    """What the schedule starts in this time, worked on at once."""
    end = clock.now + minutes * MINUTE
    while clock.now < end:
        for started in list(due_syncs()):
            SyncLog.objects.filter(pk=started.log.pk).update(
                queued_at=clock.now
            )  # its default knows the real time
            yield run_sync(started.log.pk)
        dues = dues_of(Platform.objects.get()).values()
        clock.now = min(end, max(clock.now + MINUTE / 60, min(due.at for due in dues if due.at)))


def waits(logs: list[SyncLog], kind: str) -> list[int]:
    """Minutes between the syncs of a stream."""
    times = [log.queued_at for log in logs if log.kind == kind]
    return [round((later - sooner) / MINUTE) for sooner, later in pairwise(times)]


def reasons() -> set[Reason]:
    return {due.reason for due in dues_of(Platform.objects.get()).values()}


@pytest.mark.once
@pytest.mark.parametrize("details", ["", "The security token included in the request is expired"])
def test_everything_is_read_again_some_minutes_after_25_minutes_of_refusals(
    sim: Simulator, clock: Clock, details: str
) -> None:
    sim.rules.add(Rule(fault=Deny(details), operation="searchOrders"))
    sim.rules.add(Rule(fault=Deny(details), operation="getInventorySummaries"))
    clock.now += 65 * MINUTE  # both are due when it begins
    calls = sim.calls["searchOrders"]
    failed = list(minutes_pass(clock, 25))
    assert {log.status for log in failed} == {"failed"}
    assert (reasons(), sim.calls["searchOrders"] - calls <= 6) == ({Reason.SUSPECTED}, True)
    sim.rules.clear()
    assert {log.kind for log in minutes_pass(clock, 16) if log.status == "succeeded"} == {
        "orders",
        "inventory",
    }
    assert reasons() == {Reason.REGULAR}


@pytest.mark.once
def test_refusals_of_days_are_tried_once_a_day_and_the_first_good_answer_ends_that(
    sim: Simulator, clock: Clock
) -> None:
    sim.revoke(*sim.accounts)
    logs = list(minutes_pass(clock, 60 * 60))
    orders = waits([log for log in logs if log.status == "failed"], "orders")
    assert orders[:5] == sorted(orders[:5])
    assert (orders[0] <= 10, 9 <= len([wait for wait in orders if wait < 23 * 60]) <= 12) == (True, True)
    assert orders[-1] >= 24 * 60
    assert reasons() == {Reason.RESTING}
    sim.restore()
    good = [log for log in minutes_pass(clock, 27 * 60) if log.status == "succeeded"]
    assert good[1].queued_at - good[0].queued_at <= 5 * MINUTE
    assert {log.kind for log in good[:2]} == {"orders", "inventory"}


@pytest.mark.once
def test_orders_are_read_within_the_hour_after_an_outage_of_half_a_day(sim: Simulator, clock: Clock) -> None:
    sim.rules.add(Rule(fault=Deny(), operation="token"))
    sim.expire_tokens()
    clock.now += HOUR
    assert {log.status for log in minutes_pass(clock, 12 * 60)} == {"failed"}
    assert reasons() == {Reason.BACKING_OFF}
    sim.rules.clear()
    ended: datetime = clock.now
    good = [log for log in minutes_pass(clock, 70) if log.status == "succeeded"]
    assert {log.kind for log in good[:2]} == {"orders", "inventory"}
    assert good[1].queued_at - ended <= 70 * MINUTE
