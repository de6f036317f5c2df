"""Background work. The queue carries "go on with sync 12" and nothing else: the SyncLog is the durable state, so a lost
or doubled message is harmless."""

from django.db import transaction
from django_tasks import task

from integrations.models import SyncLog
from integrations.services import run_sync
from integrations.stopping import StopSignal


@task()
def continue_sync(log_id: int) -> str:
    """Work on a sync; one that waits for quota is queued again for the moment it resumes. Returns its status."""
    with StopSignal() as stop:
        log = run_sync(log_id, stopping=stop.received)
    if log.status == SyncLog.Status.WAITING:
        queue_sync(log)
    return log.status


def queue_sync(log: SyncLog) -> None:
    """Hand a sync to the workers, once the current transaction is committed."""
    transaction.on_commit(lambda: continue_sync.using(run_after=log.resume_at).enqueue(log.pk))
