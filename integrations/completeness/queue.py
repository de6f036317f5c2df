"""Audits in the background. The queue carries "continue audit 3" and nothing else, so a lost or doubled message is
harmless.

announce_audit  tell the workers of one; a queue that is down is logged, and the scheduler tells them later
due_audits      the nightly ones whose time has come
lost_audits     those that nobody has worked on although it is their time
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone
from django_tasks import task
from django_tasks_db import DatabaseBackend

from core import log_context
from core.database.errors import classify
from integrations.completeness.audits import request_audit, run_audit
from integrations.models import OrderAudit, SyncLog
from integrations.registry import CHANNELS
from integrations.sync.queue import EARLY, MESSAGES_NAME, QUEUE_ERRORS
from integrations.sync.stop_signal import StopSignal
from platforms.models import Platform, Source

logger = logging.getLogger(__name__)

NIGHT = 3  # o'clock, UTC: yesterday has been over for as long as lists may be behind (comparing.LAG)
SPREAD = 60  # minutes over which the platforms are spread
OVERDUE = timedelta(minutes=5)
Status = OrderAudit.Status


@task()
def continue_audit(audit_id: int, request_id: str = "") -> str:
    """Work on an audit; returns its status, or "lost" if the database is gone for too long. One that is parked is
    queued again for the time when it goes on."""
    try:
        with log_context.bound(request_id=request_id):
            return run_here(audit_id).status
    except DatabaseError as error:
        logger.error("Audit %s was left as it is. %s", audit_id, classify(error).happened)
        return "lost"


continue_audit.func.__module__ = MESSAGES_NAME


def run_here(audit_id: int) -> OrderAudit:
    """Work on an audit until it is closed or parked; the workers are told of it where it is parked. Does nothing if it
    cannot be claimed now. Raises DatabaseError."""
    if not OrderAudit.objects.claimable().filter(pk=audit_id).exists():
        audit = OrderAudit.objects.select_related("platform").get(pk=audit_id)
        is_early = audit.resume_at is not None and audit.resume_at - timezone.now() < EARLY
        if audit.status == Status.WAITING and is_early:
            announce_audit(audit)
        return audit
    with StopSignal() as stop:
        audit = run_audit(audit_id, stopping=stop.received)
    if audit.status in (Status.QUEUED, Status.WAITING):
        announce_audit(audit)
    return audit


def announce_audit(audit: OrderAudit) -> bool:
    """Tell the workers, once the current transaction is committed. False if the queue cannot be reached."""
    run_after = audit.resume_at
    if run_after is None and isinstance(continue_audit.get_backend(), DatabaseBackend):
        run_after = timezone.now()  # see sync/queue.py
    try:
        transaction.on_commit(lambda: continue_audit.using(run_after=run_after).enqueue(audit.pk))
    except QUEUE_ERRORS as error:
        logger.error(
            "Audit %s could not be handed to the workers; the scheduler will do it. The queue says: %s",
            audit.pk,
            type(error).__name__,
        )
        return False
    return True


def due_audits(now: datetime | None = None) -> Iterator[OrderAudit]:
    """Opens tonight's audit of each active platform that makes lists of orders, has been read live, and was not audited
    tonight. One query for any number of them, since the scheduler asks all day."""
    if settings.AUDIT_ORDERS != "nightly":
        return
    now = (now or timezone.now()).astimezone(UTC)
    kinds = [kind for kind, channel in CHANNELS.items() if channel.lists_orders]
    live = SyncLog.objects.filter(
        platform=OuterRef("pk"), kind=SyncLog.Kind.ORDERS, source=Source.LIVE, status__in=SyncLog.GOOD
    )
    nightly = OrderAudit.objects.filter(platform=OuterRef("pk"), trigger=SyncLog.Trigger.SCHEDULE)
    last = Subquery(nightly.order_by("-queued_at").values("queued_at")[:1])
    platforms = Platform.objects.filter(Exists(live), is_active=True, kind__in=kinds).defer("api_config")
    for platform in platforms.annotate(audited_at=last):
        tonight = now.replace(hour=NIGHT, minute=platform.pk % SPREAD, second=0, microsecond=0)
        if now < tonight or (platform.audited_at is not None and platform.audited_at >= tonight):
            continue
        audit, is_new = request_audit(platform, trigger=SyncLog.Trigger.SCHEDULE, now=now)
        if is_new:
            yield audit


def lost_audits() -> Iterator[OrderAudit]:
    """Those that should be worked on and are not: their message is lost, or their worker. Each at most once in
    OVERDUE."""
    now = timezone.now()
    overdue = Q(status=Status.QUEUED, queued_at__lt=now - OVERDUE, resume_at=None)
    overdue |= Q(status=Status.WAITING, resume_at__lt=now - OVERDUE)
    overdue |= Q(status=Status.RUNNING, lease_expires_at__lt=now)
    for audit in OrderAudit.objects.filter(overdue).select_related("platform"):
        still = OrderAudit.objects.filter(overdue, pk=audit.pk)
        if still.update(status=Status.WAITING, resume_at=now, lease_token=""):
            audit.refresh_from_db()
            yield audit
