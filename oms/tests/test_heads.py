"""HEAD is answered as GET is, without a body."""

from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from oms.wsgi import application


def ask(method: str) -> tuple[str, dict[str, str], bytes]:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": "/healthz", "HTTP_HOST": "testserver"}
    setup_testing_defaults(environ)
    begun: list[Any] = []
    parts = application(environ, lambda *begin: begun.append(begin))  # type: ignore[arg-type]
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    status, headers = begun[0][:2]
    return status, dict(headers), body


@pytest.mark.once
@pytest.mark.django_db
def test_an_answer_to_head_has_the_length_and_no_body() -> None:
    _status, _headers, body = ask("GET")
    status, headers, nothing = ask("HEAD")
    assert body
    assert (status, headers["Content-Length"], nothing) == ("200 OK", str(len(body)), b"")
