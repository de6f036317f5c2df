"""Deletes old rows once a day. How long each sort is kept is a setting (docs/operations.md).

Records that could not be stored stay, with their syncs. Orders stay, with what changed in them, unless
KEEP_ORDERS_MONTHS says how long.
"""

from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from audit.retention import prune_entries
from feed.retention import prune_changes
from integrations.models import SyncFailure, SyncLog
from integrations.quota.usage import prune_usage
from integrations.sync.failures import dismiss_deleted
from orders.buyers import BEFORE_NEXT_TURN
from orders.erasing import purge_buyers
from orders.retention import kept_since, prune_orders
from platforms.models import Source

# Whatever their age: what the schedule, the estimates and the admin read of earlier syncs of a platform and stream.
SYNCS_KEPT = 100
AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How many rows of each sort."""

    buyers: int
    orders: int
    messages: int
    syncs: int
    usage: int
    changes: int
    audit: int


def run_maintenance() -> Deleted:
    """Delete what is older than its setting says, and sessions that have ended, and call what is named in MAINTENANCE.
    Raises DatabaseError."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    for name in settings.MAINTENANCE:
        import_string(name)()
    return Deleted(
        buyers=purge_buyers(now=timezone.now() + BEFORE_NEXT_TURN),
        orders=prune_old_orders(),
        messages=prune_messages(),
        syncs=prune_syncs(),
        usage=prune_usage(timedelta(days=settings.KEEP_API_USAGE_DAYS)),
        changes=prune_changes(timezone.now() - timedelta(days=settings.KEEP_CHANGES_DAYS)),
        audit=prune_entries(timezone.now() - timedelta(days=settings.KEEP_AUDIT_DAYS)),
    )


def prune_old_orders() -> int:
    """Delete orders of long ago, where a setting says so, and end the failures about them. Returns how many."""
    before = kept_since(timezone.now())
    return prune_orders(before, told=dismiss_deleted) if before else 0


def prune_messages() -> int:
    """Delete messages of the queue that were worked on long ago, as prune_db_task_results does. Returns how many.

    And those of workers that died over them, which would stay for ever; the sync itself was queued again. Messages that
    nobody has taken yet stay. Also where Redis is the queue by now.
    """
    long_ago = timezone.now() - timedelta(days=settings.KEEP_MESSAGES_DAYS)
    done = Q(finished_at__lt=long_ago)
    lost = Q(status=TaskResultStatus.RUNNING, started_at__lt=long_ago)
    return DBTaskResult.objects.filter(done | lost).delete()[0]


def prune_syncs() -> int:
    """Delete closed syncs of long ago. Returns how many.

    Of each platform and stream, the newest SYNCS_KEPT stay, and the newest that went well. Those with records that
    could not be stored stay everywhere.
    """
    long_ago = timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS)
    old = SyncLog.objects.filter(finished_at__lt=long_ago).exclude(status__in=SyncLog.OPEN)
    streams = old.order_by().values_list("platform_id", "kind").distinct()
    return sum(_prune_stream(platform_id, kind, old) for platform_id, kind in streams)


def _prune_stream(platform_id: int, kind: str, old: Any) -> int:
    logs = SyncLog.objects.filter(platform_id=platform_id, kind=kind)
    newest = list(logs.order_by("-pk").values_list("pk", flat=True)[:SYNCS_KEPT])
    good = logs.filter(status__in=SyncLog.GOOD)
    kept = good.aggregate(any=Max("pk"), live=Max("pk", filter=Q(source=Source.LIVE))).values()
    doomed = (
        old.filter(platform_id=platform_id, kind=kind, pk__lt=newest[-1])
        .exclude(pk__in=[pk for pk in kept if pk is not None])
        .exclude(Exists(SyncFailure.objects.filter(log=OuterRef("pk"))))
        .order_by("pk")
    )
    deleted = 0
    while ids := list(doomed.values_list("pk", flat=True)[:AT_ONCE]):  # one lock does not last long
        SyncLog.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted
