"""How a run stops being worked on: it waits for quota, stands aside, is put back, or is closed. Nothing else closes a
run.

Each of these ends the lease, and raises LeaseLost if another worker has it.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.database.errors import REFUSED, classify
from core.database.retry import retry_on_db_error
from feed.models import Change
from feed.recording import Changed, add_changes
from integrations.errors import RateLimited
from integrations.models import SyncDay, SyncLog, SyncTotal
from integrations.sync.leases import Lease, LeaseLost
from integrations.sync.streams import STREAMS
from platforms.models import Source

logger = logging.getLogger(__name__)


# The least pause where the platform refuses the same page for want of quota once more, and the longest: it doubles with
# each refusal, whatever the answers promise. Asking in vain costs the quota of everybody who shares it.
SECOND_PAUSE, LONGEST_PAUSE = 60.0, 3600.0  # seconds


def wait_for_quota(lease: Lease, error: RateLimited) -> None:
    """Out of quota: free the worker until there is quota again. The next worker continues from the checkpoint."""
    if is_cancelled(lease.log):
        close_cancelled(lease)
        return
    checkpoint, pause = lease.log.checkpoint, error.retry_after
    if error.by_platform:
        refusals = checkpoint.get("throttled", 0)  # gone with the next page
        if refusals:
            pause = max(pause, min(SECOND_PAUSE * 2.0 ** min(refusals - 1, 16), LONGEST_PAUSE))
        checkpoint = checkpoint | {"throttled": refusals + 1}
    lease.end(
        SyncLog.Status.WAITING,
        resume_at=timezone.now() + timedelta(seconds=pause),
        checkpoint=checkpoint,
        request_id=error.request_id,
        **calls_of(lease.log),
    )


def stand_aside(lease: Lease) -> None:
    """A run that goes first is open: free the lane's turn until that one is closed (`deferred.py`). The next worker
    continues from the checkpoint."""
    if is_cancelled(lease.log):
        close_cancelled(lease)
        return
    lease.end(SyncLog.Status.DEFERRED, heartbeat_at=timezone.now(), **calls_of(lease.log))


def requeue(lease: Lease) -> None:
    """Put the sync back: it continues from its checkpoint when somebody claims it."""
    with suppress(LeaseLost):
        lease.end(SyncLog.Status.QUEUED, heartbeat_at=timezone.now(), **calls_of(lease.log))


@retry_on_db_error
def close(lease: Lease, status: str, *, scope: str = "", **values: Any) -> None:
    """Close a run. After a live success: move the watermark, remove mock and sandbox rows."""
    log = lease.log
    with transaction.atomic():
        lease.end(status, open_key=None, finished_at=timezone.now(), **calls_of(log), **values)
        if log.source == Source.LIVE and status in SyncLog.GOOD:
            STREAMS[log.kind].after_live_success(log, scope)
            STREAMS[log.kind].delete(log.platform, (Source.MOCK, Source.SANDBOX))
        _add_to_feed(log)
        SyncTotal.add(log)
        SyncDay.mark(log)
    logger.info("Sync %s of %s (%s) closed: %s", log.pk, log.platform.name, log.kind, status)


def close_cancelled(lease: Lease) -> None:
    text = "Cancelled; what was read before is stored."
    close(lease, SyncLog.Status.CANCELLED, error_code="cancelled", error_message=text)


def close_on_database_problem(lease: Lease, error: Exception) -> None:
    problem, log = classify(error), lease.log
    # Only an unexpected error needs a traceback.
    unforeseen = error if problem is REFUSED else None
    logger.error("Sync %s of %s: %s", log.pk, log.platform.name, problem.happened, exc_info=unforeseen)
    text = f"{problem.happened} What was read before is stored, the current page is not. {problem.advice}"
    close(lease, SyncLog.Status.FAILED, error_code=problem.code, error_message=text)


def close_worker_lost(lease: Lease) -> None:
    text = (
        f"{lease.lost_in_all} workers stopped without a word, the last one after page {lease.log.pages}: killed "
        "for the memory they used, perhaps. What was read before is stored. Look at the system's log, then sync again."
    )
    close(lease, SyncLog.Status.FAILED, error_code="worker_lost", error_message=text)


def cancel_sync(log: SyncLog) -> SyncLog:
    """Stop an open sync: at once where nobody works on it, after the current page otherwise. `cancel.py` also starts
    what waited for it."""
    # First, so that a worker that puts it back in this moment leaves the wish behind.
    SyncLog.objects.filter(pk=log.pk, status__in=SyncLog.OPEN).update(cancel_requested=True)
    idle = SyncLog.objects.filter(pk=log.pk, status__in=SyncLog.IDLE)
    with transaction.atomic():
        closed = idle.update(
            status=SyncLog.Status.CANCELLED,
            open_key=None,
            finished_at=timezone.now(),
            resume_at=None,
            error_code="cancelled",
            error_message="Cancelled before it was done; what was read before is stored.",
        )
        log.refresh_from_db()
        if closed:
            _add_to_feed(log)
            SyncTotal.add(log)
            SyncDay.mark(log)
    return log


def _add_to_feed(log: SyncLog) -> None:
    """For the change feed: this sync is closed."""
    add_changes(Change.Kind.SYNC_CLOSED, log.platform_id, [Changed(log.pk, fields=("status", "finished_at"))])


def calls_of(log: SyncLog) -> dict[str, int]:
    return {"api_calls": log.api_calls, "throttled": log.throttled}


@retry_on_db_error
def is_cancelled(log: SyncLog) -> bool:
    return SyncLog.objects.filter(pk=log.pk, cancel_requested=True).exists()
