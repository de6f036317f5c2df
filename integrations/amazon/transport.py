"""One HTTP exchange: encoded the way Amazon wants it, with time-outs, and with our errors."""

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from django.conf import settings

from integrations.errors import TransientError

FAILURES = (httpx.TransportError, httpx.DecodingError)  # of an exchange that brought no answer
TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds, per read and for the connection


def new_http(hear: Callable[[httpx.Response], None] | None = None) -> httpx.Client:
    """An HTTP client for one account. Follows no redirect: credentials go where they were meant to, or nowhere.

    `hear` is told of each answer, before its body is read.
    """
    return httpx.Client(
        timeout=TIMEOUT,
        headers={"User-Agent": settings.AMAZON_USER_AGENT},
        follow_redirects=False,
        verify=_certificates(),
        event_hooks={"response": [hear] if hear else []},
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once for all syncs of the process: reading it takes longer than a short sync."""
    return httpx.create_ssl_context()


class Line:
    """The connection that the last exchange was made on, or that one is being made on; another thread may cut it.

    https://www.python-httpx.org/advanced/extensions/#trace
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_cut = False

    def trace(self, event: str, details: Mapping[str, Any]) -> None:
        """Is told of a new connection. One that is kept alive is known from the answer before."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self.runs_on(details["return_value"])
            if self._is_cut:
                self.cut()

    def runs_on(self, stream: Any) -> None:
        """`stream` is httpx's network stream."""
        self._socket = stream.get_extra_info("socket")

    def cut(self) -> None:
        """End what is being exchanged, and what would be: whoever waits for an answer gets an error instead."""
        self._is_cut = True
        if self._socket is not None:
            with suppress(OSError):  # it is closed already
                # Not the method of an SSLSocket, which takes its state away from the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def exchange(
    http: httpx.Client,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    json: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    line: Line | None = None,
) -> httpx.Response:
    """The complete answer, whatever its status. Raises TransientError where there is none, or `line` was cut.

    A blank in a parameter is sent as %20: Amazon refuses SKUs with "+" for a blank.
    https://developer-docs.amazon.com/sp-api/docs/url-encoding
    """
    if params:
        url = f"{url}?{urlencode(params, quote_via=quote, safe='')}"
    extensions = {"trace": line.trace} if line else None
    try:
        response = http.request(method, url, data=data, json=json, headers=headers, extensions=extensions)
        if line:
            line.runs_on(response.extensions["network_stream"])
        return response
    except FAILURES as error:
        problem = problem_of(error, httpx.URL(url).host)
    # Raised out here, it drags no frames of httpx along, whose variables hold the request with all its secrets.
    raise problem


def problem_of(error: Exception, host: str) -> TransientError:
    """What one of FAILURES means, without what was sent."""
    if isinstance(error, httpx.TimeoutException):
        return TransientError(f"{host} did not answer in time.", code="timeout")
    if isinstance(error, httpx.DecodingError):
        return TransientError(f"The answer of {host} could not be unpacked.", code="broken_answer")
    if isinstance(error, httpx.LocalProtocolError):  # its text repeats the header that cannot be sent
        return TransientError(f"A request to {host} could not be written.", code="connection")
    # The text of the exception names the problem ("Connection refused"), never what was sent.
    reason = str(error).rstrip(".")
    return TransientError(f"The connection to {host} failed: {reason}.", code="connection")
