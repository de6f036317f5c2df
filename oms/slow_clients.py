"""The worker class of gunicorn (gunicorn.conf.py): a thread is taken for a request once the whole of it has arrived,
and is free again once the answer is made.

gunicorn's own takes one at the first byte, and so many clients that send half a request, or a byte a minute, stop the
server. Here the loop that waits for connections collects each request, head and body, and closes those that are too
slow or that take too much memory. A body that is longer than OMS takes is not collected: it is refused unread.

What a client does not take at once of its answer is kept, up to KEPT_BYTES, and sent by the same loop. A longer
answer, such as an export, keeps its thread until no more than that is left.
"""

import re
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_SECONDS = 15.0  # from the first wait for a request to the end of its head
REQUEST_SECONDS = 60.0  # to the end of its body
# A read or write of a thread, and of the loop: a client that takes nothing of its answer for so long has gone.
THREAD_SECONDS = 60.0
LINGER_SECONDS = 2.0  # what a client still sends is read for so long, so that it gets to read the answer
LINGER_BYTES = 65_536
MOST_LINGERING = 256
HEAD_BYTES = 131_072
BODY_BYTES = 2_621_440  # overwritten by gunicorn.conf.py with MAX_BODY_BYTES
COLLECTED_BYTES = 67_108_864  # of all requests of a process together
KEPT_BYTES = 1_048_576  # of an answer
ALL_KEPT_BYTES = 67_108_864  # of all answers of a process together
PIECE = 65_536

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
CHUNK_SIZE = re.compile(rb"([0-9a-f]{1,8})[^\r\n]{0,256}\r\n", re.IGNORECASE)
TOO_SLOW, TOO_MUCH, HEAD_TOO_LARGE = (
    (408, "Request Timeout"),
    (503, "Service Unavailable"),
    (431, "Headers Too Large"),
)

NOTHING_TAKEN = "A client took nothing of its answer for %.0f seconds; it was closed."


class Store:
    """How many bytes of answers a process keeps."""

    def __init__(self) -> None:
        self._bytes = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether there is room for so many more; they are counted then."""
        with self._lock:
            fits = self._bytes + size <= ALL_KEPT_BYTES
            self._bytes += size if fits else 0
        return fits

    def give_back(self, size: int) -> None:
        with self._lock:
            self._bytes -= size


class CollectedSocket(socket.socket):
    """Gives what was collected before it reads anew. Where gunicorn asks it to block, it waits THREAD_SECONDS.

    `unsent`: what of the answer the client has not taken yet; a thread adds to it, and the loop sends it afterwards.
    """

    collected = memoryview(b"")
    store: Store

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.unsent = bytearray()

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Of a thread: send what the client takes now, and keep the rest, or wait where that is too much."""
        if self.gettimeout() == 0.0:
            super().sendall(data, flags)
            return
        rest = memoryview(data)[0 if self.unsent else self._send_now(data) :]
        if not rest:
            return
        if len(self.unsent) + len(rest) <= KEPT_BYTES and self.store.take(len(rest)):
            self.unsent += rest
            return
        try:
            self._send_in_pieces(self.unsent)
            self._send_in_pieces(rest)
        finally:
            self.forget_unsent()

    def _send_now(self, data: Any) -> int:
        """How many bytes the client took without waiting."""
        self.settimeout(0.0)
        try:
            return self.send(data)
        except BlockingIOError:
            return 0
        finally:
            self.settimeout(THREAD_SECONDS)

    def _send_in_pieces(self, data: bytearray | memoryview) -> None:
        """Each in THREAD_SECONDS: the time of `sendall` is for all of it."""
        with memoryview(data) as view:
            for start in range(0, len(view), PIECE):
                super().sendall(view[start : start + PIECE])

    def send_unsent(self) -> None:
        """What the client takes now. Raises BlockingIOError, and OSError where it has gone."""
        sent = self.send(self.unsent[:PIECE])
        del self.unsent[:sent]
        self.store.give_back(sent)

    def forget_unsent(self) -> None:
        self.store.give_back(len(self.unsent))
        self.unsent.clear()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        if count is not None and count <= KEPT_BYTES:
            file.seek(offset)
            self.sendall(file.read(count))
            return count
        try:
            self._send_in_pieces(self.unsent)
        finally:
            self.forget_unsent()
        return super().sendfile(file, offset, count)

    def setblocking(self, flag: bool, /) -> None:
        self.settimeout(THREAD_SECONDS if flag else 0.0)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if not self.collected:
            return super().recv(size, flags)
        piece, self.collected = self.collected[:size], self.collected[size:]
        return bytes(piece)

    def take(self) -> bytes:
        """What was collected and not read."""
        data, self.collected = bytes(self.collected), memoryview(b"")
        return data


class Arriving:
    """A request of which not all has arrived yet. `is_complete` also where it is refused without the rest."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.began = time.monotonic()
        self.head_end = 0  # 0: not known yet
        self.body_end: int | None = None  # None: in chunks
        self._next_chunk = 0
        self.continues = False  # whether the client waits for "100 Continue"

    @property
    def deadline(self) -> float:
        return self.began + (REQUEST_SECONDS if self.head_end else HEAD_SECONDS)

    def is_complete(self) -> bool:
        if not self.head_end and not self._find_head():
            return False
        if self.body_end is not None:
            return len(self.data) >= self.body_end
        return self._has_last_chunk()

    def _find_head(self) -> bool:
        begin = len(self.data) - len(self.data.lstrip(b"\r\n"))
        end = self.data.find(b"\r\n\r\n", begin)
        if end < 0:
            return False
        self.head_end = self._next_chunk = end + 4
        head = bytes(self.data[begin : self.head_end])
        length = LENGTH.search(head)
        if length is None and CHUNKED.search(head):
            self.continues = bool(EXPECTS.search(head))
            return True
        body = int(length[1]) if length else 0
        if body > BODY_BYTES:
            body = 0
        self.continues = bool(body and EXPECTS.search(head))
        self.body_end = self.head_end + body
        return True

    def _has_last_chunk(self) -> bool:
        """Also where the chunks are none, or too many: the thread that reads them refuses them."""
        while len(self.data) - self.head_end <= BODY_BYTES:
            size = CHUNK_SIZE.match(self.data, self._next_chunk)
            if size is None:
                return b"\n" in self.data[self._next_chunk :] or len(self.data) - self._next_chunk > PIECE
            if not int(size[1], 16):
                return self.data.find(b"\r\n\r\n", size.end() - 2) >= 0
            end = size.end() + int(size[1], 16) + 2
            if len(self.data) < end:
                return False
            self._next_chunk = end
        return True


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no annotations
    def __init__(self, worker: "Worker", client: socket.socket, *rest: Any) -> None:
        super().__init__(worker.cfg, CollectedSocket(fileno=client.detach()), *rest)
        self.sock.store = worker.store
        self._worker = worker

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self._worker.linger(self)
        else:
            util.close(self.sock)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no annotations
    """With threads, as gunicorn's. TLS and HTTP/2 are a proxy's work: neither is spoken here."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arriving: dict[Connection, Arriving] = {}
        self._sizes: dict[Connection, int] = {}  # of what is collected, until it is answered
        self._lingering: dict[Connection, tuple[float, int]] = {}
        self.store = Store()
        self._leaving: dict[
            Connection, tuple[float, Future[Any]]
        ] = {}  # with answers that are made, and not sent yet
        self._swept = 0.0

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self, client, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Collect a request of this connection, and give it to a thread then."""
        conn.sock.setblocking(False)
        conn.data_ready = True
        read_ahead = conn.sock.take()
        if conn.parser is not None:
            read_ahead = conn.parser.unreader.take_buffered() + read_ahead
        self._arriving[conn] = Arriving(read_ahead)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read, conn))
        if not self._hand_over(conn):
            self._read(conn)

    def _read(self, conn: Connection, _socket: object = None) -> None:
        request = self._arriving[conn]
        try:
            piece = conn.sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._drop(conn)
            return
        request.data += piece
        self._sizes[conn] = len(request.data)
        if self._hand_over(conn):
            return
        if not request.head_end and len(request.data) > HEAD_BYTES:
            self._drop(conn, HEAD_TOO_LARGE)
        elif sum(self._sizes.values()) > COLLECTED_BYTES:
            self._drop(next(iter(self._arriving)), TOO_MUCH)

    def _hand_over(self, conn: Connection) -> bool:
        """To a thread, where the request is complete."""
        request = self._arriving[conn]
        if not request.is_complete():
            if request.continues:
                request.continues = False
                util.write_nonblock(conn.sock, b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        self._forget(conn)
        conn.sock.collected = memoryview(bytes(request.data))
        super().enqueue_req(conn)
        return True

    def _forget(self, conn: Connection) -> None:
        del self._arriving[conn]
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection, refusal: tuple[int, str] | None = None) -> None:
        """Close it, with an answer where it has begun a request."""
        began = bool(self._arriving[conn].data)
        self._forget(conn)
        self._sizes.pop(conn, None)
        self.nr_conns -= 1
        if refusal and began:
            util.write_error(conn.sock, *refusal, "")
            self.linger(conn)
        else:
            conn.close()

    def handle_request(self, req: Any, conn: Connection) -> bool:
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError:
            self.log.info(NOTHING_TAKEN, THREAD_SECONDS)
            return False

    def finish_request(self, conn: Connection, future: "Future[Any]") -> None:
        """The thread is done with it. What the client has not taken yet is sent first."""
        self._sizes.pop(conn, None)
        if conn.sock.unsent and conn.sock.fileno() >= 0:
            conn.sock.setblocking(False)
            self._leaving[conn] = time.monotonic() + THREAD_SECONDS, future
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._send, conn))
            return
        conn.sock.forget_unsent()  # it broke off
        self._finish(conn, future)

    def _send(self, conn: Connection, _socket: object = None) -> None:
        try:
            conn.sock.send_unsent()
        except BlockingIOError:
            return
        except OSError:
            self._abandon(conn)
            return
        _until, future = self._leaving[conn]
        self._leaving[conn] = time.monotonic() + THREAD_SECONDS, future
        if not conn.sock.unsent:
            del self._leaving[conn]
            self.poller.unregister(conn.sock)
            self._finish(conn, future)

    def _abandon(self, conn: Connection) -> None:
        del self._leaving[conn]
        self.poller.unregister(conn.sock)
        conn.sock.forget_unsent()
        self.nr_conns -= 1
        util.close(conn.sock)

    def _finish(self, conn: Connection, future: "Future[Any]") -> None:
        if conn.parser is not None and conn.sock.collected:
            unreader = conn.parser.unreader
            unreader.unread(unreader.take_buffered() + conn.sock.take())  # the beginning of the next request
        super().finish_request(conn, future)

    def linger(self, conn: Connection) -> None:
        """Close it once the client has, or after a while. gunicorn's own waits in the loop that serves all."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            if len(self._lingering) >= MOST_LINGERING:
                raise OSError
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError, KeyError):
            util.close(conn.sock)
        else:
            self._lingering[conn] = time.monotonic() + LINGER_SECONDS, 0

    def _drain(self, conn: Connection, _socket: object = None) -> None:
        try:
            read = len(conn.sock.recv(PIECE))
        except BlockingIOError:
            return
        except OSError:
            read = 0
        until, drained = self._lingering[conn]
        self._lingering[conn] = until, drained + read
        if not read or drained + read > LINGER_BYTES:
            self._end(conn)

    def _end(self, conn: Connection) -> None:
        del self._lingering[conn]
        self.poller.unregister(conn.sock)
        util.close(conn.sock)

    def murder_pending(self) -> None:
        """Called after each round of events: close what is too slow."""
        now = time.monotonic()
        if now - self._swept < 0.5:
            return
        self._swept = now
        for conn, request in list(self._arriving.items()):
            if request.deadline <= now or not (self.alive or request.data):
                self._drop(conn, TOO_SLOW)
        for conn, (until, _future) in list(self._leaving.items()):
            if until <= now:
                self._abandon(conn)
                self.log.info(NOTHING_TAKEN, THREAD_SECONDS)
        for conn, (until, _drained) in list(self._lingering.items()):
            if until <= now:
                self._end(conn)
