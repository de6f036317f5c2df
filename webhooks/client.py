"""One POST to an endpoint: to a checked address, within a time, with the beginning of the answer.

Proxies of the environment are ignored, redirects are not followed, answers are not unpacked.
"""

import logging
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

import httpcore
import httpx
from django.conf import settings

from core.text import storable_text
from webhooks.addresses import Resolver, is_public, system_resolver
from webhooks.models import Delivery

logger = logging.getLogger(__name__)

Problem = Delivery.Problem

CONNECT, TOTAL = 5.0, 20.0  # seconds
AT_ONCE = 4  # requests to one endpoint
ANSWER_BYTES = 4096  # that are read of an answer; the rest is left on the wire
ANSWER_KEPT = 500  # characters that are stored
LONGEST_RETRY_AFTER = 24 * 3600.0

# Answers by which a server, or what stands in front of it, says that it cannot serve anybody now.
BUSY = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one attempt. `status` is None where there was no answer; `answer` is its beginning, as text to be escaped."""

    status: int | None = None
    problem: str = ""
    answer: str = ""
    seconds: float = 0.0
    retry_after: float | None = None

    @property
    def is_delivered(self) -> bool:
        return not self.problem

    @property
    def is_gone(self) -> bool:
        return self.status == HTTPStatus.GONE

    @property
    def is_about_the_receiver(self) -> bool:
        """Whether any other message would have met the same: nothing was answered, or that it cannot serve now."""
        return not self.is_delivered and (self.status is None or self.status in BUSY)


class PrivateAddress(Exception):
    """No address of the host may be called."""


class UnknownHost(Exception):
    """The host name has no address."""


class NoTls(Exception):
    """No certificate of this host name by somebody who is trusted, or no TLS at all."""


class Deadline(threading.local):
    """When the request that this thread makes has to be over, by time.monotonic()."""

    at = 0.0

    def left(self) -> float:
        return self.at - time.monotonic()


class DeadlineStream(httpcore.NetworkStream):
    """Ends reading and writing at the deadline: a server that sends a byte now and then keeps no thread."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._within(timeout, httpcore.ConnectTimeout)
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, limit)
        except httpcore.ConnectError as error:
            raise NoTls from error
        return DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)

    def _within(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
        left = self._deadline.left()
        if left <= 0:
            raise error
        return min(left, timeout or left)


class CheckedBackend(httpcore.NetworkBackend):
    """Looks up the host name for each connection, and connects to an address that it has checked.

    TLS is for the host name all the same: httpcore gives it to `start_tls`, which compares the certificate.
    """

    def __init__(self, resolve: Resolver, deadline: Deadline) -> None:
        self._resolve = resolve
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises PrivateAddress, UnknownHost, or an error of httpcore: that of the last address."""
        error: Exception = httpcore.ConnectTimeout()
        for address in self._addresses(host, port):
            if (left := self._deadline.left()) <= 0:
                break
            try:
                stream = self._plain.connect_tcp(
                    address, port, min(left, timeout or left), None, socket_options
                )
                return DeadlineStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise UnknownHost
        allowed = [each for each in found if settings.WEBHOOKS_ALLOW_PRIVATE or is_public(each)]
        if not allowed:
            raise PrivateAddress
        return allowed


class WebhookClient:
    """Sends to one endpoint, from several threads at once. Connections are kept for the next message."""

    def __init__(
        self,
        resolve: Resolver = system_resolver,
        certificates: ssl.SSLContext | None = None,
        total: float = TOTAL,
    ) -> None:
        self._total = total
        self._deadline = Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=certificates or _certificates(),
            max_connections=AT_ONCE,
            keepalive_expiry=5.0,
            network_backend=CheckedBackend(resolve, self._deadline),
        )

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Never raises for what the receiver or the network does."""
        started = time.monotonic()
        self._deadline.at = started + self._total
        outcome = self._attempt(url, headers, body)
        seconds = round(time.monotonic() - started, 3)
        return Outcome(
            status=outcome.status,
            problem=outcome.problem,
            answer=outcome.answer,
            seconds=seconds,
            retry_after=outcome.retry_after,
        )

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> "WebhookClient":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _attempt(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:  # written past our own checks
            return Outcome(problem=Problem.UNKNOWN_HOST)
        if parsed.scheme == "http" and settings.WEBHOOKS_REQUIRE_HTTPS:
            return Outcome(problem=Problem.HTTPS_REQUIRED)
        target = httpcore.URL(
            scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
        )
        sent = {
            "host": parsed.netloc.decode(),
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": settings.WEBHOOKS_USER_AGENT,
            **headers,
        }
        limits = {"connect": CONNECT, "pool": self._total}  # the deadline ends reading and writing
        try:
            with self._pool.stream(
                "POST", target, headers=list(sent.items()), content=body, extensions={"timeout": limits}
            ) as response:
                return _outcome(response)
        except PrivateAddress:
            return Outcome(problem=Problem.PRIVATE_ADDRESS)
        except UnknownHost:
            return Outcome(problem=Problem.UNKNOWN_HOST)
        except httpcore.TimeoutException:
            return Outcome(problem=Problem.TIMEOUT)
        except httpcore.ProtocolError:
            return Outcome(problem=Problem.BROKEN_ANSWER)
        except NoTls:
            return Outcome(problem=Problem.TLS)
        except (httpcore.NetworkError, httpcore.ConnectionNotAvailable, OSError):
            return Outcome(problem=Problem.CONNECTION)


def _outcome(response: httpcore.Response) -> Outcome:
    """What was answered. A message that was taken is delivered even where the rest of the answer does not come."""
    status = response.status
    problem = ""
    if 300 <= status < 400:
        problem = Problem.REDIRECT
    elif not 200 <= status < 300:
        problem = Problem.REFUSED
    read = b""
    try:
        for part in response.iter_stream():
            read += part
            if len(read) >= ANSWER_BYTES:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        logger.debug("The answer broke off after %d bytes.", len(read))
    answer = storable_text(read[:ANSWER_BYTES].decode("utf-8", "replace"))[:ANSWER_KEPT]
    return Outcome(status=status, problem=problem, answer=answer, retry_after=_retry_after(response.headers))


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Seconds, where the answer names some; a date is not read: the host's clock would decide what it means."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return min(float(value[:9]), LONGEST_RETRY_AFTER)
    return None


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once for all endpoints of the process."""
    return httpx.create_ssl_context()
