"""Opens the runs that are due, and has the workers make them; tells them again of those that one has lost.

The queue carries "make export 12" and nothing else: the row is the durable state, so a lost or doubled message is
harmless.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django_tasks import task
from django_tasks_db import DatabaseBackend

from backoffice.scheduled.models import ScheduledExport, ScheduledExportRun
from backoffice.scheduled.problems import Problem
from backoffice.scheduled.runs import Status, Trigger, give_up, request_run, work_on
from core.database.clock import DatabaseNow
from core.database.errors import classify
from core.database.retry import retry_on_db_error
from integrations.sync.queue import EARLY, QUEUE_ERRORS
from integrations.sync.stop_signal import StopSignal

logger = logging.getLogger(__name__)

OVERDUE = timedelta(minutes=5)
# The name of the task in messages, which may be older, or younger, than the worker that reads them.
MESSAGES_NAME = "backoffice.tasks"


@task()
def make_export(run_id: int) -> str:
    """Work on a run; returns its status, "gone" where it was deleted, "lost" if the database is gone for too long."""
    try:
        return run_here(run_id).status
    except ScheduledExportRun.DoesNotExist:
        return "gone"
    except DatabaseError as error:
        logger.error("Run %s of a scheduled export was left as it is. %s", run_id, classify(error).happened)
        return "lost"


make_export.func.__module__ = MESSAGES_NAME


def run_here(run_id: int) -> ScheduledExportRun:
    """Work on a run in this process. The workers are told of it where it is tried again, or this process is told to
    stop. Does nothing if it cannot be claimed now. Raises DatabaseError, DoesNotExist."""
    if not ScheduledExportRun.objects.claimable().filter(pk=run_id).exists():
        run = ScheduledExportRun.objects.select_related("export").get(pk=run_id)
        if run.status == Status.WAITING and run.resume_at and run.resume_at - timezone.now() < EARLY:
            announce(run)
        return run
    with StopSignal() as stop:
        run = work_on(run_id, stopping=stop.received)
    if run.status in (Status.QUEUED, Status.WAITING):
        announce(run)
    return run


def announce(run: ScheduledExportRun) -> bool:
    """Tell the workers. False if the queue cannot be reached: that is logged, and the scheduler tells them."""
    run_after = run.resume_at
    if run_after is None and isinstance(make_export.get_backend(), DatabaseBackend):
        run_after = timezone.now()  # see integrations/sync/queue.py
    try:
        transaction.on_commit(lambda: make_export.using(run_after=run_after).enqueue(run.pk))
    except QUEUE_ERRORS as error:
        logger.error(
            "Run %s of a scheduled export could not be handed to the workers; the scheduler does it. It says: %s",
            run.pk,
            type(error).__name__,
        )
        return False
    return True


def queue_due() -> list[str]:
    """Hand the workers what is due, and what is lost. settings.EVERY_LOOK. Raises DatabaseError."""
    said = [f"Queued the scheduled export {run.export}." for run in due_runs() if announce(run)]
    said += [f"Queued the scheduled export {run.export} again." for run in lost_runs() if announce(run)]
    return said


def due_runs(now: datetime | None = None) -> Iterator[ScheduledExportRun]:
    """Opens the run of each export whose time has come. One query where there is none.

    After a pause of the scheduler it is the last of the times that have passed, with a note of how many were before.
    """
    now = now or timezone.now()
    for export in ScheduledExport.objects.filter(is_active=True, next_run_at__lte=now):
        if run := _open_due(export, now):
            yield run


@retry_on_db_error
def _open_due(export: ScheduledExport, now: datetime) -> ScheduledExportRun | None:
    """None where another process was faster, or the run before is still being made: it is due at the next look."""
    before = ScheduledExportRun.objects.filter(open_key=str(export.pk)).first()
    if before is not None and (before.status != Status.WAITING or not give_up(before, Problem.OVERTAKEN)):
        return None
    planned_at, missed = export.plan.due(export.next_run_at or now, now)
    unchanged = ScheduledExport.objects.filter(pk=export.pk, is_active=True, next_run_at=export.next_run_at)
    with transaction.atomic():
        if not unchanged.update(next_run_at=export.plan.after(now)):
            return None
        run, is_new = request_run(export, trigger=Trigger.SCHEDULE, planned_at=planned_at, missed=missed)
        if not is_new:  # somebody has just asked for one by hand: the planned one comes after it
            transaction.set_rollback(True)
    return run if is_new else None


def lost_runs() -> Iterator[ScheduledExportRun]:
    """Those that should be worked on and are not: their message is lost, or their worker. Each at most once in
    OVERDUE."""
    now = timezone.now()
    overdue = Q(status=Status.QUEUED, queued_at__lt=now - OVERDUE)
    overdue |= Q(status=Status.WAITING, resume_at__lt=now - OVERDUE)
    overdue |= Q(status=Status.RUNNING, lease_expires_at__lt=DatabaseNow())
    for run in ScheduledExportRun.objects.filter(overdue).select_related("export"):
        still = ScheduledExportRun.objects.filter(overdue, pk=run.pk)
        if still.update(status=Status.WAITING, resume_at=now, lease_token=""):
            run.refresh_from_db()
            yield run


def prune_runs() -> int:
    """Delete runs of long ago, but the last one of each export. Returns how many. settings.MAINTENANCE."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS)
    ended = ScheduledExportRun.objects.filter(open_key=None).order_by()
    newest = [last for _export, last in ended.values_list("export").annotate(Max("pk"))]
    return ended.filter(finished_at__lt=long_ago).exclude(pk__in=newest).delete()[0]
