"""Answers to HEAD: their headers alone.

Django leaves the body in and relies on the server to drop it. gunicorn does, with a warning each time: a
line of log for every probe of a monitor that asks with HEAD. https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class SendsHeadsAlone:
    """WSGI middleware: drops the body of an answer to HEAD. Its headers, Content-Length among them, stay."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = self._application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):  # by which Django learns that the request is over
            body.close()
        return ()
