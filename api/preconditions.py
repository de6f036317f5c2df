"""If-Match: change something only if it is still what the caller read.

https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import connection, transaction
from django.http import HttpResponse
from django.utils.cache import set_response_etag
from django.utils.http import parse_etags
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

Action = Callable[..., Response]
CHANGED = "It is not what it was when you read it, and nothing was changed. Read it again, and then decide."


class PreconditionFailed(exceptions.APIException):
    """412: the request was made for another state than there is."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = CHANGED


def heeds_if_match(action: Action) -> Action:
    """Decorator of actions of a viewset that change or delete the row `pk`. Nobody else writes the row between the
    comparison and the change. A view whose action holds something else before the row has `hold_before(pk)`, which does
    so here: two who hold the same in another order would wait for each other. Raises PreconditionFailed."""

    @wraps(action)
    def heeding(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "If-Match" not in request.headers:
            return action(view, request, *args, **kwargs)
        with transaction.atomic():
            if hold_before := getattr(view, "hold_before", None):
                hold_before(kwargs["pk"])
            rows = view.get_queryset().model.objects.order_by()
            lock = rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
            lock.filter(pk=kwargs["pk"]).values_list("pk").first()
            _compare(view, request, kwargs["pk"])
            return action(view, request, *args, **kwargs)

    heeding.heeds_if_match = True  # type: ignore[attr-defined]
    return heeding


def _compare(view: Any, request: Request, pk: Any) -> None:
    """With what a GET answers now. Raises Http404 where there is nothing, or PreconditionFailed."""
    shown = view.retrieve(request, pk=pk).data
    asked = [_opaque(tag) for tag in parse_etags(request.headers["If-Match"])]
    if "*" in asked:
        return
    body = HttpResponse(request.accepted_renderer.render(shown, request.accepted_media_type))
    set_response_etag(body)
    if _opaque(body["ETag"]) not in asked:
        raise PreconditionFailed


def _opaque(tag: str) -> str:
    """Without the mark that the answer was compressed, which says nothing about what it held."""
    return tag.removeprefix("W/")
