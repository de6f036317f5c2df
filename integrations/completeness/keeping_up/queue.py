"""Catch-ups in the background (../dispatch.py).

announce_catch_up  tell the workers of one; a queue that is down is logged, and the scheduler tells them later
due_catch_ups      of platforms whose syncs are behind (rule.py)
lost_catch_ups     those that nobody has worked on although it is their time
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django_tasks import task

from integrations.completeness import dispatch
from integrations.completeness.keeping_up.catch_ups import AUTO, open_catch_up, run_catch_up
from integrations.completeness.keeping_up.rule import ORDERS, backlog_of
from integrations.models import CatchUp, SyncLog
from integrations.models.jobs import JobQuerySet
from integrations.registry import CHANNELS
from integrations.sync.queue import MESSAGES_NAME
from platforms.models import Source

AFTER_A_FAILURE = timedelta(hours=1)  # until another one is opened


@task()
def continue_catch_up(catch_up_id: int, request_id: str = "") -> str:
    """Work on a catch-up; returns its status, or "lost" if the database is gone for too long. One that is parked is
    queued again for the time when it goes on."""
    return dispatch.continue_job(run_here, "Catch-up", catch_up_id, request_id)


continue_catch_up.func.__module__ = MESSAGES_NAME


def run_here(catch_up_id: int) -> CatchUp:
    """Work on a catch-up until it is closed or parked; the workers are told of it where it is parked. Does nothing if
    it cannot be claimed now. Raises DatabaseError."""
    return dispatch.run_here(_catch_ups(), catch_up_id, run_catch_up, continue_catch_up)


def announce_catch_up(catch_up: CatchUp) -> bool:
    """Tell the workers, once the current transaction is committed. False if the queue cannot be reached."""
    return dispatch.announce(catch_up, continue_catch_up)


def due_catch_ups(now: datetime | None = None) -> Iterator[CatchUp]:
    """Opens one for each platform that makes lists of orders, whose regular sync waits for quota and is behind. One
    query for any number of platforms where none waits, since the scheduler asks all day."""
    if settings.KEEP_UP != AUTO:
        return
    now = now or timezone.now()
    kinds = [kind for kind, channel in CHANNELS.items() if channel.lists_orders]
    others = CatchUp.objects.filter(platform=OuterRef("platform"))
    waiting = SyncLog.objects.filter(
        ~Exists(
            others.filter(
                Q(open_key__isnull=False)
                | Q(finished_at__gte=now - AFTER_A_FAILURE, status=CatchUp.Status.FAILED)
            )
        ),
        kind=ORDERS,
        status=SyncLog.Status.WAITING,
        is_incremental=True,
        source=Source.LIVE,
        platform__is_active=True,
        platform__kind__in=kinds,
    )
    for run in waiting.select_related("platform").order_by("pk"):
        backlog = backlog_of(run.platform, now)
        if backlog is None or not backlog.is_behind(now):
            continue
        catch_up, is_new = open_catch_up(run.platform, backlog)
        if is_new:
            yield catch_up


def lost_catch_ups() -> Iterator[CatchUp]:
    """Those that should be worked on and are not: their message is lost, or their worker."""
    return dispatch.lost_jobs(_catch_ups())


def _catch_ups() -> JobQuerySet[CatchUp]:
    return CatchUp.objects.select_related("platform")
