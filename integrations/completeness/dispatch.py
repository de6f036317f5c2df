"""How workers come by jobs. The queue carries "continue job 3" and nothing else, so a lost or doubled message is
harmless."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks_db import DatabaseBackend

from core import log_context
from core.database.errors import classify
from integrations.models import Job
from integrations.models.jobs import AnyJob, JobQuerySet
from integrations.sync.queue import EARLY, QUEUE_ERRORS
from integrations.sync.stop_signal import StopSignal

logger = logging.getLogger(__name__)

OVERDUE = timedelta(minutes=5)
Status = Job.Status


def continue_job(run_here: Callable[[int], Job], what: str, job_id: int, request_id: str) -> str:
    """What a worker does with a message; `what` names the job in the log. Returns its status, or "lost" if the database
    is gone for too long."""
    try:
        with log_context.bound(request_id=request_id):
            return run_here(job_id).status
    except DatabaseError as error:
        logger.error("%s %s was left as it is. %s", what, job_id, classify(error).happened)
        return "lost"


def announce(job: Job, task: Any) -> bool:
    """Have `task` called with the job's id by a worker, once the current transaction is committed. False if the queue
    cannot be reached: that is logged, and the scheduler tells the workers later."""
    run_after = job.resume_at
    if run_after is None and isinstance(task.get_backend(), DatabaseBackend):
        run_after = timezone.now()  # see sync/queue.py
    try:
        transaction.on_commit(lambda: task.using(run_after=run_after).enqueue(job.pk))
    except QUEUE_ERRORS as error:
        logger.error(
            "%s %s could not be handed to the workers; the scheduler will do it. The queue says: %s",
            job._meta.object_name,
            job.pk,
            type(error).__name__,
        )
        return False
    return True


def run_here(jobs: JobQuerySet[AnyJob], job_id: int, run: Callable[..., AnyJob], task: Any) -> AnyJob:
    """Have `run(job_id, stopping=…)` work on a job until it is closed or parked; the workers are told of it where it is
    parked. Does nothing if it cannot be claimed now. Raises DatabaseError."""
    if not jobs.claimable().filter(pk=job_id).exists():
        job = jobs.get(pk=job_id)
        is_early = job.resume_at is not None and job.resume_at - timezone.now() < EARLY
        if job.status == Status.WAITING and is_early:
            announce(job, task)
        return job
    with StopSignal() as stop:
        job = run(job_id, stopping=stop.received)
    if job.status in (Status.QUEUED, Status.WAITING):
        announce(job, task)
    return job


def lost_jobs(jobs: JobQuerySet[AnyJob]) -> Iterator[AnyJob]:
    """Those that should be worked on and are not: their message is lost, or their worker. Each at most once in
    OVERDUE."""
    now = timezone.now()
    overdue = Q(status=Status.QUEUED, queued_at__lt=now - OVERDUE, resume_at=None)
    overdue |= Q(status=Status.WAITING, resume_at__lt=now - OVERDUE)
    overdue |= Q(status=Status.RUNNING, lease_expires_at__lt=now)
    for job in jobs.filter(overdue):
        still = jobs.filter(overdue, pk=job.pk)
        if still.update(status=Status.WAITING, resume_at=now, lease_token=""):
            job.refresh_from_db()
            yield job
