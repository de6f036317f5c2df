"""Bodies that come in chunks (Transfer-Encoding: chunked), as some clients and proxies send them: without a length.

WSGI knows no such bodies, and Django reads as many bytes as Content-Length says: none. It would take a PUT for empty,
and a sync of one platform for a sync of all. https://code.djangoproject.com/ticket/35838
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

TOO_LARGE = "oms.body_too_large"


class ReadsChunkedBodies:
    """WSGI middleware: reads such a body to its end, and says its length, where the server decodes chunks.

    One that is longer than DATA_UPLOAD_MAX_MEMORY_SIZE is read no further, and marked as `TOO_LARGE`.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # The flag says that wsgi.input ends where the body does: gunicorn's does, wsgiref's (runserver) does not.
        if "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated"):
            limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            body = environ["wsgi.input"].read(limit + 1)
            environ[TOO_LARGE] = len(body) > limit
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
        return self._application(environ, start_response)
