"""What is due: syncs by their platform's interval, and syncs that nobody works on any more."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from integrations.models import SyncLog
from integrations.services import request_sync
from platforms.models import Platform

logger = logging.getLogger(__name__)

# A queued sync that no worker took for this long is announced again: its message may be lost.
FORGOTTEN_AFTER = timedelta(minutes=1)


def due_syncs() -> Iterator[SyncLog]:
    """Open and yield a sync for each platform and kind whose interval has passed since its last one.

    Platforms without credentials are left out: there is nothing to fetch. One whose sync cannot be opened is
    logged, and the others go on; raises DatabaseError only where not even the platforms can be read.
    """
    for platform in Platform.objects.filter(is_active=True):
        if not platform.is_configured:
            continue
        intervals = {
            SyncLog.Kind.ORDERS: platform.orders_interval,
            SyncLog.Kind.INVENTORY: platform.inventory_interval,
        }
        for kind, minutes in intervals.items():
            try:
                log = _open_if_due(platform, kind, minutes)
            except (DatabaseError, RuntimeError) as error:
                logger.error("No %s sync of %s could be opened: %s", kind, platform.name, error)
                continue
            if log is not None:
                yield log


def abandoned_syncs() -> Iterator[SyncLog]:
    """Open syncs that nobody works on: their worker died, their wait is over, or their message was lost."""
    now = timezone.now()
    silent_since = now - FORGOTTEN_AFTER
    quiet = Q(heartbeat_at__lt=silent_since) | Q(heartbeat_at=None, queued_at__lt=silent_since)
    for log in SyncLog.objects.claimable().filter(quiet).select_related("platform").order_by("pk"):
        # Marked as announced, so that a long queue is not filled with the same message at every tick.
        if SyncLog.objects.claimable().filter(quiet, pk=log.pk).update(heartbeat_at=now):
            yield log


def _open_if_due(platform: Platform, kind: str, minutes: int) -> SyncLog | None:
    if not minutes or not _is_due(platform, kind, timedelta(minutes=minutes)):
        return None
    log, is_new = request_sync(platform=platform, kind=kind, trigger=SyncLog.Trigger.SCHEDULE)
    return log if is_new else None


def _is_due(platform: Platform, kind: str, interval: timedelta) -> bool:
    """Whether nothing is open, and the last regular run is old enough. One for a few SKUs, or for a window of
    somebody's choice, does not stand in for it."""
    logs = SyncLog.objects.filter(platform=platform, kind=kind)
    if logs.open().exists():
        return False
    recent = logs.filter(is_incremental=True, queued_at__gt=timezone.now() - interval)
    return not any(not skus for skus in recent.values_list("skus", flat=True).order_by("-pk")[:1000])
