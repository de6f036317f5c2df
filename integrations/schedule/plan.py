"""What to queue: syncs that are due (`due.py` says when), and open syncs that no worker has."""

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from integrations.models import SyncLog
from integrations.schedule.due import Due, next_dues
from integrations.sync.start import Started, start_sync
from platforms.models import Platform

logger = logging.getLogger(__name__)

# A queued sync that no worker took for this long is announced again, and a wait that was over so long ago: the
# message may be lost.
FORGOTTEN_AFTER = timedelta(minutes=1)


class Planned(NamedTuple):
    platform: Platform
    kind: str
    due: Due


def plan() -> list[Planned]:
    """Every active platform and kind, with when its next sync is due. Raises DatabaseError."""
    platforms = {platform.pk: platform for platform in Platform.objects.filter(is_active=True)}
    dues = next_dues(platforms.values())
    return [Planned(platforms[pk], kind, due) for (pk, kind), due in dues.items()]


def due_syncs(planned: Iterable[Planned] | None = None) -> Iterator[Started]:
    """Start and yield a sync for each platform and kind that is due, those that have waited longest first.

    If another sync was opened meanwhile, the schedule waits for it. A sync that cannot be opened is logged, and the
    others go on. Raises DatabaseError only if the platforms cannot be read.
    """
    now = timezone.now()
    due_now = [
        planned_sync
        for planned_sync in (plan() if planned is None else planned)
        if planned_sync.due.is_now(now)
    ]
    for platform, kind, _due in sorted(due_now, key=lambda planned_sync: planned_sync.due.at or now):
        try:
            started = start_sync(platform=platform, kind=kind, trigger=SyncLog.Trigger.SCHEDULE)
        except (DatabaseError, RuntimeError, Platform.DoesNotExist) as error:
            logger.error("No %s sync of %s could be opened: %s", kind, platform.name, error)
            continue
        if started.is_new:
            yield started


def abandoned_syncs() -> Iterator[SyncLog]:
    """Open syncs that nobody works on: their worker died, their wait is over, or their message was lost."""
    now = timezone.now()
    silent_since = now - FORGOTTEN_AFTER
    quiet = Q(heartbeat_at__lt=silent_since) | Q(heartbeat_at=None, queued_at__lt=silent_since)
    # The message that ends a wait was sent when it began, and arrives by itself.
    quiet &= ~Q(status=SyncLog.Status.WAITING, resume_at__gte=silent_since)
    for log in SyncLog.objects.claimable().filter(quiet).select_related("platform").order_by("pk"):
        # Marked as announced, so that a long queue is not filled with the same message at every tick.
        if SyncLog.objects.claimable().filter(quiet, pk=log.pk).update(heartbeat_at=now):
            yield log
