"""Audits of stock in the background (../dispatch.py).

announce_stock_audit  tell the workers of one; a queue that is down is logged, and the scheduler tells them later
due_stock_audits      the nightly ones whose time has come
lost_stock_audits     those that nobody has worked on although it is their time
"""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import OuterRef
from django_tasks import task

from integrations.completeness import dispatch
from integrations.completeness.nightly import due_tonight
from integrations.completeness.stock.audits import request_stock_audit, run_stock_audit
from integrations.models import StockAudit, SyncLog
from integrations.models.jobs import JobQuerySet
from integrations.registry import CHANNELS
from integrations.sync.queue import MESSAGES_NAME
from inventory.models import InventoryItem
from platforms.models import Source

NIGHT = 4  # o'clock, UTC: after the audits of orders


@task()
def continue_stock_audit(audit_id: int, request_id: str = "") -> str:
    """Work on an audit of stock; returns its status, or "lost" if the database is gone for too long. One that is parked
    is queued again for the time when it goes on."""
    return dispatch.continue_job(run_here, "Audit of stock", audit_id, request_id)


continue_stock_audit.func.__module__ = MESSAGES_NAME


def run_here(audit_id: int) -> StockAudit:
    """Work on an audit until it is closed or parked; the workers are told of it where it is parked. Does nothing if it
    cannot be claimed now. Raises DatabaseError."""
    return dispatch.run_here(_audits(), audit_id, run_stock_audit, continue_stock_audit)


def announce_stock_audit(audit: StockAudit) -> bool:
    """Tell the workers, once the current transaction is committed. False if the queue cannot be reached."""
    return dispatch.announce(audit, continue_stock_audit)


def due_stock_audits(now: datetime | None = None) -> Iterator[StockAudit]:
    """Opens tonight's audit of each active platform that makes lists of stock, keeps stock there that was read live,
    and was not audited tonight. One query for any number of them, since the scheduler asks all day."""
    if settings.AUDIT_INVENTORY != "nightly":
        return
    kinds = [kind for kind, channel in CHANNELS.items() if channel.lists_stock]
    stock = InventoryItem.objects.filter(platform=OuterRef("pk"), source=Source.LIVE)
    for platform in due_tonight(StockAudit, kinds, stock, night=NIGHT, now=now):
        audit, is_new = request_stock_audit(platform, trigger=SyncLog.Trigger.SCHEDULE, now=now)
        if is_new:
            yield audit


def lost_stock_audits() -> Iterator[StockAudit]:
    """Those that should be worked on and are not: their message is lost, or their worker."""
    return dispatch.lost_jobs(_audits())


def _audits() -> JobQuerySet[StockAudit]:
    return StockAudit.objects.select_related("platform")
