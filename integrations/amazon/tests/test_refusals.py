"""Odd answers of Amazon and of Login with Amazon, and secrets that an answer repeats."""

import json
from typing import Any

import httpx
import pytest

from integrations import errors
from integrations.amazon.answers import judge, judge_token
from integrations.errors import PlatformError, RequestRefused

SECRET = "s3cret-that-was-sent"


def verdict(status: int, body: bytes, operation: str = "getOrder", **headers: str) -> PlatformError:
    with pytest.raises(PlatformError) as raised:
        judge(operation, status, httpx.Headers(headers), body, ("order", dict))
    return raised.value


def refusal(status: int, body: bytes) -> PlatformError:
    with pytest.raises(PlatformError) as raised:
        judge_token(status, httpx.Headers(), body)
    return raised.value


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"order": {}}', b"{"])
@pytest.mark.parametrize("status", [408, 425])
def test_it_may_be_asked_again_after_a_time_out_on_amazons_side(status: int, body: bytes) -> None:
    assert type(verdict(status, body)) is errors.TransientError


def test_it_takes_no_answer_without_content_for_a_success() -> None:
    assert (verdict(204, b"").code, verdict(204, b"").status) == ("broken_answer", 204)


@pytest.mark.parametrize("value", [[], "text", 1, None, True])
def test_it_takes_no_other_type_under_the_key(value: Any) -> None:
    error = verdict(200, json.dumps({"order": value}).encode())
    assert (error.code, "'order'" in str(error)) == ("broken_answer", True)


@pytest.mark.parametrize(
    "errors_value",
    [[{"code": "InvalidInput"}], {"code": "InvalidInput"}, "InvalidInput", [{"message": "Invalid id"}]],
)
def test_it_finds_errors_of_any_form_inside_a_success(errors_value: Any) -> None:
    error = verdict(200, json.dumps({"order": {}, "errors": errors_value}).encode())
    assert (type(error), error.code) == (errors.RequestRefused, "error_in_answer")
    assert "nvalid" in str(error)


def test_it_takes_an_empty_list_of_errors_for_none() -> None:
    body = b'{"order": {}, "errors": []}'
    assert judge("getOrder", 200, httpx.Headers(), body, ("order", dict))["order"] == {}


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"code": "Unauthorized", "message": "Access is denied.", "details": ""}]},
        {"errors": [{"code": "MissingAuthenticationToken", "message": "Missing Authentication Token"}]},
        {"message": "Missing Authentication Token"},
    ],
    ids=["missing role", "wrong path", "gateway"],
)
def test_it_renews_no_token_where_the_token_is_not_the_problem(body: Any) -> None:
    error = verdict(403, json.dumps(body).encode())
    assert (type(error), error.code) == (errors.AuthorizationError, "forbidden")


def test_it_keeps_the_request_id_whatever_the_case_of_its_name() -> None:
    assert verdict(500, b"", **{"X-AMZN-REQUESTID": "req-7"}).request_id == "req-7"
    assert verdict(500, b"").request_id == ""


@pytest.mark.parametrize(
    ("operation", "seconds"), [("searchOrders", 178.6), ("getOrder", 2.0), ("getInventorySummaries", 0.5)]
)
def test_it_waits_one_refill_of_the_published_quota(operation: str, seconds: float) -> None:
    error = verdict(429, b"", operation)
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("rate", ["inf", "nan", "1e9", "", "0.0"])
def test_it_is_not_fooled_by_an_impossible_rate(rate: str) -> None:
    error = verdict(429, b"", **{"x-amzn-RateLimit-Limit": rate})
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 2.0


@pytest.mark.parametrize("secret", ["Atza|IwEB+/=.x", "Atzr|IwEBIJ", "amzn1.oa2-cs.v1.0f"])
def test_it_leaves_out_a_token_that_the_answer_repeats(secret: str) -> None:
    body = json.dumps({"errors": [{"code": "Bad", "message": f"Header '{secret}' is odd."}]}).encode()
    for status in (400, 403, 500, 200):
        assert secret[-5:] not in str(verdict(status, body))


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        (401, "invalid_client", "invalid_client"),
        (400, "invalid_grant", "invalid_grant"),
        (400, "unauthorized_client", "unauthorized_client"),
        (400, "brand_new_word", "authentication"),
        (403, f"Sorry: {SECRET}", "authentication"),
        (400, None, "authentication"),
        (400, {"secret": SECRET}, "authentication"),
    ],
)
def test_it_never_repeats_what_the_login_says_at_length(status: int, word: Any, code: str) -> None:
    error = refusal(status, json.dumps({"error": word, "error_description": SECRET}).encode())
    assert (type(error), error.code, error.status) == (errors.AuthenticationError, code, status)
    assert SECRET not in str(error)


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"{", b"[]", b"null", b'"Atza|x"', b"\xff"])
@pytest.mark.parametrize("status", [200, 400, 401])
def test_it_blames_no_credentials_for_a_login_answer_that_cannot_be_read(status: int, body: bytes) -> None:
    error = refusal(status, body)
    assert (type(error), error.code) == (errors.TransientError, "broken_answer")
    assert "Atza" not in str(error)


@pytest.mark.parametrize("token", [None, "", 5, ["Atza|x"], {"a": "Atza|x"}, "Atza|x\n", "Atza|é"])
def test_it_takes_only_a_token_that_can_be_sent(token: Any) -> None:
    error = refusal(200, json.dumps({"access_token": token, "expires_in": 3600}).encode())
    assert (error.code, "Atza" in str(error)) == ("broken_answer", False)


def test_it_returns_a_good_login() -> None:
    body = b'{"access_token": "Atza|x", "token_type": "bearer", "expires_in": 3600}'
    assert judge_token(200, httpx.Headers(), body)["access_token"] == "Atza|x"


@pytest.mark.parametrize(("status", "code"), [(301, "refused"), (404, "not_found"), (405, "refused")])
def test_it_does_not_blame_the_credentials_for_what_is_not_login_with_amazon(status: int, code: str) -> None:
    with pytest.raises(RequestRefused, match="AMAZON_LWA_ENDPOINT") as raised:
        judge_token(status, httpx.Headers(), b'{"message": "no such route"}')
    assert raised.value.code == code
