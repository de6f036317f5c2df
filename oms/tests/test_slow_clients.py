"""What becomes of clients that send or read slowly, over real sockets, with seconds made short: the worker that
gunicorn.conf.py names, in a thread of the test. tests/test_api_served.py has the rest, over the whole server."""

import hashlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from gunicorn import util
from gunicorn.config import Config
from gunicorn.glogging import Logger

from integrations.tests.processes import PATIENCE
from oms import slow_clients
from oms.server_errors import write_error

LARGE = b"x" * 900_000  # more than the kernel takes here, and less than the worker keeps
HEAD = b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
THREADS = 2


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    size = int(environ["PATH_INFO"].strip("/") or 0)
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(size))])
    return [b"x" * size]


class Server:
    """Is left once it has ended, with nothing kept."""

    def __init__(self) -> None:
        config = Config()
        config.set("threads", THREADS)
        config.set("graceful_timeout", 1)
        config.set("keepalive", 1)
        self._listener = socket.create_server(("127.0.0.1", 0))
        # The kernel would take megabytes for a client on the same machine, and hide what is tested.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        self.port = self._listener.getsockname()[1]
        self.worker = slow_clients.Worker(1, os.getppid(), [self._listener], None, 30, config, Logger(config))
        self.worker.wsgi, self.worker.tpool = application, self.worker.get_thread_pool()
        self.worker.poller = selectors.DefaultSelector()
        self.worker.method_queue.init()
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_error: object) -> None:
        self.worker.handle_exit(0, None)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        for connection in self.worker._lingering:  # whose end the process does not wait for
            connection.sock.close()
        self.worker.tmp.close()

    def connect(self, *sent: bytes, receive_buffer: int = 0) -> socket.socket:
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", self.port))
        for piece in sent:
            client.sendall(piece)
        return client

    def answer(self, *sent: bytes) -> bytes:
        with self.connect(*sent) as client:
            return rest_of(client)


def rest_of(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65_536), b""))


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(size: int, *, keep: bool = False) -> bytes:
    return HEAD % str(size).encode() + (b"\r\n" if keep else b"Connection: close\r\n\r\n")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(util, "write_error", write_error)  # as gunicorn.conf.py has it
    # As long as the tests wait: on a busy machine, a request may arrive late that is meant to arrive.
    monkeypatch.setattr(slow_clients, "HEAD_SECONDS", float(PATIENCE))
    monkeypatch.setattr(slow_clients, "REQUEST_SECONDS", float(PATIENCE))
    with Server() as started:
        yield started


@pytest.fixture
def impatient(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(slow_clients, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(slow_clients, "REQUEST_SECONDS", 2.0)
    return server


@pytest.mark.parametrize(
    "begun",
    [
        HEAD % b"0",
        HEAD % b"0" + b"Content-Length: 9\r\n\r\n{",
        HEAD % b"0" + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{",
    ],
    ids=["head", "body", "chunks"],
)  # fmt: skip
def test_a_request_that_does_not_arrive_in_time_is_answered_408(impatient: Server, begun: bytes) -> None:
    answer = impatient.answer(begun)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"code": "request_timeout"' in answer


def test_who_sends_nothing_gets_no_answer(impatient: Server) -> None:
    assert impatient.answer() == b""


def test_a_head_without_end_is_answered_431(server: Server) -> None:
    line = b"X: " + b"x" * 8000 + b"\r\n"
    answer = server.answer(HEAD % b"0", *[line] * (slow_clients.HEAD_BYTES // len(line) + 1))
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code": "headers_too_large"' in answer


def test_of_too_many_large_requests_the_oldest_is_answered_503(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "COLLECTED_BYTES", 100_000)
    half = HEAD % b"0" + b"Content-Length: 60001\r\nConnection: close\r\n\r\n", b"x" * 60_000
    with server.connect(*half) as oldest:
        until(lambda: sum(server.worker._sizes.values()) == len(b"".join(half)))  # the other is read after it
        with server.connect(*half) as newer:
            refused = rest_of(oldest)
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b'"code": "busy"' in refused
            newer.sendall(b"x")
            assert rest_of(newer).startswith(b"HTTP/1.1 200 ")


def test_who_reads_slowly_keeps_no_thread(server: Server) -> None:
    """Three times as many as there are threads; and each gets all of its answer in the end."""
    with ExitStack() as stack:
        slow = [
            stack.enter_context(server.connect(ask(len(LARGE)), receive_buffer=4096))
            for _each in range(3 * THREADS)
        ]
        assert server.answer(ask(5)).endswith(b"\r\n\r\nxxxxx")
        assert server.worker.store._bytes > 0
        for client in slow:
            assert rest_of(client).endswith(b"\r\n\r\n" + LARGE)
    assert server.worker.store._bytes == 0


def test_the_next_request_of_a_slow_reader_is_answered_after_it(server: Server) -> None:
    with server.connect(ask(len(LARGE), keep=True), receive_buffer=4096) as client:
        client.sendall(ask(3))
        answers = rest_of(client)
    first, second = answers.split(b"HTTP/1.1 200 OK")[1:]
    assert (first.count(b"x"), second.endswith(b"\r\n\r\nxxx")) == (len(LARGE), True)


def test_a_longer_answer_is_sent_whole_by_its_thread(server: Server) -> None:
    size = 4 * slow_clients.KEPT_BYTES
    with server.connect(ask(size), receive_buffer=4096) as client:
        time.sleep(0.2)
        body = rest_of(client).partition(b"\r\n\r\n")[2]
    assert hashlib.sha256(body).digest() == hashlib.sha256(b"x" * size).digest()


def test_who_takes_nothing_is_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "THREAD_SECONDS", 0.5)
    with server.connect(ask(len(LARGE)), receive_buffer=4096) as client:
        client.recv(1)
        until(lambda: not server.worker.nr_conns)
        taken = 0
        with suppress(ConnectionResetError):
            taken = len(rest_of(client))
        assert taken < len(LARGE)
    assert server.worker.store._bytes == 0


def test_who_goes_away_leaves_nothing_behind(server: Server) -> None:
    with server.connect(ask(len(LARGE)), receive_buffer=4096) as client:
        client.recv(100)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    until(lambda: not (server.worker.store._bytes or server.worker.nr_conns))
    assert server.answer(ask(2)).endswith(b"xx")
