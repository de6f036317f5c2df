"""A catch-up from when it is opened until syncs keep up again by themselves.

open_catch_up   opens one, or returns the one that is open
run_catch_up    works on it until it is closed, or parked, which it is most of the time: for at most a minute

A list makes all known that has changed; then each order that is known by it alone is fetched, what has to be shipped
first, with the quota that regular syncs leave. What is still to be fetched says each order itself, so whoever goes on
after a crash repeats at most one list or one page.
"""

from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from integrations.completeness.audits import Stop
from integrations.completeness.claim import JobLost, attempt
from integrations.completeness.history.backfills import lists_of
from integrations.completeness.history.completing import fetch_details
from integrations.completeness.history.split import PAGES_UNTIL, has_to_ship, open_ones, settled
from integrations.completeness.keeping_up.claim import CatchUpClaim
from integrations.completeness.keeping_up.lists import keep_known
from integrations.completeness.keeping_up.rule import Backlog, backlog_of
from integrations.completeness.keeping_up.settling import settle
from integrations.completeness.keeping_up.sorts import open_parts
from integrations.completeness.opening import open_or_find
from integrations.errors import (
    AuthenticationError,
    AuthorizationError,
    PlatformError,
    TransientError,
)
from integrations.models import CatchUp, SyncLog
from integrations.sync.lanes import LEFT_BY_LOOK_BACKS
from integrations.sync.windows import OVERLAP
from platforms.models import Platform

AUTO = "auto"  # of KEEP_UP
Status = CatchUp.Status


def open_catch_up(platform: Platform, backlog: Backlog) -> tuple[CatchUp, bool]:
    """Of what has changed since orders were known, and whether it is new; or the one that is open."""
    start = backlog.known_until - OVERLAP
    return open_or_find(
        CatchUp, platform, trigger=SyncLog.Trigger.SCHEDULE, window_start=start, queued_at=timezone.now()
    )


def current_catch_up(platform: Platform) -> CatchUp | None:
    return CatchUp.objects.filter(open_key=str(platform.pk)).select_related("platform").first()


def run_catch_up(catch_up_id: int, *, stopping: Stop = lambda: False) -> CatchUp:
    """Work on it until it is closed, parked, or we are told to stop. Does nothing where it cannot be claimed now."""
    claim = CatchUpClaim.take(catch_up_id)
    if claim is not None:
        with suppress(JobLost):  # somebody else works on it then
            attempt(claim, lambda: _work(claim, stopping))
    return CatchUp.objects.select_related("platform").get(pk=catch_up_id)


def _work(claim: CatchUpClaim, stopping: Stop) -> None:
    catch_up = claim.job
    if settings.KEEP_UP != AUTO or not catch_up.platform.is_active:
        text = "Keeping up is switched off, so regular syncs read all that has changed, in their time."
        claim.fail(PlatformError(text, code="switched_off"))
        return
    backlog = backlog_of(catch_up.platform)
    is_behind = backlog is not None and backlog.is_behind(timezone.now(), is_open=True)
    try:
        with lists_of(catch_up.platform, claim.tally, keep=LEFT_BY_LOOK_BACKS) as adapter:
            stored = catch_up.lists
            list_wait = keep_known(claim, adapter, is_behind=is_behind)
            if catch_up.lists > stored:
                _look_for_news(claim)
            if stopping():
                claim.give_back()
                return
            details_wait = fetch_details(claim, adapter, stopping)
    except (AuthenticationError, AuthorizationError) as error:  # suspected until it lasts
        raise TransientError(str(error), code=error.code, request_id=error.request_id) from error
    if stopping():
        claim.give_back()
    elif details_wait is not None:
        claim.park(min(list_wait, details_wait))
    elif is_behind or not _is_over(claim):
        claim.park(list_wait)
    else:
        _close(claim)


def _look_for_news(claim: CatchUpClaim) -> None:
    """After a list: from now on the newest orders are others, and some of them may have to be shipped."""
    settle(claim.job)
    place = settled(claim.job, again=True)
    claim.update_place(place | {"urgent": has_to_ship(claim.job), PAGES_UNTIL: None})


def _is_over(claim: CatchUpClaim) -> bool:
    """Nothing is left to be fetched, and syncs read on from where all is in full. That may be long ago where lists have
    rows of which nobody can say which orders they are about: pages do."""
    is_settled = settle(claim.job) or open_ones(claim.job).exists()
    return not open_parts(claim.job) and (is_settled or claim.job.unread > 0)


def _close(claim: CatchUpClaim) -> None:
    catch_up = claim.job
    left = catch_up.without_details().count()
    is_good = not (left or catch_up.failed or catch_up.unread or catch_up.unlisted)
    claim.end(Status.SUCCEEDED if is_good else Status.PARTIAL, lacking=left)


def prune_catch_ups() -> int:
    """Delete closed catch-ups of long ago; what they brought stays. Returns how many."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS)
    return CatchUp.objects.filter(open_key=None, finished_at__lt=long_ago).delete()[0]
