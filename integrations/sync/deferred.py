"""Syncs that wait until another one of the same platform and stream is closed.

Such a sync is a row with the status `deferred`. Its open_key ends with a digest of what was asked for, so that the
database keeps one such row for each request, however often it is made. Nothing is kept in memory: after a restart of
all processes, the scheduler finds the row.
"""

from collections.abc import Iterator

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.models import SyncLog


@retry_on_db_error
def promote_next(platform_id: int, kind: str) -> SyncLog | None:
    """Open the sync that has waited longest for this platform and stream, if none is open. None if no sync waits, or if
    another process was faster."""
    # Of all platforms, since few wait at any time: this way the index of the status is used by every database.
    waiting = SyncLog.objects.filter(status=SyncLog.Status.DEFERRED).order_by("pk")
    pks = [
        pk
        for pk, *stream in waiting.values_list("pk", "platform_id", "kind")
        if stream == [platform_id, kind]
    ]
    if not pks:
        return None
    try:
        with transaction.atomic():
            promoted = SyncLog.objects.filter(pk=pks[0], status=SyncLog.Status.DEFERRED).update(
                status=SyncLog.Status.QUEUED,
                open_key=SyncLog.open_key_of(platform_id, kind),
                heartbeat_at=timezone.now(),  # the scheduler announces it again if this stays so
            )
    except IntegrityError:  # one is open
        return None
    return SyncLog.objects.select_related("platform").get(pk=pks[0]) if promoted else None


def promote_all() -> Iterator[SyncLog]:
    """Open the next sync of each platform and stream that has none open, where the process that closed the last one
    could not do it. Raises DatabaseError."""
    waiting = SyncLog.objects.filter(status=SyncLog.Status.DEFERRED)
    for platform_id, kind in sorted(set(waiting.values_list("platform_id", "kind"))):
        log = promote_next(platform_id, kind)
        if log is not None:
            yield log
