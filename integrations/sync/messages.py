"""Messages in Redis, where REDIS_URL is set: "continue sync 12", "make export 4" and the like, as JSON, and
nothing else.

RQ by itself stores pickles, calls whatever function, callback or address a message names, and so lets whoever can write
to Redis run code in the worker. Here a message is taken to name one of few tasks, one integer and the id of a
request; the rest of what Redis holds of it is not read. What is anything else is refused with a line in the log.
"""

import logging
import re
import zlib
from collections.abc import Mapping
from typing import Any, Self

from django_rq.queues import DjangoRQ
from django_tasks_rq import Job, RQBackend
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.serializers import JSONSerializer
from rq.worker import SimpleWorker

logger = logging.getLogger(__name__)

# A sync, audits of orders and stock, a backfill and a catch-up of orders, shipments to be sent, pictures to be fetched
# (integrations/tasks.py), a file (backoffice/scheduled/queue.py).
TASKS = (
    "integrations.tasks.continue_sync",
    "integrations.tasks.continue_audit",
    "integrations.tasks.continue_backfill",
    "integrations.tasks.continue_catch_up",
    "integrations.tasks.continue_stock_audit",
    "integrations.tasks.continue_shipping",
    "integrations.tasks.continue_pictures",
    "backoffice.tasks.make_export",
)
REQUEST_ID = re.compile(r"[A-Za-z0-9._:=+/-]{1,128}")
HIGHEST_ID = 2**63 - 1
# Of the hash that RQ keeps of a message. Not: callbacks, webhooks, retries, repetitions, dependencies, a result.
FIELDS = {
    "data", "created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat", "status", "timeout", "result_ttl",
    "failure_ttl", "ttl", "worker_name",
}  # fmt: skip
NOT_TO_BE_READ = (ValueError, TypeError, KeyError, AttributeError, zlib.error, InvalidJobOperation)


def is_ours(task: object, instance: object, args: object, kwargs: object) -> bool:
    """Whether these four, as RQ stores a call, ask for one of TASKS with an id."""
    if task not in TASKS or instance is not None or not isinstance(args, list | tuple) or len(args) != 1:
        return False
    if type(args[0]) is not int or not 0 < args[0] <= HIGHEST_ID:
        return False
    if kwargs == {}:
        return True
    if not isinstance(kwargs, dict) or set(kwargs) != {"request_id"}:
        return False
    return isinstance(kwargs["request_id"], str) and bool(REQUEST_ID.fullmatch(kwargs["request_id"]))


class Message(Job):
    """A job of RQ that can be nothing but a call of one of TASKS."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"serializer": JSONSerializer})

    @classmethod
    def fetch(cls, *args: Any, **options: Any) -> Self:
        """Raises NoSuchJobError also where Redis holds what cannot be read: any other error would end the worker."""
        try:
            return super().fetch(*args[:2], **options)  # type: ignore[return-value]  # the third is a serializer
        except NOT_TO_BE_READ:
            _refuse()
            raise NoSuchJobError("not a message of OMS") from None

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        known = {name: value for name, value in raw_data.items() if name.decode(errors="replace") in FIELDS}
        super().restore(known)
        self.origin = "default"
        self.meta = {"backend_name": "default"}
        self._success_callback_name = "django_tasks_rq.backend.success_callback"
        self._failure_callback_name = "django_tasks_rq.backend.failed_callback"

    def _deserialize_data(self) -> None:
        try:
            super()._deserialize_data()  # type: ignore[no-untyped-call]
        except (DeserializationError, RecursionError):
            self._func_name = ""
        if not is_ours(self._func_name, self._instance, self._args, self._kwargs):
            self._func_name, self._instance, self._args, self._kwargs = "", None, (), {}

    def perform(self) -> Any:
        if self.func_name in TASKS:
            return super().perform()
        _refuse()
        self._success_callback_name = None
        return None


def _refuse() -> None:
    logger.warning(
        "A message in Redis was refused: it does not say in JSON which sync to continue. Earlier versions wrote them "
        "in another form; the scheduler queues their syncs again within minutes, and nothing is lost. If it happens "
        "again, somebody else writes to this Redis: give it a password (docs/operations.md)."
    )


class MessageQueue(DjangoRQ):
    """Whatever class and serializer RQ, django-rq and django-tasks-rq ask for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            *args, **options | {"job_class": Message, "serializer": JSONSerializer}
        )


class MessageWorker(SimpleWorker):
    """Works in this process: in one of its own, our handler of SIGTERM would hear nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        ours = {
            "job_class": Message,
            "queue_class": MessageQueue,
            "serializer": JSONSerializer,
            "log_job_description": False,  # a text from Redis
        }
        super().__init__(*args, **options | ours)


class RedisBackend(RQBackend):
    """Django's tasks in Redis."""

    def _get_job(self, result_id: str) -> Job | None:
        queue = self._get_queues()[0]
        try:
            return Message.fetch(result_id, connection=queue.connection)
        except NoSuchJobError:
            return None
