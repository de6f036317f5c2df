"""Backfills in the background (completeness/dispatch.py).

announce_backfill  tell the workers of one; a queue that is down is logged, and the scheduler tells them later
lost_backfills     those that nobody has worked on although it is their time
"""

from collections.abc import Iterator

from django_tasks import task

from integrations.completeness import dispatch
from integrations.completeness.history.backfills import run_backfill
from integrations.models import Backfill
from integrations.models.jobs import JobQuerySet
from integrations.sync.queue import MESSAGES_NAME


@task()
def continue_backfill(backfill_id: int, request_id: str = "") -> str:
    """Work on a backfill; returns its status, or "lost" if the database is gone for too long. One that is parked is
    queued again for the time when it goes on."""
    return dispatch.continue_job(run_here, "Backfill", backfill_id, request_id)


continue_backfill.func.__module__ = MESSAGES_NAME


def run_here(backfill_id: int) -> Backfill:
    """Work on a backfill until it is closed or parked; the workers are told of it where it is parked. Does nothing if
    it cannot be claimed now. Raises DatabaseError."""
    return dispatch.run_here(_backfills(), backfill_id, run_backfill, continue_backfill)


def announce_backfill(backfill: Backfill) -> bool:
    """Tell the workers, once the current transaction is committed. False if the queue cannot be reached."""
    return dispatch.announce(backfill, continue_backfill)


def lost_backfills() -> Iterator[Backfill]:
    """Those that should be worked on and are not: their message is lost, or their worker."""
    return dispatch.lost_jobs(_backfills())


def _backfills() -> JobQuerySet[Backfill]:
    return Backfill.objects.select_related("platform")
