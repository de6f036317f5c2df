"""X-Request-ID: one id for what a request does, from the proxy through OMS to the worker that it gives work to."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponseBase

from core import log_context

HEADER = "X-Request-ID"
# What proxies make: UUIDs, hexadecimal, base64. Nothing that could break a log line or a header.
VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/-]{0,127}")


class RequestId:
    """Middleware, the first of all. Takes the id of the request, or makes one where it is absent or not valid; answers
    it, and binds it to each log line of the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        request_id = given if VALID.fullmatch(given) else uuid.uuid4().hex
        log_context.bind(request_id=request_id)
        response = self._get_response(request)
        response[HEADER] = request_id
        return response


def _forget(**_signal: Any) -> None:
    """Not before: Django logs what a request ended in behind all middleware, and an export is written after that."""
    log_context.clear()


request_finished.connect(_forget, dispatch_uid="monitoring.request_id")
