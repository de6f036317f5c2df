"""Syncs that wait until another one of the same platform and stream is closed.

Such a sync is a row with the status `deferred`. One that has not begun waits for its lane to be free: its open_key ends
with a digest of what was asked for, so that the database keeps one such row for each request, however often it is
made. One that stood aside (`lanes.py`) keeps the open_key of its lane. Nothing is kept in memory: after a restart of
all processes, the scheduler finds the row.
"""

from collections.abc import Iterator

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.models import SyncLog
from integrations.sync.lanes import LANES, goes_first

# What says whose turn it is.
COLUMNS = (
    "platform_id",
    "kind",
    "open_key",
    "is_incremental",
    "trigger",
    "asked",
    "queued_at",
    "checkpoint",
)


@retry_on_db_error
def promote_next(platform_id: int, kind: str) -> SyncLog | None:
    """Queue the sync whose turn it is now. None if no sync of this platform and stream waits, if one that goes before
    them is open, or if another process was faster.

    The earlier lane goes first; in a lane, the run that stood aside, then the one that has waited longest. A look-back
    that has waited for too long goes before all of them.
    """
    # Of all platforms, since few wait at any time: this way the index of the status is used by every database.
    deferred = SyncLog.objects.filter(status=SyncLog.Status.DEFERRED).order_by("pk").only(*COLUMNS)
    waiting = [log for log in deferred if (log.platform_id, log.kind) == (platform_id, kind)]
    if not waiting:
        return None
    keys = {lane: SyncLog.open_key_of(platform_id, kind, lane) for lane in LANES}
    for log in waiting:
        if log.open_key == keys[log.lane] and goes_first(log):
            return _promote(log.pk, keys[log.lane])
    begun = SyncLog.objects.filter(open_key__in=keys.values()).exclude(status=SyncLog.Status.DEFERRED)
    taken = set(begun.values_list("open_key", flat=True))
    for lane, key in keys.items():
        if key in taken:
            return None
        of_lane = [log for log in waiting if log.lane == lane]
        if of_lane:
            return _promote(min(of_lane, key=lambda log: (log.open_key != key, log.pk)).pk, key)
    return None


def _promote(pk: int, open_key: str) -> SyncLog | None:
    try:
        with transaction.atomic():
            promoted = SyncLog.objects.filter(pk=pk, status=SyncLog.Status.DEFERRED).update(
                status=SyncLog.Status.QUEUED,
                open_key=open_key,
                heartbeat_at=timezone.now(),  # the scheduler announces it again if this stays so
            )
    except IntegrityError:  # one was opened meanwhile
        return None
    return SyncLog.objects.select_related("platform").get(pk=pk) if promoted else None


def promote_all() -> Iterator[SyncLog]:
    """Queue the next sync of each platform and stream whose turn it is, where the process that closed the last one
    could not do it. Raises DatabaseError."""
    waiting = SyncLog.objects.filter(status=SyncLog.Status.DEFERRED)
    for platform_id, kind in sorted(set(waiting.values_list("platform_id", "kind"))):
        log = promote_next(platform_id, kind)
        if log is not None:
            yield log
