"""A backfill from the request to its end.

request_backfill   opens one, or returns the one that is open
run_backfill       works on it until it is closed, or parked: a list that is not made yet, and quota that is used up,
                   hold no worker
pause, resume, cancel   whoever works on it meanwhile loses it at the next thing that is stored

What is here in full, and what is not, says each order itself. So whoever goes on after a crash repeats at most one list
or one page, and one that is begun anew for the same span goes on with what is left.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.audits import Stop
from integrations.completeness.claim import JobLost, attempt
from integrations.completeness.history.claim import BackfillClaim
from integrations.completeness.history.completing import complete_orders
from integrations.completeness.history.listing import list_orders
from integrations.completeness.history.split import lacking
from integrations.completeness.lists import MARGIN
from integrations.completeness.opening import open_or_find
from integrations.errors import AuthenticationError, AuthorizationError, ConfigError, TransientError
from integrations.models import Backfill, CatchUp, SyncLog
from integrations.protocol import ListsOrders, Meter
from integrations.sync.connection import connected
from integrations.sync.lanes import LEFT_BY_LOOK_BACKS
from platforms.models import Platform, Source

Status, Phase = Backfill.Status, Backfill.Phase
WHILE_NEWS_IS_FETCHED = timedelta(minutes=5)


def latest_end(now: datetime | None = None) -> datetime:
    """Spans end so long before now: clocks differ, and lists are made of what is over."""
    return ((now or timezone.now()) - MARGIN).astimezone(UTC).replace(microsecond=0)


def request_backfill(
    platform: Platform,
    *,
    since: datetime,
    until: datetime | None = None,
    trigger: str,
    user: User | None = None,
) -> tuple[Backfill, bool]:
    """The backfill of the orders that were placed in this span, and whether it is new; or the one that is open."""
    end = min(until or latest_end(), latest_end())
    return open_or_find(
        Backfill, platform, trigger=trigger, requested_by=user, window_start=since, window_end=end
    )


def open_backfill(platform: Platform) -> Backfill | None:
    return Backfill.objects.filter(open_key=str(platform.pk)).select_related("platform").first()


def newest_backfill(platform: Platform) -> Backfill | None:
    return Backfill.objects.filter(platform=platform).select_related("platform").order_by("-pk").first()


def is_same_span(backfill: Backfill, since: datetime, until: datetime | None) -> bool:
    """Whether somebody who asks for this span asks for that backfill. One of the last minutes ends before them
    (latest_end)."""
    if backfill.window_start != since:
        return False
    return until is None or timedelta(0) <= until - backfill.window_end <= MARGIN + timedelta(seconds=1)


@retry_on_db_error
def pause(backfill: Backfill) -> bool:
    """Leave it as it is until somebody resumes it. False where there is nothing to pause."""
    return _switch(backfill, (Status.QUEUED, Status.WAITING, Status.RUNNING), Status.PAUSED)


@retry_on_db_error
def resume(backfill: Backfill) -> bool:
    """Go on with it: whoever called tells the workers. False where it is not paused."""
    return _switch(backfill, (Status.PAUSED,), Status.QUEUED, queued_again=True)


@retry_on_db_error
def cancel(backfill: Backfill) -> bool:
    """End it; what was fetched stays. False where it has ended."""
    return _switch(backfill, Backfill.OPEN, Status.CANCELLED)


def _switch(backfill: Backfill, before: tuple[str, ...], status: str, *, queued_again: bool = False) -> bool:
    backfill.refresh_from_db()  # what the caller has read may be old
    if backfill.status not in before:
        return False
    values: dict[str, Any] = {"status": status, "lease_token": "", "resume_at": None}
    if status == Status.CANCELLED:
        values |= {"open_key": None, "finished_at": timezone.now()}
    if queued_again:  # the rate that was measured before says nothing of now
        values |= {"measured": []}
    rows = Backfill.objects.filter(pk=backfill.pk, status__in=before)
    is_done = bool(rows.update(**values))
    backfill.refresh_from_db()
    return is_done


def run_backfill(backfill_id: int, *, stopping: Stop = lambda: False) -> Backfill:
    """Work on it until it is closed, parked, paused, or we are told to stop. Does nothing where it cannot be claimed
    now."""
    claim = BackfillClaim.take(backfill_id)
    if claim is not None:
        with suppress(JobLost):  # somebody else works on it then, or it was paused or cancelled
            attempt(claim, lambda: _work(claim, stopping))
    return Backfill.objects.select_related("platform").get(pk=backfill_id)


def _work(claim: BackfillClaim, stopping: Stop) -> None:
    backfill = claim.backfill
    try:
        if backfill.phase == Phase.LISTING:
            with lists_of(backfill.platform, claim.tally, keep=0.0) as adapter:
                if not list_orders(claim, adapter, stopping):
                    return
            claim.save(phase=Phase.COMPLETING, listed_at=timezone.now(), lacking=lacking(backfill).count())
        if _is_news_fetched(backfill.platform):  # it needs the quota more than history does
            claim.park(WHILE_NEWS_IS_FETCHED.total_seconds())
            return
        with lists_of(backfill.platform, claim.tally, keep=LEFT_BY_LOOK_BACKS) as adapter:
            if not complete_orders(claim, adapter, stopping):
                return
    except (AuthenticationError, AuthorizationError) as error:  # suspected until it lasts
        raise TransientError(str(error), code=error.code, request_id=error.request_id) from error
    _close(claim)


def _is_news_fetched(platform: Platform) -> bool:
    """Whether a catch-up of this platform has orders to fetch."""
    return CatchUp.objects.filter(open_key=str(platform.pk), lacking__gt=0).exists()


def _close(claim: BackfillClaim) -> None:
    backfill = claim.backfill
    errors = [part["error"] for part in backfill.parts if part["error"]]
    left = lacking(backfill).count()
    values = {"error_code": errors[0]["code"], "error_message": errors[0]["message"]} if errors else {}
    if errors and len(errors) == len(backfill.parts):
        status = Status.FAILED
    else:
        is_good = not (errors or left or backfill.failed or backfill.unread)
        status = Status.SUCCEEDED if is_good else Status.PARTIAL
    claim.end(status, lacking=left, **values)


@contextmanager
def lists_of(platform: Platform, told: Meter, *, keep: float) -> Iterator[ListsOrders]:
    """Raises ConfigError where the platform makes no lists of orders, or what it says is no live data."""
    platform.encrypt_plain_config()
    if not platform.api_config:
        raise ConfigError("No credentials are stored for this platform, so there is no history to fetch.")
    with connected(platform, SyncLog.Kind.ORDERS, keep=keep, told=told) as adapter:
        if not isinstance(adapter, ListsOrders) or adapter.source != Source.LIVE:
            raise ConfigError(f"Platform {platform.name} makes no lists of orders to fetch its history by.")
        yield adapter


def prune_backfills() -> int:
    """Delete closed backfills of long ago; what they brought stays. Returns how many."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS)
    return Backfill.objects.filter(open_key=None, finished_at__lt=long_ago).delete()[0]
