"""Deletes old rows once a day."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from integrations.quota.usage import prune_usage
from orders.buyers import purge_buyers

# The queue's own records say less than the sync log; they are kept for analysing the crash of a worker.
KEEP_MESSAGES = timedelta(days=7)


def run_maintenance() -> tuple[int, int]:
    """Delete buyer data that is due for deletion, old messages of the database queue, and counts of calls of long ago.

    Returns how many of the first two.

    Messages that nobody has taken yet stay, whatever their age. Raises DatabaseError.
    """
    prune_usage()
    return purge_buyers(), prune_messages()


def prune_messages() -> int:
    """Delete messages that were worked on long ago, as prune_db_task_results does, and those of workers that died over
    them, which would stay for ever; the sync itself was queued again. Also where Redis is the queue by now."""
    long_ago = timezone.now() - KEEP_MESSAGES
    done = Q(finished_at__lt=long_ago)
    lost = Q(status=TaskResultStatus.RUNNING, started_at__lt=long_ago)
    return DBTaskResult.objects.filter(done | lost).delete()[0]
