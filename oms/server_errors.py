"""What the web server answers by itself, since it could not read the request: in the form of every other error."""

import json
from socket import socket

from gunicorn import util

# status: the code and the sentence. The server's own words repeat what was sent.
ANSWERS = {
    400: ("bad_request", "The request is not valid HTTP. It was not read any further, and nothing was changed."),
    403: ("permission_denied", "The server does not accept requests that come this way."),
    408: ("request_timeout", "The request did not arrive in time. It was not read, and nothing was changed."),
    414: ("uri_too_long", "The address is longer than 8190 characters. Ask for less at once, or in several requests."),
    417: ("expectation_failed", "The server does not know what the header Expect asks for. Leave it out."),
    431: ("headers_too_large", "The headers are too many, or one is longer than 8190 characters."),
    500: ("internal", "The web server made a mistake; its log has the details. Whether your change was stored is not "
          "known: look before you repeat it."),
    503: ("busy", "The server has too many large requests to read at once. This one was not read, and nothing was "
          "changed; send it again in a minute."),
    501: ("not_implemented", "The server does not know this Transfer-Encoding. Send chunked, or a Content-Length."),
}  # fmt: skip


def write_error(sock: socket, status_int: int, reason: str, mesg: str) -> None:  # noqa: ARG001
    """In place of gunicorn.util.write_error, with its parameters: JSON instead of HTML."""
    code, detail = ANSWERS.get(status_int, ANSWERS[400])
    body = json.dumps({"code": code, "detail": detail}).encode()
    head = (
        f"HTTP/1.1 {status_int} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        "Cache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)
