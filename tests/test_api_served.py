"""The REST API over a real gunicorn, started as docs/operations.md says: what only the server and the wire can show."""

from __future__ import annotations

import gzip
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from installation import free_port
from test_production import documented

from integrations.tests.processes import Installation, installed, until

pytestmark = pytest.mark.own_database

NAMED = ("Content-Type: application/json", "Content-Length: 15")
LARGEST = 2_621_440  # MAX_BODY_BYTES, as it comes


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["content-type"].startswith("application/json"), self.body
        assert set(self.json) >= {"code", "detail"}
        return str(self.json["code"])


class Served:
    """An empty installation behind gunicorn, and a client that sends every byte itself."""

    def __init__(self, oms: Installation) -> None:
        oms.environment |= {"REQUIRE_HTTPS": "off", "ALLOWED_HOSTS": "127.0.0.1"}
        assert oms.run("create_first_admin")[0] == 0
        status, out, err = oms.run("create_api_token", "admin")
        assert status == 0, err
        self.oms, self.token, self._port = oms, out.strip(), free_port()
        command = [each.replace(":8000", f":{self._port}") for each in documented("oms-web")[1:]]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        oms.start_command(sys.executable, *command, **silent)
        until(self._listens, "the web process")

    def send(self, data: bytes) -> Answer:
        """What is answered to these bytes."""
        with self.connected() as connection:
            connection.sendall(data)
            answer = b""
            while piece := connection.recv(65_536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(body.split(b"\r\n")[1::2])
        return Answer(int(first.split()[1]), headers, body)

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=60)

    def ask(self, method: str, address: str, *headers: str, body: bytes = b"") -> Answer:
        return self.send(self.head(method, address, *headers) + body)

    def head(self, method: str, address: str, *headers: str) -> bytes:
        lines = [
            f"{method} {address} HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: close",
            f"Authorization: Bearer {self.token}",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def chunked(self, method: str, address: str, body: bytes, *headers: str) -> Answer:
        """With the body in chunks of up to 1000 bytes, and no Content-Length."""
        pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)]
        sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        as_json = ("Content-Type: application/json", "Transfer-Encoding: chunked", *headers)
        return self.ask(method, address, *as_json, body=sent)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with installed(tmp_path_factory.mktemp("api")) as oms:
        yield Served(oms)


def test_it_stores_what_comes_in_chunks(served: Served) -> None:
    answer = served.chunked("PUT", "/platforms/1", json.dumps({"display_name": "x" * 120}).encode())
    assert (answer.status, answer.json["display_name"]) == (200, "x" * 120)
    assert served.ask("GET", "/platforms/1").json["display_name"] == "x" * 120


def test_it_starts_no_more_than_a_chunked_body_asks_for(served: Served) -> None:
    answer = served.chunked("POST", "/orders/sync", b'{"platform_name": "nowhere"}')
    assert (answer.status, answer.code) == (404, "not_found")
    assert served.ask("GET", "/sync-logs").json["results"] == []


@pytest.mark.parametrize(
    "broken", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}XX0\r\n\r\n", b"2;=\r\n{}\r\n0\r\n\r\n"]
)
def test_it_refuses_chunks_that_are_none(served: Served, broken: bytes) -> None:
    as_json = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    answer = served.ask("PUT", "/platforms/1", *as_json, body=broken)
    assert (answer.status, answer.code) == (400, "bad_request")


def test_it_refuses_a_body_over_the_limit_however_it_is_sent(served: Served) -> None:
    large = json.dumps({"display_name": "x" * LARGEST}).encode()
    headers = ("Content-Type: application/json", f"Content-Length: {len(large)}")
    for answer in (
        served.ask("PUT", "/platforms/1", *headers, body=large),
        served.chunked("PUT", "/platforms/1", large),
    ):
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert "2,621,440 bytes" in answer.json["detail"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"GET /orders?search=" + b"x" * 9000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414, "uri_too_long"),
        (b"GET /orders HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n", 400, "bad_request"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"PUT /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n", 400, "bad_request"),
        (b"PUT /orders HTTP/1.1\r\nTransfer-Encoding: nonsense\r\n\r\n", 501, "not_implemented"),
    ],
)  # fmt: skip
def test_it_answers_what_the_server_refuses_like_everything_else(
    served: Served, data: bytes, status: int, code: str
) -> None:
    answer = served.send(data)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-length"] == str(len(answer.body))


def test_half_sent_requests_take_no_thread_and_a_header_is_no_tls(served: Served) -> None:
    begun = (
        b"",
        b"GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"PUT /platforms/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{",
        b"PUT /platforms/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n{",
    )
    with ExitStack() as stack:
        for data in begun * 12:  # three times as many as there are threads
            stack.enter_context(served.connected()).sendall(data)
        assert served.ask("POST", "/platforms", *NAMED, body=b'{"name": "two"}').status == 201
        page = served.ask("GET", "/platforms?page_size=1", "X-Forwarded-Proto: https", "X-Forwarded-Ssl: on")
        assert page.json["next"].startswith("http://127.0.0.1")
        connection = stack.enter_context(served.connected())
        body = b'{"display_name": "late"}'
        connection.sendall(
            served.head(
                "PUT",
                "/platforms/1",
                f"Content-Length: {len(body)}",
                "Expect: 100-continue",
                "Content-Type: application/json",
            )
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for byte in body:
            connection.sendall(bytes([byte]))
        assert b'"late"' in b"".join(iter(lambda: connection.recv(65_536), b""))


def test_it_answers_requests_that_come_together_in_their_order(served: Served) -> None:
    with served.connected() as connection:
        ask = b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n"
        connection.sendall(ask % (b"healthz", b"") + ask % (b"nowhere", b"Connection: close\r\n"))
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"404"]


def test_it_takes_addresses_of_eight_thousand_characters(served: Served) -> None:
    assert served.ask("GET", "/orders?search=" + "x" * 8000).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("address", ["/orders/1/nothing", "/nowhere"])
def test_it_says_of_any_method_that_there_is_no_such_address(
    served: Served, method: str, address: str
) -> None:
    answer = served.ask(method, address, "Content-Length: 0")
    assert answer.status == 404
    if method != "HEAD":
        assert answer.code == "not_found"


def test_of_several_at_once_with_one_key_one_is_done(served: Served) -> None:
    body = b'{"name": "once"}'
    headers = (
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324",
    )
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(served.ask, "POST", "/platforms", *headers, body=body) for _each in range(16)]
        answers = [each.result() for each in asked]
    made = [answer for answer in answers if answer.status == 201]
    assert [answer.headers.get("idempotent-replayed", "") for answer in made].count("") == 1
    assert {answer.body for answer in made} == {made[0].body}
    assert {answer.code for answer in answers if answer.status != 201} <= {"idempotency_key_in_use"}
    assert served.oms.sql("SELECT COUNT(*) AS n FROM platforms WHERE name = 'once'") == [{"n": 1}]


def test_it_compresses_and_sends_nothing_again_that_is_unchanged(served: Served) -> None:
    packed = served.ask("GET", "/schema?format=json", "Accept-Encoding: gzip", "Accept: application/json")
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body))["info"]["title"] == "OMS"
    first = served.ask("GET", "/sync-logs")
    again = served.ask("GET", "/sync-logs", f"If-None-Match: {first.headers['etag']}")
    assert (again.status, again.body) == (304, b"")
