"""Background work. The queue carries "go on with sync 12" and nothing else: the SyncLog is the durable state,
so a lost or doubled message is harmless."""

import logging

from django.db import DatabaseError, transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db import DatabaseBackend
from redis.exceptions import RedisError

from core.database.errors import classify
from integrations.models import SyncLog
from integrations.sync.run import run_sync
from integrations.sync.stop_signal import StopSignal

logger = logging.getLogger(__name__)

# What queue_sync raises where the queue cannot be reached, be it the database or Redis. The sync stays open,
# and the scheduler announces it again.
QUEUE_ERRORS = (DatabaseError, RedisError, OSError)


@task()
def continue_sync(log_id: int) -> str:
    """Work on a sync; returns its status, or "lost" where the database is gone for longer than it is worth waiting.

    One that waits for quota is queued again for the moment it resumes, one that was left because this worker
    was told to stop at once, for another worker."""
    with StopSignal() as stop:
        try:
            log = run_sync(log_id, stopping=stop.received)
        except DatabaseError as error:
            logger.error(
                "Sync %s was left as it is. %s It goes on from its checkpoint when its lease has expired.",
                log_id,
                classify(error).happened,
            )
            return "lost"
    if log.status == SyncLog.Status.WAITING or (log.status == SyncLog.Status.QUEUED and stop.received()):
        queue_sync(log)
    return log.status


def queue_sync(log: SyncLog) -> None:
    """Hand a sync to the workers, once the current transaction is committed. Raises QUEUE_ERRORS."""
    run_after = log.resume_at
    if run_after is None and isinstance(continue_sync.get_backend(), DatabaseBackend):
        # Its workers take what has a time first, and of that the oldest: a sync without one would not be begun
        # while any wait of another platform is over.
        run_after = timezone.now()
    transaction.on_commit(lambda: continue_sync.using(run_after=run_after).enqueue(log.pk))
