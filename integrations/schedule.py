"""What is due: syncs by their platform's interval, and syncs that nobody works on any more."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from integrations.models import SyncLog
from integrations.services import request_sync
from platforms.models import Platform

# A queued sync that no worker took for this long is announced again: its message may be lost.
FORGOTTEN_AFTER = timedelta(minutes=1)


def due_syncs() -> Iterator[SyncLog]:
    """Open and yield a sync for each platform and kind whose interval has passed since its last one started.

    Platforms without credentials are left out: there is nothing to fetch.
    """
    for platform in Platform.objects.filter(is_active=True):
        if not platform.is_configured:
            continue
        intervals = {
            SyncLog.Kind.ORDERS: platform.orders_interval,
            SyncLog.Kind.INVENTORY: platform.inventory_interval,
        }
        for kind, minutes in intervals.items():
            if minutes and _is_due(platform, kind, timedelta(minutes=minutes)):
                log, is_new = request_sync(platform=platform, kind=kind, trigger=SyncLog.Trigger.SCHEDULE)
                if is_new:
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


def _is_due(platform: Platform, kind: str, interval: timedelta) -> bool:
    last = SyncLog.objects.filter(platform=platform, kind=kind).order_by("-pk").first()
    return last is None or (not last.is_open and last.queued_at <= timezone.now() - interval)
