"""The form of errors: {"code", "detail"} and, where single fields or parameters are wrong, "fields": {name: [text]}.

For API views by `exception_handler`; outside of them JSON for the API's addresses, Django's pages for the admin.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import loader
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_exception_handler

from api.base import HOW_TO_AUTHENTICATE, Invalid
from api.idempotency import AnsweredBefore
from api.throttling import TooManyFailures, count_failure
from core.database.errors import REFUSED, DatabaseProblem, classify
from core.database.retry import DATABASE_ERRORS
from integrations.errors import BadInput

logger = logging.getLogger(__name__)

IN_DOUBT = "Whether your change was stored is not known: look before you repeat it."
INTERNAL = f"OMS itself made a mistake; the server's log has the details. {IN_DOUBT}"
# The first path segments of all that is not the API: pages for people, and their files.
PAGES = ("", "admin", "i18n", "static")


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponseBase:
    """DRF's EXCEPTION_HANDLER. An unexpected error becomes a 500 without details, with the traceback in the log;
    a database that cannot be used, a 503."""
    request: Request = context["request"]
    # Also where the view answers HTML or YAML.
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"
    if isinstance(error, AnsweredBefore):
        return error.response
    if isinstance(error, BadInput):
        error = Invalid(str(error), {error.field: str(error)})
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        error = count_failure(request._request) or error
    response = rest_exception_handler(error, context)
    if response is None and isinstance(error, DATABASE_ERRORS) and classify(error) is not REFUSED:
        problem = classify(error)
        logger.error("%s %s failed: %s", request.method, request.path, problem.happened)
        detail = f"{problem.happened} {IN_DOUBT}"
        return Response({"code": problem.code, "detail": detail}, status.HTTP_503_SERVICE_UNAVAILABLE)
    if response is None:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        response = Response(status=status.HTTP_500_INTERNAL_SERVER_ERROR)
    response.data = _body(error, response)
    return response


def _body(error: Exception, response: Response) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        fields = dict(_flat(error.detail))
        general = fields.pop("", [])
        listed = [f"{name}: {' '.join(texts)}" for name, texts in fields.items()]
        return {"code": "invalid", "detail": " ".join([*general, *listed]), "fields": fields}
    if isinstance(error, Invalid):
        return {"code": error.default_code, "detail": str(error.detail), "fields": error.fields}
    if isinstance(error, exceptions.NotAuthenticated):
        return {"code": error.get_codes(), "detail": f"This needs a token. {HOW_TO_AUTHENTICATE}"}
    if isinstance(error, TooManyFailures):
        text = "This address has sent too many requests without a valid token. Nothing was done."
        return {"code": error.get_codes(), "detail": f"{text} Go on in {response['Retry-After']} seconds."}
    if isinstance(error, exceptions.Throttled):
        limit = settings.API_REQUESTS_PER_MINUTE
        text = f"This token has made the {limit} requests that it may make in a minute. Nothing was done."
        return {"code": error.get_codes(), "detail": f"{text} Go on in {response['Retry-After']} seconds."}
    if isinstance(error, exceptions.APIException):
        return {"code": error.get_codes(), "detail": str(error.detail)}
    if response.status_code == status.HTTP_404_NOT_FOUND:
        return {
            "code": "not_found",
            "detail": "There is nothing with this id, or you named one that is gone.",
        }
    if response.status_code == status.HTTP_403_FORBIDDEN:
        return {"code": "permission_denied", "detail": "You do not have permission to perform this action."}
    return {"code": "internal", "detail": INTERNAL}


def _flat(detail: Any, name: str = "") -> Iterator[tuple[str, list[str]]]:
    """("field", texts), ("field.inner", texts) of a ValidationError's detail; "" for what belongs to no field."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            key = "" if key in ("non_field_errors", "__all__") else str(key)
            yield from _flat(inner, ".".join(filter(None, (name, key))))
    else:
        yield name, [str(text) for text in (detail if isinstance(detail, list) else [detail])]


def refusal(status: int, code: str, detail: str) -> JsonResponse:
    """An error as every API answer words it."""
    return JsonResponse({"code": code, "detail": detail}, status=status)


def body_too_large() -> JsonResponse:
    limit = f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,}"
    return refusal(
        413,
        "body_too_large",
        f"The body is longer than {limit} bytes. Nothing was changed; send less at once.",
    )


@csrf_exempt  # which would answer whatever changes something with a page about cookies
def unknown_route(_request: HttpRequest) -> JsonResponse:
    """For what is under an API address and no route: JSON with DEBUG too, where Django shows a page of its own."""
    return refusal(404, "not_found", "There is no such address; /docs lists those that there are.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if isinstance(exception, RequestDataTooBig):
        return body_too_large()
    if is_api(request):
        return refusal(
            400, "bad_request", "The request was refused: its host name, size or form is not accepted."
        )
    return defaults.bad_request(request, exception)


def permission_denied() -> JsonResponse:
    return refusal(403, "permission_denied", "You do not have permission to perform this action.")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Called while the exception is being handled, which may come from middleware too: the session is stored there."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_ERRORS) and classify(error) is not REFUSED:
        return _database_unavailable(request, classify(error))
    if is_api(request):
        return refusal(500, "internal", INTERNAL)
    return defaults.server_error(request)


def _database_unavailable(request: HttpRequest, problem: DatabaseProblem) -> HttpResponseBase:
    if is_api(request):
        return refusal(503, problem.code, f"{problem.happened} {IN_DOUBT}")
    # Without the request: what templates are given beside asks the database.
    return HttpResponse(loader.render_to_string("503.html"), status=503, headers={"Retry-After": "30"})


def is_api(request: HttpRequest) -> bool:
    """Whether programs are meant: new addresses are the API's by themselves."""
    return request.path_info.lstrip("/").split("/", 1)[0] not in PAGES


def is_browser(request: HttpRequest) -> bool:
    """Whether a person waits for a page: a program that takes anything (*/*) does not name HTML."""
    return "text/html" in request.headers.get("Accept", "")
