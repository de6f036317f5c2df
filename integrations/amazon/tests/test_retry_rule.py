"""The retry rule by itself: every status, every class of error, what a server advises, and the bounds of it all."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import errors
from integrations.amazon.answers import AccessTokenRefused, judge, judge_token
from integrations.amazon.retry import (
    ATTEMPTS,
    CEILING,
    LONGEST_ADVICE,
    LONGEST_WAIT_IN_PLACE,
    advised_wait,
    may_be_repeated,
    pause,
)
from integrations.errors import PlatformError

PASSING = {408, 425, 429, 500, 502, 503, 504}
NEVER = {400, 401, 403, 404}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def repeated(judgement: Callable[[int], Any]) -> set[int]:
    """The statuses from 300 to 599 after which the error that the judgement raises lets a call be repeated."""
    found = set()
    for status in range(300, 600):
        with pytest.raises(PlatformError) as raised:
            judgement(status)
        if may_be_repeated(raised.value):
            found.add(status)
    return found


def test_it_repeats_after_these_statuses_and_no_other() -> None:
    assert {status for status in range(100, 600) if pause(status, 1, jitter=0.5) is not None} == PASSING


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"{}", b'{"errors": [{"code": "Any"}]}'])
def test_it_comes_to_the_same_for_an_answer_of_amazons(body: bytes) -> None:
    expected = ("payload", dict)
    assert repeated(lambda status: judge("getOrder", status, httpx.Headers(), body, expected)) == PASSING


@pytest.mark.parametrize("body", [b'{"error": "invalid_grant"}', b"{}", b"<html></html>"])
def test_it_repeats_a_login_only_where_the_server_has_a_problem(body: bytes) -> None:
    statuses = repeated(lambda status: judge_token(status, httpx.Headers(), body))
    unreadable = set(range(300, 500)) - NEVER if body.startswith(b"<") else set()
    assert statuses == PASSING | set(range(500, 600)) | unreadable


@pytest.mark.parametrize(
    ("error", "is_repeated"),
    [
        (errors.TransientError("outage"), True),
        (errors.TransientError("no answer in time", code="timeout"), True),
        (errors.TransientError("cut short", code="broken_answer", status=200), True),
        (errors.RateLimited("quota", retry_after=1), True),
        (errors.RateLimited("quota", retry_after=LONGEST_WAIT_IN_PLACE), True),
        (errors.RateLimited("quota", retry_after=LONGEST_WAIT_IN_PLACE + 0.1), False),
        (errors.AuthenticationError("wrong secret"), False),
        (AccessTokenRefused("expired", status=403), False),
        (errors.AuthorizationError("no role", status=403), False),
        (errors.ConfigError("missing"), False),
        (errors.RequestRefused("bad request", status=400), False),
        (errors.MalformedRecord("no id"), False),
        (errors.PlatformError("anything else"), False),
        *((errors.TransientError("a gateway", status=status), False) for status in sorted(NEVER)),
    ],
)
def test_it_goes_by_the_class_of_the_error(error: PlatformError, is_repeated: bool) -> None:
    assert (pause(error, 1, jitter=0.5) is not None) == is_repeated


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1.0), (2, 2.0), (3, 4.0)])
def test_it_spreads_waits_from_nothing_to_twice_the_last(attempt: int, longest: float) -> None:
    assert pause(503, attempt, jitter=0.0) == 0.0
    assert pause(503, attempt, jitter=0.25) == longest / 4
    assert pause(503, attempt, jitter=1.0) == longest


def test_it_gives_up_after_four_attempts() -> None:
    assert [pause(503, attempt, jitter=0.0) is None for attempt in (1, 2, 3, 4, 5)] == [False] * 3 + [
        True
    ] * 2


@pytest.mark.parametrize(
    ("answered", "retry_after", "least"), [(429, 4.0, 4.0), (503, 7.0, 7.0), (503, 500.0, CEILING)]
)
def test_it_waits_at_least_as_long_as_it_is_asked_to(answered: int, retry_after: float, least: float) -> None:
    assert pause(answered, 1, jitter=0.0, retry_after=retry_after) == least
    assert pause(answered, 1, jitter=1.0, retry_after=retry_after) == min(CEILING, least + 1.0)


answers: st.SearchStrategy[Any] = st.one_of(
    st.integers(100, 599),
    st.builds(
        errors.TransientError,
        st.just("x"),
        status=st.one_of(st.none(), st.integers(100, 599)),
        retry_after=st.floats(0, 1e6),
    ),
    st.builds(errors.RateLimited, st.just("x"), retry_after=st.floats(-1e6, 1e6)),
    st.builds(errors.RequestRefused, st.just("x"), status=st.integers(300, 599)),
    st.sampled_from(
        [errors.AuthenticationError("x"), AccessTokenRefused("x"), errors.AuthorizationError("x")]
    ),
)


@given(
    answered=answers,
    attempt=st.integers(1, 10_000),
    jitter=st.floats(0, 1),
    retry_after=st.floats(-1e6, 1e6),
    backoff=st.floats(0, 1e6),
)
def test_it_stays_within_its_bounds(
    answered: Any, attempt: int, jitter: float, retry_after: float, backoff: float
) -> None:
    wait = pause(answered, attempt, jitter=jitter, retry_after=retry_after, backoff=backoff)
    status = answered if isinstance(answered, int) else answered.status
    hopeless = isinstance(answered, errors.AuthenticationError | errors.AuthorizationError)
    if status in NEVER or hopeless or attempt >= ATTEMPTS:
        assert wait is None
    if wait is not None:
        assert 0 <= wait <= CEILING
        assert wait >= min(retry_after, CEILING)


# --- Retry-After


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0), ("", 0.0), ("0", 0.0), ("2", 2.0), (" 2.5 ", 2.5), ("-3", 0.0), ("1e9", LONGEST_ADVICE),
        ("nan", 0.0), ("inf", 0.0), ("soon", 0.0), ("Sat, 31 Jan 2026", 0.0),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30.0), ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("Sat, 31 Jan 2026 12:00:30 -0000", 30.0), ("Sat, 31 Jan 2099 12:00:00 GMT", LONGEST_ADVICE),
        ("Sat, 99 Jan 2026 12:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_it_reads_retry_after(header: str | None, seconds: float) -> None:
    assert advised_wait(header, format_datetime(NOON, usegmt=True)) == seconds


def test_it_counts_from_its_own_clock_where_the_answer_tells_no_time() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < advised_wait(in_a_minute, None) <= 60
    assert 50 < advised_wait(in_a_minute, "no time") <= 60


@given(st.text(max_size=40))
def test_it_makes_a_wait_of_any_header(header: str) -> None:
    seconds = advised_wait(header)
    assert math.isfinite(seconds)
    assert 0 <= seconds <= LONGEST_ADVICE


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (503, {"Retry-After": "7"}, 7.0),
        (503, {}, 0.0),
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "1", "x-amzn-RateLimit-Limit": "0.5"}, 2.0),
        (
            429,
            {"Retry-After": "Sat, 31 Jan 2026 12:00:30 GMT", "Date": "Sat, 31 Jan 2026 12:00:00 GMT"},
            30.0,
        ),
    ],
)
def test_it_hands_on_what_the_answer_advises(status: int, headers: dict[str, str], seconds: float) -> None:
    with pytest.raises(errors.TransientError) as raised:
        judge("getInventorySummaries", status, httpx.Headers(headers), b"", ("payload", dict))
    assert raised.value.retry_after == seconds
