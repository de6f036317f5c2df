"""What the scheduler finds due, and what it finds abandoned."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conftest import api_config
from integrations.management.commands.run_scheduler import TICK
from integrations.models import SyncLog
from integrations.schedule.plan import abandoned_syncs, due_syncs
from integrations.sync.leases import LEASE, Lease
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.states import change, set_states
from integrations.window_input import read_window
from platforms.models import Platform
from simulator import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def amazon() -> Platform:
    """Configured; orders every 15 minutes, inventory by hand alone."""
    platform = Platform.objects.get(name="amazon")
    platform.api_config = api_config(Account())
    change(platform, orders_interval=15, inventory_interval=0)
    return platform


def past_sync(platform: Platform, minutes: float, **values: Any) -> SyncLog:
    """A closed orders sync that was queued `minutes` ago."""
    values = {"kind": "orders", "trigger": "schedule", "status": "succeeded", **values}
    queued_at = timezone.now() - timedelta(minutes=minutes)
    return SyncLog.objects.create(platform=platform, queued_at=queued_at, **values)


def due() -> list[tuple[str, str]]:
    return [(each.log.platform.name, each.log.kind) for each in due_syncs()]


def test_it_is_due_when_it_never_ran(amazon: Platform) -> None:
    assert due() == [("amazon", "orders")]
    assert SyncLog.objects.get().trigger == SyncLog.Trigger.SCHEDULE


@pytest.mark.parametrize(("minutes", "expected"), [(14.5, []), (16.6, [("amazon", "orders")])])
def test_it_is_due_once_the_interval_has_passed(
    amazon: Platform, minutes: float, expected: list[Any]
) -> None:
    past_sync(amazon, minutes)
    assert due() == expected


def test_it_looks_at_each_kind_by_itself(amazon: Platform) -> None:
    set_states("inventory", interval_minutes=60)
    past_sync(amazon, 1)
    assert due() == [("amazon", "inventory")]


@pytest.mark.parametrize("changes", [{"is_active": False}, {"api_config": {}}, {"orders_interval": 0}])
def test_it_leaves_out_what_is_not_to_be_scheduled(amazon: Platform, changes: dict[str, Any]) -> None:
    change(amazon, **changes)
    assert due() == []


def test_it_does_not_pile_up(amazon: Platform) -> None:
    past_sync(amazon, 500, status="queued", open_key=SyncLog.open_key_for(amazon, "orders"))
    assert due() == []
    assert SyncLog.objects.count() == 1


def test_it_does_not_take_a_window_of_somebodys_choice_for_the_regular_run(amazon: Platform) -> None:
    past_sync(amazon, 1, is_incremental=read_window(days=3).is_incremental)
    assert due() == [("amazon", "orders")]


def test_it_does_not_take_a_few_skus_for_a_sweep(amazon: Platform) -> None:
    change(amazon, orders_interval=0, inventory_interval=60)
    past_sync(amazon, 1, kind="inventory", skus=["A-1"])
    assert due() == [("amazon", "inventory")]


def test_it_schedules_credentials_that_cannot_be_read_so_that_the_failure_is_seen(
    amazon: Platform, settings: Any
) -> None:
    settings.FIELD_ENCRYPTION_KEY = ["b3RoZXItb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="]
    assert due() == [("amazon", "orders")]


def open_sync(platform: Platform) -> SyncLog:
    return request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.API).log


def age(log: SyncLog, **minutes: float) -> None:
    """Set times of the log to so many minutes ago."""
    now = timezone.now()
    SyncLog.objects.filter(pk=log.pk).update(
        **{name: now - timedelta(minutes=each) for name, each in minutes.items()}
    )


def abandoned() -> list[int]:
    return [log.pk for log in abandoned_syncs()]


def test_it_announces_a_queued_sync_whose_message_was_lost_once_a_minute(amazon: Platform) -> None:
    log = open_sync(amazon)
    assert abandoned() == []
    age(log, queued_at=2)
    assert abandoned() == [log.pk]
    assert abandoned() == []
    age(log, heartbeat_at=2)
    assert abandoned() == [log.pk]


def test_it_announces_a_running_sync_as_soon_as_its_lease_ran_out(amazon: Platform) -> None:
    log = open_sync(amazon)
    lease = Lease.claim(log.pk)
    assert lease is not None
    age(log, heartbeat_at=4)
    assert abandoned() == []
    assert TICK <= 60  # seconds: the next look after it expired comes within a minute
    age(log, heartbeat_at=LEASE / timedelta(minutes=1) + 0.01, lease_expires_at=0.01)
    assert abandoned() == [log.pk]


def test_it_announces_a_wait_that_is_over_and_no_other(amazon: Platform) -> None:
    log = open_sync(amazon)
    SyncLog.objects.filter(pk=log.pk).update(status=SyncLog.Status.WAITING)
    age(log, heartbeat_at=5, resume_at=-1)
    assert abandoned() == []
    age(log, heartbeat_at=5, resume_at=0.9)
    assert abandoned() == []  # its message is on the way
    age(log, heartbeat_at=5, resume_at=1.1)
    assert abandoned() == [log.pk]


def test_it_does_not_announce_what_is_closed(amazon: Platform, settings: Any) -> None:
    settings.MOCK_FALLBACK = "always"
    Platform.objects.update(api_config={})
    log = run_sync(open_sync(amazon).pk)
    age(log, queued_at=99, heartbeat_at=99, lease_expires_at=99)
    assert log.status == SyncLog.Status.FALLBACK
    assert abandoned() == []
