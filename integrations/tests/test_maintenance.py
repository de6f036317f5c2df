"""What the scheduler deletes once a day, and what stays whatever its age."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from api.tests.rest import make_order
from audit.models import AuditEntry
from feed.models import Change
from integrations.models import SyncFailure, SyncLog
from integrations.schedule.maintenance import SYNCS_KEPT, run_maintenance
from orders.models import LegalHold, Order, OrderItem
from orders.retention import months_before
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db
Status = SyncLog.Status


def log_of(finished_at: datetime | None, **values: Any) -> SyncLog:
    row = {"kind": SyncLog.Kind.ORDERS, "status": Status.FAILED, "trigger": SyncLog.Trigger.SCHEDULE}
    return SyncLog.objects.create(platform=Platform.objects.get(), finished_at=finished_at, **row | values)


def test_it_deletes_old_syncs_but_not_what_is_still_read(settings: Any) -> None:
    settings.KEEP_SYNC_LOG_DAYS = 31
    old, new = timezone.now() - timedelta(days=32), timezone.now() - timedelta(days=30)
    doomed = [log_of(old), log_of(old, status=Status.SUCCEEDED, source=Source.LIVE), log_of(old)]
    live = log_of(old, status=Status.SUCCEEDED, source=Source.LIVE)
    good = log_of(old, status=Status.SUCCEEDED, source=Source.SANDBOX)
    failed = log_of(old)
    SyncFailure.objects.create(log=failed, platform=failed.platform, kind=failed.kind, external_id="1")
    others = [log_of(None, status=Status.WAITING), log_of(old, kind="inventory"), log_of(new)]
    newest = [log_of(old) for _number in range(SYNCS_KEPT)]

    call_command("run_scheduler", "--once")

    kept = {log.pk for log in (live, good, failed, *others, *newest)}
    found = set(SyncLog.objects.values_list("pk", flat=True))
    assert found == kept
    assert not found & {log.pk for log in doomed}


def test_it_deletes_sessions_that_have_ended() -> None:
    now = timezone.now()
    for name, ends in (("ended", now - timedelta(seconds=1)), ("alive", now + timedelta(days=1))):
        Session.objects.create(session_key=name, session_data="x", expire_date=ends)
    call_command("run_scheduler", "--once")
    assert list(Session.objects.values_list("session_key", flat=True)) == ["alive"]


def test_it_says_what_it_deleted(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.KEEP_SYNC_LOG_DAYS = 31
    old = timezone.now() - timedelta(days=40)
    for _number in range(SYNCS_KEPT + 3):
        log_of(old)
    call_command("run_scheduler", "--once")
    assert "Deleted 3 old rows of the sync log." in capsys.readouterr().out


def test_it_deletes_orders_older_than_a_setting_says_but_for_those_on_hold(settings: Any) -> None:
    now = timezone.now()
    old, young = months_before(now, 18) - timedelta(days=1), months_before(now, 18) + timedelta(days=1)
    orders = [
        make_order(f"{number}", purchased_at=bought, platform_updated_at=changed)
        for number, (bought, changed) in enumerate([(old, old), (old, old), (old, young), (young, young)])
    ]
    hold = LegalHold.objects.create(
        platform=orders[1].platform, order=orders[1], reason="case", until=now + timedelta(days=1)
    )
    odd = make_order("odd", purchased_at=old, platform_updated_at=now + timedelta(days=900))
    call_command("run_scheduler", "--once")
    assert Order.objects.count() == 5  # without the setting
    settings.KEEP_ORDERS_MONTHS = 18
    run_maintenance()
    kept = ["1", "2", "3"]
    assert list(Order.objects.order_by("pk").values_list("external_id", flat=True)) == kept
    assert not OrderItem.objects.filter(order=orders[0].pk).exists()
    told = Change.objects.filter(kind=Change.Kind.ORDER_DELETED).values_list("external_id", flat=True)
    assert set(told) == {"0", odd.external_id}
    assert AuditEntry.objects.get(action="orders.pruned").changes["orders"] == 2
    hold.until = now
    hold.save()
    assert (run_maintenance().orders, run_maintenance().orders) == (1, 0)


@pytest.mark.parametrize(
    ("day", "months", "earlier"),
    [("2026-03-31", 1, "2026-02-28"), ("2026-01-15", 18, "2024-07-15"), ("2024-12-31", 12, "2023-12-31")],
)
def test_months_are_those_of_the_calendar(day: str, months: int, earlier: str) -> None:
    moment = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    assert months_before(moment, months) == datetime.fromisoformat(f"{earlier}T10:00:00+00:00")
