"""Is it up (/healthz), and can it serve (/readyz)? Open to all, for load balancers; the answer has no details."""

import logging

from django.db import DatabaseError, connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from api.errors import refusal

logger = logging.getLogger(__name__)

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
    """200 where the database answers and is migrated, 503 otherwise; the reason goes to the log alone."""
    if request.method not in ("GET", "HEAD"):
        return only_get()
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InconsistentMigrationHistory) as error:
        logger.error("Not ready: the database does not answer: %s", error)
        return refusal(503, "not_ready", NOT_READY)
    if pending:
        logger.error("Not ready: %s migrations are not applied. Run: manage.py migrate", len(pending))
        return refusal(503, "not_ready", NOT_READY)
    return JsonResponse({"status": "ok"})


def only_get() -> JsonResponse:
    """The answer to any other method."""
    response = refusal(405, "method_not_allowed", "Only GET is allowed here.")
    response["Allow"] = "GET, HEAD"
    return response
