"""What waits in the queue, and whether workers are silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from redis import Redis
from rq import Queue

from integrations.models import SyncLog
from integrations.sync.backlog import Backlog, backlog, workers_are_silent
from integrations.sync.queue import QUEUE_ERRORS
from integrations.tests.processes import redis_url
from platforms.models import Platform

TASK = "integrations.tasks.continue_sync"


@pytest.fixture
def on_redis(settings: Any) -> None:
    settings.REDIS_URL = redis_url()
    settings.RQ_QUEUES = {"default": {"URL": settings.REDIS_URL}}
    settings.TASKS = {
        "default": {"BACKEND": "integrations.sync.messages.RedisBackend", "QUEUES": ["default"]}
    }


@pytest.mark.redis
def test_it_counts_in_redis_what_a_worker_could_take(on_redis: None) -> None:
    with Redis.from_url(redis_url()) as server:
        server.flushdb()
        queue = Queue("default", connection=server)
        assert backlog() == Backlog(0, None)
        first = queue.enqueue(TASK, 1)
        queue.enqueue(TASK, 2)
        queue.enqueue_at(timezone.now() + timedelta(hours=1), TASK, 3)
        assert backlog() == Backlog(2, first.enqueued_at)
        over_since = datetime.fromtimestamp(1_790_000_000, tz=UTC)
        queue.enqueue_at(over_since, TASK, 4)  # a wait that is over, and no worker that moves it
        assert backlog() == Backlog(3, over_since)
        server.flushdb()


def test_it_raises_what_the_callers_of_the_queue_expect_where_redis_is_down(
    on_redis: None, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(QUEUE_ERRORS):
        backlog()


@pytest.mark.django_db
def test_workers_are_silent_where_messages_wait_and_nobody_works(platform: Platform) -> None:
    now = timezone.now()
    waits = Backlog(1, now - timedelta(minutes=6))
    assert not workers_are_silent(Backlog(0, None), now)
    assert not workers_are_silent(Backlog(9, now - timedelta(minutes=4)), now)
    assert workers_are_silent(waits, now)
    log = SyncLog.objects.create(
        platform=platform, kind="orders", trigger="api", status=SyncLog.Status.RUNNING,
        lease_expires_at=now + timedelta(minutes=4),
    )  # fmt: skip
    assert not workers_are_silent(waits, now)
    SyncLog.objects.filter(pk=log.pk).update(lease_expires_at=now - timedelta(minutes=1))
    assert workers_are_silent(waits, now)
