"""What an answer means: every status, with every body that has been seen under it."""

import json
from typing import Any

import httpx
import pytest

from integrations import errors
from integrations.amazon.answers import AccessTokenRefused, judge, judge_token
from integrations.errors import PlatformError

HTML = b"<html><body>oops</body></html>"
ERRORS = json.dumps(
    {"errors": [{"code": "C0de", "message": "The message.", "details": "The details"}]}
).encode()
GATEWAY = b'{"message": "Endpoint request timed out"}'
BODIES = {
    "json": ERRORS,
    "html": HTML,
    "empty": b"",
    "cut": ERRORS[:20],
    "not UTF-8": b'{"errors": "\xff"}',
    "list": b"[1]",
    "string": b'"text"',
    "null": b"null",
    "gateway": GATEWAY,
    "odd errors": b'{"errors": [null, 3]}',
    "deep": b"[" * 100_000,
}
STATUSES: dict[int, tuple[type[PlatformError], str]] = {
    301: (errors.RequestRefused, "refused"),
    400: (errors.RequestRefused, "bad_request"),
    401: (AccessTokenRefused, "token_rejected"),
    403: (errors.AuthorizationError, "forbidden"),
    404: (errors.RequestRefused, "not_found"),
    413: (errors.RequestRefused, "too_large"),
    415: (errors.RequestRefused, "unsupported"),
    418: (errors.RequestRefused, "refused"),
    429: (errors.RateLimited, "rate_limited"),
    500: (errors.TransientError, "unavailable"),
    502: (errors.TransientError, "unavailable"),
    503: (errors.TransientError, "unavailable"),
    504: (errors.TransientError, "unavailable"),
}


def verdict(status: int, body: bytes, **headers: str) -> PlatformError:
    sent = httpx.Headers({"X-Amzn-RequestId": "req-9", **headers})
    with pytest.raises(PlatformError) as raised:
        judge("searchOrders", status, sent, body, ("orders", list))
    assert raised.value.request_id == "req-9"
    assert raised.value.status == status
    return raised.value


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("status", STATUSES)
def test_it_looks_at_the_status_first(status: int, body: bytes) -> None:
    error = verdict(status, body)
    assert (type(error), error.code) == STATUSES[status]


def test_it_repeats_what_amazon_says() -> None:
    assert "HTTP 400: C0de, The message., The details" in str(verdict(400, ERRORS))
    assert "Endpoint request timed out" in str(verdict(504, GATEWAY))


@pytest.mark.parametrize(
    ("message", "kind", "code"),
    [
        ("The access token you provided has expired.", AccessTokenRefused, "token_expired"),
        (
            "The access token you provided is revoked, malformed or invalid.",
            AccessTokenRefused,
            "token_rejected",
        ),
        ("Access to requested resource is denied.", errors.AuthorizationError, "forbidden"),
        ("The application's client secret has expired.", errors.AuthenticationError, "secret_expired"),
    ],
)
@pytest.mark.parametrize("place", ["message", "details"])
def test_it_tells_the_kinds_of_403_apart(
    message: str, kind: type[PlatformError], code: str, place: str
) -> None:
    error = verdict(403, json.dumps({"errors": [{"code": "Unauthorized", place: message}]}).encode())
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    "name", [name for name in BODIES if name not in ("json", "gateway", "odd errors", "not UTF-8")]
)
def test_it_takes_no_broken_body_for_an_empty_success(name: str) -> None:
    error = verdict(200, BODIES[name])
    assert (type(error), error.code) == (errors.TransientError, "broken_answer")


@pytest.mark.parametrize("body", [b"{}", b'{"orders": null}', b'{"orders": {}}', b'{"order": []}', GATEWAY])
def test_it_wants_the_key_and_its_type(body: bytes) -> None:
    assert verdict(200, body).code == "broken_answer"


@pytest.mark.parametrize(
    ("code", "kind"), [("InvalidInput", errors.RequestRefused), ("InternalFailure", errors.TransientError)]
)
def test_it_finds_errors_inside_a_success(code: str, kind: type[PlatformError]) -> None:
    error = verdict(200, json.dumps({"orders": [], "errors": [{"code": code}]}).encode())
    assert (type(error), error.code) == (kind, "error_in_answer")


def test_it_returns_a_success_whole() -> None:
    body = b'{"orders": [], "pagination": {"nextToken": "x"}, "new": 1}'
    assert judge("searchOrders", 200, httpx.Headers(), body, ("orders", list)) == json.loads(body)


@pytest.mark.parametrize(
    ("rate", "seconds"), [("0.5", 2.0), ("nonsense", 178.6), ("0", 178.6), ("-1", 178.6)]
)
def test_it_learns_the_wait_from_the_header(rate: str, seconds: float) -> None:
    error = verdict(429, b"", **{"x-amzn-ratelimit-limit": rate})
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code"),
    [
        (401, {"error": "invalid_client"}, errors.AuthenticationError, "invalid_client"),
        (400, {"error": "invalid_grant"}, errors.AuthenticationError, "invalid_grant"),
        (400, {"error": "unauthorized_client"}, errors.AuthenticationError, "unauthorized_client"),
        (400, {"error": "Atzr|echo of a secret"}, errors.AuthenticationError, "authentication"),
        (500, {"error": "server_error"}, errors.TransientError, "unavailable"),
        (503, None, errors.TransientError, "unavailable"),
        (429, None, errors.RateLimited, "rate_limited"),
        (400, None, errors.TransientError, "broken_answer"),
        (200, None, errors.TransientError, "broken_answer"),
        (200, {"access_token": 3.5, "refresh_token": "Atzr|x"}, errors.TransientError, "broken_answer"),
        (200, {"access_token": "two words"}, errors.TransientError, "broken_answer"),
    ],
)
def test_it_judges_the_login(status: int, answer: Any, kind: type[PlatformError], code: str) -> None:
    with pytest.raises(PlatformError) as raised:
        judge_token(status, httpx.Headers(), HTML if answer is None else json.dumps(answer).encode())
    assert (type(raised.value), raised.value.code) == (kind, code)
    assert "Atzr" not in str(raised.value)
