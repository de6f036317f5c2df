"""How far the workers are behind: messages of the queue whose time has come and that nobody has taken yet."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Case, Count, F, Min, When
from django.utils import timezone
from django_tasks_db import DatabaseBackend
from django_tasks_db.models import DBTaskResult, get_date_max
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer
from rq.utils import str_to_date

from integrations.models import SyncLog
from integrations.sync.queue import continue_sync

NAME = "default"
SECONDS = 2.0  # for Redis to answer
# So long no message waits while a worker lives and is idle: it looks every second.
SILENT_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Backlog:
    """`oldest`: since when the oldest of them could have been taken; None where there is none."""

    messages: int
    oldest: datetime | None

    def age(self, now: datetime) -> timedelta:
        return max(timedelta(0), now - self.oldest) if self.oldest else timedelta(0)


def backlog() -> Backlog:
    """Of the queue in use. Raises QUEUE_ERRORS (integrations.sync.queue)."""
    return _in_the_database() if isinstance(continue_sync.get_backend(), DatabaseBackend) else _in_redis()


def workers_are_silent(waiting: Backlog, now: datetime) -> bool:
    """Whether messages wait for long and no worker is at work on a sync: none runs, or none can reach the queue.

    Where all workers are busy, messages wait as well; the leases of what they work on tell.
    """
    if waiting.age(now) <= SILENT_AFTER:
        return False
    return not SyncLog.objects.filter(status=SyncLog.Status.RUNNING, lease_expires_at__gte=now).exists()


def _in_the_database() -> Backlog:
    since = Case(When(run_after=get_date_max(), then=F("enqueued_at")), default=F("run_after"))
    ready = DBTaskResult.objects.ready().filter(backend_name="default", queue_name=NAME).order_by()
    found = ready.aggregate(messages=Count("pk"), oldest=Min(since))
    return Backlog(found["messages"], found["oldest"])


def _in_redis() -> Backlog:
    now = timezone.now()
    at_once = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "retry": Retry(NoBackoff(), 0)}
    with Redis.from_url(settings.REDIS_URL, **at_once) as server:
        queue = Queue(NAME, connection=server, serializer=JSONSerializer)
        # Waits for quota that are over: a worker moves them into the queue.
        later, due = ScheduledJobRegistry(queue=queue).key, now.timestamp()  # type: ignore[no-untyped-call]
        messages = queue.count + server.zcount(later, 0, due)
        moments = [
            datetime.fromtimestamp(score, UTC)
            for _job, score in server.zrangebyscore(later, 0, due, start=0, num=1, withscores=True)
        ]
        moments += _first(queue, server)
    return Backlog(messages, min(moments, default=None))


def _first(queue: Queue, server: "Redis") -> list[datetime]:
    """Since when the first message waits: that field alone is read, RQ would unpickle others."""
    found = [server.hget(Job.key_for(job_id), "enqueued_at") for job_id in queue.get_job_ids(0, 1)]
    return [str_to_date(value) for value in found if isinstance(value, bytes)]
