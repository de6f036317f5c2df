"""When the next attempt is made. Pure.

Each pause is as long as the attempts have failed so far, from 5 seconds on: 5, 5, 10, 20, 40 seconds … 22 hours, until
three days have passed. What the receiver itself asks for (Retry-After) is kept to.
"""

import random
from datetime import datetime, timedelta

SPAN = timedelta(days=3)
FIRST = timedelta(seconds=5)
# Of an endpoint as a whole: other messages try it at least that often, and nothing waits longer once it is back.
LONGEST_WITHOUT_ANSWER = timedelta(hours=1)
LONGEST_WITH_ANSWER = timedelta(minutes=1)  # it answered, so the trouble may be with one message alone
# Where OMS itself was off for days, three of them are not enough to give up.
FEWEST_ATTEMPTS = 10
LATE = timedelta(minutes=10)  # the pause of attempts that are made after SPAN
JITTER = 0.05


def next_attempt(first: datetime, now: datetime, retry_after: float | None) -> datetime:
    """Of one message."""
    age = now - first
    pause = max(FIRST, age) if age < SPAN else LATE
    at = now + _longer(pause * (1 + random.uniform(-JITTER, JITTER)), retry_after)  # noqa: S311  no secret
    return min(at, max(first + SPAN, now + FIRST)) if age < SPAN else at


def endpoint_pause(
    failing_since: datetime, now: datetime, retry_after: float | None, *, answered: bool
) -> datetime:
    longest = LONGEST_WITH_ANSWER if answered else LONGEST_WITHOUT_ANSWER
    return now + _longer(min(max(FIRST, now - failing_since), longest), retry_after)


def is_exhausted(first: datetime, now: datetime, attempts: int) -> bool:
    return now - first >= SPAN and attempts >= FEWEST_ATTEMPTS


def _longer(pause: timedelta, retry_after: float | None) -> timedelta:
    return max(pause, timedelta(seconds=retry_after or 0))
