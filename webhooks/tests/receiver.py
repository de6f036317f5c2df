"""A receiver of webhooks: an HTTP server that checks signatures with the reference library and does as it is told."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

Answer = tuple[int, dict[str, str], bytes]
OK: Answer = (200, {}, b"thanks")


class Message(dict[str, Any]):
    """What arrived: the parsed body; `id` and `headers` of its request."""

    id: str
    headers: dict[str, str]


class Receiver:
    """`answer` is asked for each message; those that it answered 2xx are in `taken`, in order, all of them in `met`."""

    def __init__(self, secret: str = "", certificates: ssl.SSLContext | None = None) -> None:
        self.secret = secret
        self.answer: Callable[[Message], Answer | None] = lambda _message: OK
        self.met: list[Message] = []
        self.taken: list[Message] = []
        self.unsigned = 0
        self.connections = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if certificates is not None:
            self._server.socket = certificates.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._scheme = "https" if certificates else "http"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}/hook?shop=1"

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def hear(self, headers: dict[str, str], body: bytes) -> Answer | None:
        message = Message(json.loads(body))
        message.headers = headers
        message.id = headers["webhook-id"]
        if self.secret:
            Webhook(self.secret).verify(body, headers)  # raises
        with self._lock:
            self.met.append(message)
        answer = self.answer(message)
        if answer is not None and 200 <= answer[0] < 300:
            with self._lock:
                self.taken.append(message)
        return answer


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:  # the sender died over it
                self.close_connection = True
                return
            try:
                answer = receiver.hear({name.lower(): value for name, value in self.headers.items()}, body)
            except Exception:  # noqa: BLE001  the test sees it in `unsigned`
                receiver.unsigned += 1
                answer = (400, {}, b"not signed")
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in ({"content-length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            receiver.met.append(Message({"GET": self.path}))
            self.send_error(404)

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


class Raw:
    """A server that writes what it is told, piece by piece, to whoever connects: answers that no library makes."""

    def __init__(self, pieces: Callable[[], Any]) -> None:
        self._pieces = pieces
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.connections = 0
        self.sent = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Any) -> None:
        with connection:
            try:
                connection.recv(65536)
                for piece in self._pieces():
                    connection.sendall(piece)
                    self.sent += len(piece)
                # Closed with something unread, a connection is reset, and takes the answer with it.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                return

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)  # ends `accept` too
        self._server.close()


def drip(pieces: list[bytes], pause: float) -> Any:
    for piece in pieces:
        yield piece
        time.sleep(pause)
