"""Counts the requests that are answered: how many, and how long they take, by route, method and status.

Only where the processes of the server can put their counts together (`directory.py`): the counts of one of them would
be taken for those of all.
"""

import os
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram

from monitoring.directory import VARIABLE

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATIC, UNKNOWN = "static", "unknown"  # no routes: files, and what no route answers
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

REGISTRY = CollectorRegistry()  # not the process's own: /metrics reads the files of all processes
REQUESTS = Counter(
    "oms_http_requests",
    "Requests that were answered.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
DURATION = Histogram(
    "oms_http_request_duration_seconds",
    "Seconds until the answer began: of an export, which is sent while it is made, until its first byte.",
    ["route", "method"],
    buckets=SECONDS,
    registry=REGISTRY,
)


class CountRequests:
    """Middleware, right behind the one for request ids, so that what others refuse is counted as well."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.METRICS_TOKEN or VARIABLE not in os.environ:
            raise MiddlewareNotUsed
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self._get_response(request)
        route, method = route_of(request), request.method if request.method in METHODS else "other"
        REQUESTS.labels(route, method, response.status_code).inc()
        DURATION.labels(route, method).observe(time.perf_counter() - began)
        return response


def route_of(request: HttpRequest) -> str:
    """The template of the address, never the address: "orders/<int:pk>". The same with and without trailing slash."""
    match = request.resolver_match
    if match is None:  # refused, redirected or answered before it was looked for
        return STATIC if request.path_info.startswith(settings.STATIC_URL) else UNKNOWN
    route = match.route
    if "(?" in route:  # a pattern that catches what no route has, for the words of a 404
        return UNKNOWN
    return f"/{route.rstrip('/')}"
