"""How many requests a token may make in a minute, and how many without a valid one an address may, counted over all
processes without a write for each request.

Each process counts what it serves, and adds it to the token's row in the database once it has served a twentieth of the
limit. So a client that polls now and then costs no query at all, one at the limit some twenty writes a minute, and
several processes together let through at most a twentieth each beyond the limit, never less than it. A row that is
written for each request would make readers wait for SQLite's only writer.
"""

import logging
import math
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from knox.crypto import hash_token
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from api.models import RequestCount
from audit.recording import record
from core.addresses import client_network
from core.database.retry import DATABASE_ERRORS

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which reads the settings that name the class here

logger = logging.getLogger(__name__)

MINUTE, HOUR = 60, 3600
SHARE = 20  # a process counts for itself up to this part of the limit
MOST_CALLERS = 10_000  # that a process remembers
DAY = 24 * 60  # minutes


@dataclass(slots=True)
class _Count:
    """Requests of one caller in one minute: `known` of the database, and those that only this process knows of."""

    minute: int
    known: int = 0
    unbooked: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of the limit, and the seconds until there is a new one."""

    limit: int
    left: int
    resets_in: int

    @property
    def headers(self) -> dict[str, str]:
        """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (draft 10)"""
        return {
            "RateLimit-Policy": f'"requests";q={self.limit};w={MINUTE}',
            "RateLimit": f'"requests";r={self.left};t={self.resets_in}',
        }


_counts: dict[str, _Count] = {}
_lock = Lock()
_seen: set[str] = set()  # digests of tokens that this process has found valid
_refused: dict[str, float] = {}  # addresses, and when this process last recorded that it refuses them


class TooManyFailures(Throttled):
    """429: this address has sent too many requests without a valid token."""


def refuse_flood(request: HttpRequest) -> None:
    """Before a token is looked up that this process does not know as valid. Raises TooManyFailures."""
    now, most = time.time(), settings.API_FAILURES_PER_MINUTE
    with _lock:
        count = _counts.get(_address(request))
        is_over = count is not None and count.minute == now // MINUTE and count.known + count.unbooked >= most
    if most and is_over:
        _record_refusal(request, now)
        raise TooManyFailures(_until_next_minute(now))


def was_valid(token: str) -> bool:
    """In this process: behind an address there may be others than the one who guesses."""
    return hash_token(token) in _seen


def remember_valid(digest: str) -> None:
    """A token with this digest was sent, and is valid."""
    if len(_seen) > MOST_CALLERS:
        _seen.clear()
    _seen.add(digest)


def count_failure(request: HttpRequest) -> TooManyFailures | None:
    """For each 401. Returns what to answer instead where the address has had too many."""
    now, most = time.time(), settings.API_FAILURES_PER_MINUTE
    if not most or _used(_address(request), most, now) <= most:
        return None
    _record_refusal(request, now)
    return TooManyFailures(_until_next_minute(now))


def _record_refusal(request: HttpRequest, now: float) -> None:
    """In the audit, once an hour for each address that a process refuses: those who manage users are told."""
    caller = _address(request)
    with _lock:
        if now - _refused.get(caller, 0) < HOUR:
            return
        if len(_refused) > MOST_CALLERS:
            _refused.clear()
        _refused[caller] = now
    try:
        record("token.locked", changes={"failures_a_minute": settings.API_FAILURES_PER_MINUTE})
    except DATABASE_ERRORS as error:
        logger.warning("That an address was refused could not be recorded: %s", error)


def _address(request: HttpRequest) -> str:
    """As the caller of a count: not the address itself, which is personal."""
    return f"address {salted_hmac(__name__, client_network(request)).hexdigest()}"


def _until_next_minute(now: float) -> int:
    return math.ceil(MINUTE - now % MINUTE)


class TokenThrottle(BaseThrottle):
    """429 beyond API_REQUESTS_PER_MINUTE; 0: there is no limit. Leaves a `Standing` for middleware.RateLimitHeaders."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        limit: int = settings.API_REQUESTS_PER_MINUTE
        if not limit or not request.user.is_authenticated:
            return True
        now = time.time()
        # A token by the beginning of its hash; a session has the user's.
        digest = getattr(request.auth, "token_id", "")
        used = _used(f"token {digest[:40]}" if digest else f"user {request.user.pk}", limit, now)
        resets_in = _until_next_minute(now)
        self._wait = resets_in
        request._request.rate_standing = Standing(limit, max(0, limit - used), resets_in)  # type: ignore[attr-defined]
        return used <= limit

    def wait(self) -> float:
        return self._wait


def _used(caller: str, limit: int, now: float) -> int:
    """Requests of this minute with this one, as far as this process knows; one that is refused is not counted."""
    minute = int(now // MINUTE)
    with _lock:
        count = _counts.get(caller)
        if count is None or count.minute != minute:
            count = _counts[caller] = _Count(minute)
            _forget_others(minute)
        if count.known + count.unbooked >= limit:
            return limit + 1
        count.unbooked += 1
        if count.unbooked < max(1, limit // SHARE):
            return count.known + count.unbooked
        number, count.unbooked = count.unbooked, 0
        count.known += number
    booked = _book(caller, minute, number)
    with _lock:
        count.known = max(count.known, booked)
        return count.known + count.unbooked


def _forget_others(minute: int) -> None:
    """Of earlier minutes, where there are many."""
    if len(_counts) > MOST_CALLERS:
        for caller in [caller for caller, count in _counts.items() if count.minute != minute]:
            del _counts[caller]


def _book(caller: str, minute: int, number: int) -> int:
    """Add to the caller's row. Returns its sum for this minute; 0 where the database cannot say, since a limit that is
    not kept for a while is better than an API that is down."""
    rows = RequestCount.objects.filter(caller=caller)
    try:
        with transaction.atomic():
            if not rows.filter(minute=minute).update(count=F("count") + number):
                RequestCount.objects.bulk_create(
                    [RequestCount(caller=caller, minute=minute)], ignore_conflicts=True
                )
                rows.filter(minute__lt=minute).update(minute=minute, count=0)
                rows.filter(minute=minute).update(count=F("count") + number)
            return rows.filter(minute=minute).values_list("count", flat=True).first() or 0
    except DATABASE_ERRORS as error:
        logger.warning("Requests could not be counted, so the limit holds for each process alone: %s", error)
        return 0


def prune_counts() -> None:
    """Delete those of callers that were not heard of for a day. Raises DatabaseError."""
    RequestCount.objects.filter(minute__lt=time.time() // MINUTE - DAY).delete()
