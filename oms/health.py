"""Is it up (/healthz), and can it serve (/readyz)? Open to all, for load balancers; the answers have no details."""

import logging

from django.db import DatabaseError, connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from redis.exceptions import RedisError

from api.errors import refusal
from backoffice.alerts.sender import sender_is_silent
from integrations.schedule.leadership import scheduler_is_silent
from integrations.schedule.looks import last_seen
from integrations.sync.backlog import backlog, workers_are_silent

logger = logging.getLogger(__name__)

OK = "ok"
BACKGROUND = ("queue", "workers", "scheduler", "webhooks")
NOT_READY = "The database does not answer, or its tables are not up to date. The server's log says which."


@never_cache
@csrf_exempt
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all. Touches no database."""
    if request.method not in ("GET", "HEAD"):
        return only_get()
    return JsonResponse({"status": "ok"})


@never_cache
@csrf_exempt
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where the database answers and is migrated, 503 otherwise; the reason goes to the log alone.

    The body has a word for each part. A part that is silent, or a queue that is down, makes it "degraded", and
    still 200: this process serves what is stored and takes requests for syncs, which are rows of the database. Taken
    out of rotation, all web processes would be: an outage made of a delay.
    """
    if request.method not in ("GET", "HEAD"):
        return only_get()
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        background = {} if pending else _background()
    except (DatabaseError, InconsistentMigrationHistory) as error:
        logger.error("Not ready: the database does not answer: %s", error)
        return _not_ready("down")
    if pending:
        logger.error("Not ready: %s migrations are not applied. Run: manage.py migrate", len(pending))
        return _not_ready("not_migrated")
    is_well = all(word == OK for word in background.values())
    return JsonResponse({"status": OK if is_well else "degraded", "database": OK, **background})


def _background() -> dict[str, str]:
    """A word for the queue, the workers, the scheduler, and what sends webhooks and alerts. Raises DatabaseError."""
    now = timezone.now()
    found = dict.fromkeys(BACKGROUND, OK)
    scheduler_at, looked = last_seen()
    if scheduler_is_silent(scheduler_at, now):
        found["scheduler"] = "silent"
    if sender_is_silent(looked, now):
        found["webhooks"] = "silent"
    try:
        if workers_are_silent(backlog(), now):
            found["workers"] = "silent"
    except (RedisError, OSError) as error:
        logger.warning("The queue does not answer: %s", type(error).__name__)
        found |= {"queue": "down", "workers": "unknown"}
    return found


def _not_ready(database: str) -> JsonResponse:
    unknown = dict.fromkeys(BACKGROUND, "unknown")
    body = {"code": "not_ready", "detail": NOT_READY, "database": database, **unknown}
    return JsonResponse(body, status=503)


def only_get() -> JsonResponse:
    """The answer to any other method."""
    response = refusal(405, "method_not_allowed", "Only GET is allowed here.")
    response["Allow"] = "GET, HEAD"
    return response
