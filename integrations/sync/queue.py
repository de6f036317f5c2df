"""Background work. The queue carries "continue sync 12" and nothing else: the SyncLog is the durable state,
so a lost or doubled message is harmless.

announce      tell the workers of a sync; a queue that is down is logged, and the scheduler tells them later
start_next    after a sync was closed: the one that waited for it
run_here      work on a sync in this process, then start the one that waited for it
"""

import logging
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db import DatabaseBackend
from redis.exceptions import RedisError

from core import log_context
from core.database.errors import classify
from core.database.retry import DATABASE_ERRORS, retry_on_db_error
from integrations.models import SyncLog
from integrations.sync.deferred import promote_next
from integrations.sync.run import run_sync
from integrations.sync.stop_signal import StopSignal

logger = logging.getLogger(__name__)

# What queue_sync raises if the queue cannot be reached, be it the database or Redis. The sync stays open,
# and the scheduler announces it again.
QUEUE_ERRORS = (DatabaseError, RedisError, OSError)
# A message may come so much before its time: RQ cuts off fractions of a second, and clocks of machines differ.
EARLY = timedelta(seconds=10)
# The name of the task in messages. It is stable: a message may be older, or younger, than the worker that reads it.
MESSAGES_NAME = "integrations.tasks"


@task()
def continue_sync(log_id: int, request_id: str = "") -> str:
    """Work on a sync; returns its status, or "lost" if the database is gone for too long. `request_id`: of the request
    that asked for it, for the log.

    A sync that waits for quota is queued again for the time when it resumes. A sync that was left because this worker
    was told to stop is queued again at once, for another worker."""
    try:
        with log_context.bound(request_id=request_id):
            return run_here(log_id).status
    except DatabaseError as error:
        logger.error(
            "Sync %s was left as it is. %s It goes on from its checkpoint when its lease has expired.",
            log_id,
            classify(error).happened,
        )
        return "lost"


continue_sync.func.__module__ = MESSAGES_NAME


def run_here(log_id: int) -> SyncLog:
    """Work on a sync until it is closed, waits for quota or another run, or this process is told to stop. The workers
    are told of it if it is queued or waits for quota then. Does nothing if the sync cannot be claimed now. Raises
    DatabaseError."""
    log = retry_on_db_error(SyncLog.objects.claimable().filter(pk=log_id).first)()
    if log is None:
        log = SyncLog.objects.select_related("platform").get(pk=log_id)
        if log.status == SyncLog.Status.WAITING and log.resume_at and log.resume_at - timezone.now() < EARLY:
            announce(log)
        return log
    with StopSignal() as stop:
        log = run_sync(log_id, stopping=stop.received)
    if log.status in (SyncLog.Status.WAITING, SyncLog.Status.QUEUED):
        announce(log)
    start_next(log)
    return log


def start_next(log: SyncLog) -> None:
    """Queue the sync of this platform and stream whose turn it is now, if any waits, and tell the workers.
    If that fails, the scheduler does it."""
    try:
        following = promote_next(log.platform_id, log.kind)
    except DATABASE_ERRORS as error:
        logger.error("Which sync comes after sync %s cannot be read: %s", log.pk, type(error).__name__)
        return
    if following is not None:
        announce(following)


def announce(log: SyncLog) -> bool:
    """Tell the workers of a sync. False if the queue cannot be reached: that is logged, the sync stays open, and the
    scheduler tells them."""
    try:
        queue_sync(log)
    except QUEUE_ERRORS as error:
        logger.error(
            "Sync %s of %s could not be handed to the workers; the scheduler will do it. The queue says: %s",
            log.pk,
            log.platform.name,
            type(error).__name__,
        )
        return False
    return True


def queue_sync(log: SyncLog) -> None:
    """Hand a sync to the workers, once the current transaction is committed. Raises QUEUE_ERRORS."""
    run_after = log.resume_at
    if run_after is None and isinstance(continue_sync.get_backend(), DatabaseBackend):
        # Its workers take what has a time first, and of that the oldest: a sync without one would not be begun
        # while any wait of another platform is over.
        run_after = timezone.now()
    # Only where there is one: a worker of an earlier version does not know it.
    request = {"request_id": str(found)} if (found := log_context.log_context().get("request_id")) else {}
    transaction.on_commit(lambda: continue_sync.using(run_after=run_after).enqueue(log.pk, **request))
