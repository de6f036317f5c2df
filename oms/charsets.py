"""A request says in `Content-Type` in which character set it is written, and Django reads its address and body in that.

Python knows "character sets" that are none (base64, rot13), and some that make half a surrogate pair out of plain
letters (unicode_escape, utf-7), which no database stores. With the former, Django fails before any middleware.
"""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

READ = (
    "utf-8",
    "ascii",
    "iso8859-1",
    "cp1252",
)  # as https://docs.python.org/3/library/codecs.html calls them
REFUSAL = {"code": "unsupported_charset", "detail": "Write the request in UTF-8. Nothing was done."}


class RefusesOddCharsets:
    """WSGI middleware: answers 415 to requests in other character sets."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_read(environ.get("CONTENT_TYPE", "")):
            return self._application(environ, start_response)
        start_response("415 Unsupported Media Type", [("Content-Type", "application/json")])
        return [json.dumps(REFUSAL).encode()]


def is_read(content_type: str) -> bool:
    """Whether it names no character set, or one of READ."""
    _kind, parameters = parse_header_parameters(content_type)
    try:
        return codecs.lookup(parameters.get("charset") or "utf-8").name in READ
    except LookupError:  # which Django would pass over, and read as UTF-8
        return False
