"""Audits in the background (dispatch.py).

announce_audit  tell the workers of one; a queue that is down is logged, and the scheduler tells them later
due_audits      the nightly ones whose time has come
lost_audits     those that nobody has worked on although it is their time
"""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import OuterRef
from django_tasks import task

from integrations.completeness import dispatch
from integrations.completeness.audits import request_audit, run_audit
from integrations.completeness.nightly import due_tonight
from integrations.models import OrderAudit, SyncLog
from integrations.models.jobs import JobQuerySet
from integrations.registry import CHANNELS
from integrations.sync.queue import MESSAGES_NAME
from platforms.models import Source

NIGHT = 3  # o'clock, UTC: yesterday has been over for as long as lists may be behind (comparing.LAG)


@task()
def continue_audit(audit_id: int, request_id: str = "") -> str:
    """Work on an audit; returns its status, or "lost" if the database is gone for too long. One that is parked is
    queued again for the time when it goes on."""
    return dispatch.continue_job(run_here, "Audit", audit_id, request_id)


continue_audit.func.__module__ = MESSAGES_NAME


def run_here(audit_id: int) -> OrderAudit:
    """Work on an audit until it is closed or parked; the workers are told of it where it is parked. Does nothing if it
    cannot be claimed now. Raises DatabaseError."""
    return dispatch.run_here(_audits(), audit_id, run_audit, continue_audit)


def announce_audit(audit: OrderAudit) -> bool:
    """Tell the workers, once the current transaction is committed. False if the queue cannot be reached."""
    return dispatch.announce(audit, continue_audit)


def due_audits(now: datetime | None = None) -> Iterator[OrderAudit]:
    """Opens tonight's audit of each active platform that makes lists of orders, has been read live, and was not audited
    tonight. One query for any number of them, since the scheduler asks all day."""
    if settings.AUDIT_ORDERS != "nightly":
        return
    kinds = [kind for kind, channel in CHANNELS.items() if channel.lists_orders]
    live = SyncLog.objects.filter(
        platform=OuterRef("pk"), kind=SyncLog.Kind.ORDERS, source=Source.LIVE, status__in=SyncLog.GOOD
    )
    for platform in due_tonight(OrderAudit, kinds, live, night=NIGHT, now=now):
        audit, is_new = request_audit(platform, trigger=SyncLog.Trigger.SCHEDULE, now=now)
        if is_new:
            yield audit


def lost_audits() -> Iterator[OrderAudit]:
    """Those that should be worked on and are not: their message is lost, or their worker."""
    return dispatch.lost_jobs(_audits())


def _audits() -> JobQuerySet[OrderAudit]:
    return OrderAudit.objects.select_related("platform")
