"""What a worker does with what Redis holds: whoever can write to it must not run code in the worker."""

import json
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from integrations.models import SyncLog
from integrations.sync.queue import continue_sync, queue_sync
from integrations.tests.processes import redis_url
from platforms.models import Platform

TASK = "integrations.tasks.continue_sync"


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.fixture
def redis(settings: Any) -> Iterator["Redis"]:
    url = redis_url()
    settings.RQ_QUEUES = {"default": {"URL": url}}
    settings.RQ = {"QUEUE_CLASS": "integrations.sync.messages.MessageQueue"}
    settings.TASKS = {
        "default": {"BACKEND": "integrations.sync.messages.RedisBackend", "QUEUES": ["default"]}
    }
    with Redis.from_url(url) as server:
        server.flushdb()
        yield server
        server.flushdb()


def put(redis: "Redis", name: str, **fields: Any) -> None:
    """A message as whoever can write to Redis may write it."""
    redis.hset(
        f"rq:job:{name}", mapping={"created_at": "2026-01-01T00:00:00.000000Z", "origin": "default"} | fields
    )
    redis.rpush("rq:queue:default", name)


def work(redis: "Redis") -> None:
    from integrations.sync.messages import MessageQueue, MessageWorker

    queue = MessageQueue("default", connection=redis)
    MessageWorker([queue], connection=redis).work(burst=True, logging_level="WARNING")


@pytest.mark.redis
@pytest.mark.django_db
def test_what_others_wrote_to_redis_runs_nothing_and_what_oms_wrote_is_worked_on(
    redis: "Redis",
    platform: Platform,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    file = tmp_path / "was-run"
    bomb = pickle.dumps(Bomb(file))
    call = json.dumps([TASK, None, [1], {}])
    put(redis, "pickled", data=bomb)
    put(
        redis,
        "earlier",
        data=pickle.dumps((TASK, None, (1,), {})),
        meta=pickle.dumps({"backend_name": "default"}),
    )
    put(redis, "other-function", data=json.dumps(["pathlib.Path.touch", None, [str(file)], {}]))
    put(redis, "two-integers", data=json.dumps([TASK, None, [1, 2], {}]))
    put(redis, "text", data=json.dumps([TASK, None, ["1"], {}]))
    put(redis, "deep", data="[" * 100_000)
    put(redis, "no-time", data=call, enqueued_at="yesterday")
    refused = 7
    log = SyncLog.objects.create(
        platform=platform, kind="orders", trigger="api", status=SyncLog.Status.SUCCEEDED
    )
    hooks = json.dumps([{"url": "http://127.0.0.1:1/", "job_status": "finished"}])
    more = {
        "meta": bomb,
        "result": bomb,
        "webhooks": hooks,
        "repeats_left": "5",
        "success_callback_name": "os.abort",
    }
    put(redis, "ours-with-more", data=json.dumps([TASK, None, [log.pk], {}]), **more)
    with django_capture_on_commit_callbacks(execute=True):
        queue_sync(log)
    name = str(redis.lindex("rq:queue:default", -1), "ascii")  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        work(redis)
    assert not file.exists()
    assert redis.llen("rq:queue:default") == 0
    assert caplog.text.count("A message in Redis was refused") == refused
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert continue_sync.get_backend().get_result(name).return_value == "succeeded"
    # And what it left behind of the results is JSON.
    assert pickle.PROTO not in b"".join(map(bytes, redis.hgetall(f"rq:job:{name}").values()))  # type: ignore[arg-type]
