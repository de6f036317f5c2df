"""HTTP, and nothing about Amazon: requests in, answers out, over a socket that can be made to misbehave."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

TOKEN_PATH = "/auth/o2/token"
_PIECES = 20  # of a body that trickles


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; header names are lower case, `query` is still encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What the server remembers of a request: `params` decoded; `status` 0 when the socket was reset at once."""

    operation: str
    path: str
    params: dict[str, str]
    status: int


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer made beforehand.

    headers   replace or add to the usual ones
    cut       send only that many bytes of the body under its full Content-Length, then close
    delay     seconds to wait before anything is sent
    trickle   seconds over which the body is sent, in small pieces
    reset     reset the connection: without an answer, or after `cut` bytes of the body
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0.0
    trickle: float = 0.0
    reset: bool = False

    @classmethod
    def json(cls, status: int, document: Any, headers: Mapping[str, str] | None = None) -> Canned:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        body = text.encode(errors="backslashreplace")  # half of a surrogate pair has no bytes of its own
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})


class HttpServer(ABC):
    """A server on 127.0.0.1, on threads of its own from `start` to `close`, or within a `with` block."""

    def __init__(self, port: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        self.requests: list[RecordedRequest] = []
        self.closing = threading.Event()
        self._port = port
        self._record_lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def route(self, request: Request) -> tuple[str, dict[str, str]]:
        """The operation that a request means ("unknown" if none) and its decoded parameters."""

    @abstractmethod
    def respond(self, operation: str, params: dict[str, str], request: Request) -> Canned:
        """The answer to a request that `route` has understood."""

    def now_stamp(self) -> float:
        """Seconds since 1970, as the header Date tells them."""
        return time.time()

    @property
    def endpoint(self) -> str:
        if self._server is None:
            raise RuntimeError("The server is not running: use it in a with block, or call start().")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def lwa_endpoint(self) -> str:
        return self.endpoint + TOKEN_PATH

    def start(self) -> Self:
        self.closing.clear()
        self._server = _Server(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="simulator", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening and hang up on everybody; waits until all threads are done."""
        if self._server is None or self._thread is None:
            return
        self.closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def answer(self, request: Request) -> Canned:
        """Route, respond, record."""
        operation, params = self.route(request)
        canned = self.respond(operation, params, request)
        status = 0 if canned.reset and canned.cut is None else canned.status
        with self._record_lock:
            self.calls[operation] += 1
            self.requests.append(RecordedRequest(operation, request.path, params, status))
        kind = "text/html" if canned.body.lstrip()[:1] == b"<" else "application/json"
        defaults = {"Content-Type": kind, "x-amzn-RequestId": str(uuid.uuid4())}
        return replace(canned, headers=_merge(defaults, canned.headers))


def _merge(defaults: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    """`headers`, plus those defaults that are not among them in any spelling."""
    given = {name.lower() for name in headers}
    return {**{name: value for name, value in defaults.items() if name.lower() not in given}, **headers}


class _Server(ThreadingHTTPServer):
    # Not daemons: server_close() then joins them, and nothing is left behind when a test ends.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], http_server: HttpServer) -> None:
        self.http_server = http_server
        self._open: set[socket.socket] = set()
        self._aborted: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
            aborted = request in self._aborted
            self._aborted.discard(request)
        if aborted:
            self.close_request(request)  # without the shutdown, which would end it in good order
        else:
            super().shutdown_request(request)

    def abort(self, connection: socket.socket) -> None:
        """When it ends, this connection is reset: lingering for 0 seconds turns the close into a RST."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self._open_lock:
            self._aborted.add(connection)

    def hang_up(self) -> None:
        """End the connections that clients keep alive, so that their threads end."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was quicker

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that hang up are part of the game; anything else deserves its traceback.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: an answer leaves as one write
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(
            self.server.http_server.answer(Request(self.command, parts.path, parts.query, headers, body))
        )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def _send(self, canned: Canned) -> None:
        if canned.delay:
            self.server.http_server.closing.wait(canned.delay)
        if canned.reset:
            self.close_connection = True
            self.server.abort(self.connection)
            if canned.cut is None:
                return
        self.send_response_only(canned.status)
        if not any(name.lower() == "date" for name in canned.headers):
            self.send_header("Date", self.date_time_string(self.server.http_server.now_stamp()))
        for name, value in canned.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(canned.body)))
        if canned.cut is not None:
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(canned.body[: canned.cut], canned.trickle)

    def _send_body(self, body: bytes, trickle: float) -> None:
        if not trickle:
            self.wfile.write(body)
            return
        size = max(1, -(-len(body) // _PIECES))
        for start in range(0, len(body), size):
            self.wfile.flush()
            self.server.http_server.closing.wait(trickle / _PIECES)
            self.wfile.write(body[start : start + size])

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: `requests` is the log."""
