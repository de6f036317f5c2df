"""Each order of the span in full: pages and ids side by side, with the quota that regular syncs leave, some at a time.

`place` of the job: where pages and ids meet (split.py), "window" and "checkpoint" of the pages that are being
read, "page_at": when there is quota for the next one, "urgent": whether something may have to be shipped, "put_off":
orders that were not answered for (put_off.py).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.audits import AT_ONCE, PAUSE, Stop
from integrations.completeness.healing import NOT_OF_ONE
from integrations.completeness.history.claim import AnyFetching, BackfillClaim, FetchingClaim
from integrations.completeness.history.failures import keep_failures
from integrations.completeness.history.put_off import is_put_off, once_more, waiting_orders, without
from integrations.completeness.history.split import (
    PAGES_UNTIL,
    has_to_ship,
    lacking,
    next_ids,
    next_window,
    open_ones,
    settled,
)
from integrations.completeness.lists import moment_in, seconds_until
from integrations.errors import AuthorizationError, PlatformError, RateLimited, TransientError
from integrations.lookup.order import STREAM, store
from integrations.models import FetchingJob
from integrations.protocol import Adapter, OrderPage, RecordFailure, Window
from integrations.sync.storing import store_bisecting
from platforms.models import Source

MOST_SPANS = 15  # that pages read before ids have their turn
MOST_FAILED = 2000  # orders; then it ends
MEASURED_EVERY, MOST_MEASURED = timedelta(minutes=5), 36
Place = dict[str, Any]


def complete_orders(claim: BackfillClaim, adapter: Adapter, stopping: Stop) -> bool:
    """Whether all orders are here in full, or given up; otherwise the backfill was parked or given back. Raises
    PlatformError."""
    wait = fetch_details(claim, adapter, stopping)
    if stopping():
        claim.give_back()
        return False
    if wait is None:
        return True
    claim.park(wait)
    return False


def fetch_details(claim: FetchingClaim[AnyFetching], adapter: Adapter, stopping: Stop) -> float | None:
    """Fetch as much as there is quota for now. Returns the seconds until there is more; None where all orders are here
    in full, or given up. Raises PlatformError."""
    _measure(claim)
    if place := settled(claim.job):
        claim.update_place(place | {"urgent": has_to_ship(claim.job)})
    trouble: TransientError | None = None
    try:
        page_wait = _read_pages(claim, adapter, stopping)
    except TransientError as error:  # ids are another operation, and may be answered
        page_wait, trouble = max(error.retry_after, PAUSE), error
        claim.update_place({"page_at": moment_in(page_wait)})
    if stopping():
        return 0.0
    id_wait = _fetch_by_id(claim, adapter, stopping)
    if trouble is not None and id_wait is None:
        raise trouble
    if _is_done(claim.job):
        return None
    waits = [wait for wait in (page_wait, id_wait) if wait is not None]
    if not waits:  # what is left is for neither of the two as they are split
        claim.update_place(settled(claim.job, again=True))
    return min(waits, default=1.0)


def _is_done(job: FetchingJob) -> bool:
    is_all = not job.unlisted and not open_ones(job).exists()
    return is_all or job.failed >= MOST_FAILED


def _measure(claim: FetchingClaim[Any]) -> None:
    """Count what is lacking, now and then: regular syncs complete orders, too."""
    job, now = claim.job, timezone.now()
    last = datetime.fromisoformat(job.measured[-1][0]) if job.measured else None
    if last is None or now - last >= MEASURED_EVERY:
        count = lacking(job).count()
        measured = [*job.measured, [now.isoformat(), count]][-MOST_MEASURED:]
        claim.save(lacking=count, measured=measured)


def _got(claim: FetchingClaim[Any], count: int, failed: int = 0) -> dict[str, Any]:
    """The figures once so many more are here in full."""
    job = claim.job
    return {
        "completed": job.completed + count,
        "failed": job.failed + failed,
        "lacking": max(0, (job.lacking or 0) - count),
        **claim.is_well(),
    }


# --- pages


def _read_pages(claim: FetchingClaim[Any], adapter: Adapter, stopping: Stop) -> float | None:
    """Read spans by pages as far as the quota goes. Returns the seconds until there is more; None where nothing is left
    for pages."""
    for _span in range(MOST_SPANS):
        if wait := seconds_until(claim.job.place.get("page_at")):
            return wait
        window = _window(claim.job)
        if window is None or stopping():
            return None
        try:
            _read_span(claim, adapter, window)
        except RateLimited as error:
            wait = max(error.retry_after, 1.0)
            claim.update_place({"page_at": moment_in(wait), "window": _as_json(window)})
            return wait
        except NOT_OF_ONE:
            raise
        except PlatformError as error:  # of this span alone: its orders come by their ids
            claim.update_place(_passed(window), notes=[{"code": error.code, "message": str(error)}])
    return 1.0


def _read_span(claim: FetchingClaim[Any], adapter: Adapter, window: Window) -> None:
    """To its end, from where it was left; each page is stored with where to go on."""
    for page in adapter.order_pages(window, claim.job.place.get("checkpoint", {})):
        place = _passed(window)
        if page.next is not None:
            place = {"window": _as_json(window), "checkpoint": page.next, "page_at": None}
        count, failed = _store(claim.job, window, page)
        claim.update_place(place, **_got(claim, count, failed))
    if claim.job.place.get("window"):  # it ended without a last page
        claim.update_place(_passed(window))


def _window(job: FetchingJob) -> Window | None:
    """The one that is being read, or the next one."""
    if known := job.place.get("window"):
        start, end = map(datetime.fromisoformat, known)
        return Window("created", start, end)
    return next_window(job)


def _as_json(window: Window) -> list[str]:
    return [window.start.isoformat(), window.end.isoformat()]


def _passed(window: Window) -> Place:
    return {PAGES_UNTIL: window.start.isoformat(), "window": None, "checkpoint": {}, "page_at": None}


@retry_on_db_error
def _store(job: FetchingJob, window: Window, page: OrderPage) -> tuple[int, int]:
    """How many orders are here in full now that were not, and how many could not be stored."""
    platform = job.platform
    rows = lacking(job).filter(purchased_at__gte=window.start, purchased_at__lt=window.end)
    before = rows.count()
    with transaction.atomic():
        _outcome, refused = store_bisecting(
            page.records, lambda some: STREAM.store(platform, some, Source.LIVE, None), STREAM
        )
        failed = keep_failures(platform, [*page.failures, *refused])
    return before - rows.count(), failed


# --- ids


def _fetch_by_id(claim: FetchingClaim[Any], adapter: Adapter, stopping: Stop) -> float | None:
    """Fetch some orders by their ids. Returns the seconds until the next ones; None where nothing is left for ids."""
    waiting = waiting_orders(claim.job)
    ids = next_ids(claim.job, AT_ONCE, urgent=claim.job.place.get("urgent", False), but=waiting)
    if not ids:
        return min(waiting.values(), default=None)
    wait, answered = None, False
    problems: dict[str, PlatformError] = {}
    for external_id in ids:
        if stopping():
            break
        try:
            answered |= _fetch(claim, adapter, external_id)
        except RateLimited as error:
            wait = max(error.retry_after, 1.0)
            break
        except (AuthorizationError, TransientError) as error:
            problems[external_id] = error
            if not answered and len(problems) > 2:
                raise
    if answered or wait is None:
        _settle(claim, problems, answered=answered)
    return wait or _pause(claim, len(ids))


def _settle(claim: FetchingClaim[Any], problems: dict[str, PlatformError], *, answered: bool) -> None:
    """What was not answered is about the account or the moment, unless the platform answered for others. Raises it
    then."""
    for external_id, error in problems.items():
        if isinstance(error, TransientError) and (answered or is_put_off(claim.job, external_id)):
            place = once_more(claim.job, external_id, error)
            if place is not None:
                claim.update_place(place)
                continue
        elif not answered:
            raise error
        _give_up(claim, external_id, error)


def _pause(claim: FetchingClaim[Any], count: int) -> float:
    """What has to be shipped is looked for until there is none, and again when the split is settled anew."""
    if claim.job.place.get("urgent") and not has_to_ship(claim.job):
        claim.update_place({"urgent": False})
    return PAUSE if count >= AT_ONCE else 1.0


def _fetch(claim: FetchingClaim[Any], adapter: Adapter, external_id: str) -> bool:
    """True: the platform answered, if only that there is no such order. Raises what is not about this one order."""
    try:
        # Otherwise it would be fetched again without end.
        store(claim.job.platform, external_id, adapter=adapter, live_only=True, in_full=True)
    except NOT_OF_ONE:
        raise
    except PlatformError as error:
        _give_up(claim, external_id, error)
    else:
        values = _got(claim, 1) | without(claim.job, external_id)
        claim.save(**values, unlisted=_without(claim.job.unlisted, external_id))
    return True


@retry_on_db_error
def _give_up(claim: FetchingClaim[Any], external_id: str, error: PlatformError) -> None:
    failure = RecordFailure(external_id=external_id, code=error.code, message=str(error))
    with transaction.atomic():
        failed = keep_failures(claim.job.platform, [failure])
        values = _got(claim, 0, failed) | without(claim.job, external_id)
        claim.save(**values, unlisted=_without(claim.job.unlisted, external_id))


def _without(ids: Sequence[str], external_id: str) -> list[str]:
    return [each for each in ids if each != external_id]
