"""Requests in character sets that are none, through the application as a server calls it."""

from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from oms.wsgi import application

pytestmark = pytest.mark.django_db

FIELD = b'Content-Disposition: form-data; name="name"'
BODIES = {
    "application/json": b'{"name": "\\ud800"}',
    "multipart/form-data; boundary=b": b"--b\r\n" + FIELD + b"\r\n\r\n\\ud800\r\n--b--\r\n",
    "application/x-www-form-urlencoded": b"name=\\ud800",
}


def asked(method: str, path: str, query: str, content_type: str, body: bytes) -> int:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body), "HTTP_HOST": "127.0.0.1",
    }  # fmt: skip
    setup_testing_defaults(environ)
    answers: list[str] = []

    def start_response(status: str, *_headers: Any) -> Any:
        answers.append(status)

    b"".join(application(environ, start_response))
    return int(answers[0].split()[0])


@pytest.mark.parametrize(
    "charset", ["unicode_escape", "raw_unicode_escape", "utf-7", "base64", "undefined", "idna", "no-such-one"]
)
def test_it_refuses_what_is_no_character_set_of_a_text(charset: str) -> None:
    for kind, body in BODIES.items():
        for method, path in (("POST", "/platforms"), ("POST", "/admin/login/"), ("GET", "/orders")):
            assert asked(method, path, "q=\\ud800", f"{kind}; charset={charset}", body) == 415


@pytest.mark.parametrize("charset", ["UTF-8", "latin-1", "us-ascii", '"utf8"', ""])
def test_it_reads_the_usual_ones(charset: str) -> None:
    for kind, body in BODIES.items():
        assert asked("POST", "/platforms", "", f"{kind}; charset={charset}", body) == 401
    assert asked("GET", "/orders", "", "", b"") == 401
