"""When a call that got no result is made again. One rule, pure: what was answered goes in, seconds come out.

Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
Retry-After: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
"""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from integrations.errors import PlatformError, RateLimited, TransientError

ATTEMPTS = 4  # of one call, the first one included
CEILING = 20.0  # seconds; no pause between two attempts is longer
LONGEST_WAIT_IN_PLACE = 5.0  # seconds; a longer wait for quota is the caller's, who can free the worker
# Of some operations, less. Shipments are told of one after the other, with a wait before each: at the published rate,
# of half a second. For that, freeing the worker gains nothing, since queues are looked at once a second.
LONGEST_WAITS = {"confirmShipment": 1.0}
LONGEST_ADVICE = 3600.0  # seconds; who asks for more is looked at again by then

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
# Whatever else speaks for repeating: with these, the same request gets the same answer, or locks the account.
NEVER = frozenset({400, 401, 403, 404})


def pause(
    answered: PlatformError | int,
    attempt: int,
    *,
    jitter: float,
    retry_after: float = 0.0,
    backoff: float = 1.0,
    longest_wait: float = LONGEST_WAIT_IN_PLACE,
) -> float | None:
    """Seconds to wait before the next attempt, from 0 to CEILING; None to give up.

    `answered` is the error, or the status where there is none. `attempt` counts those made, from 1. `jitter` is a
    random number from 0 to 1. `retry_after` is the least wait in seconds, on top of what the error itself says;
    one beyond CEILING is cut. `backoff` is the first attempt's longest random wait; it doubles with each.
    `longest_wait` is how long an attempt may wait for quota.
    """
    if isinstance(answered, TransientError):
        retry_after = max(retry_after, answered.retry_after)
    is_throttled = isinstance(answered, RateLimited) or answered == 429
    if attempt >= ATTEMPTS or not may_be_repeated(answered):
        return None
    if is_throttled and retry_after > longest_wait:
        return None
    spread = min(CEILING, backoff * 2.0 ** max(attempt - 1, 0))
    return min(CEILING, max(retry_after, 0.0) + jitter * spread)


def longest_wait_for(operation: str) -> float:
    """Seconds that a call may wait in place for its quota."""
    return LONGEST_WAITS.get(operation, LONGEST_WAIT_IN_PLACE)


def may_be_repeated(answered: PlatformError | int) -> bool:
    """Whether another attempt may bring another answer."""
    if isinstance(answered, int):
        return answered in PASSING
    return isinstance(answered, TransientError) and answered.status not in NEVER


def advised_wait(retry_after: str | None, date: str | None = None) -> float:
    """The header Retry-After as seconds from now, 0.0 where it is missing or makes no sense.

    It holds seconds or a time; that is counted from the answer's own `date` where it has one: clocks differ.
    """
    text = (retry_after or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until = http_date(text)
        seconds = (until - (http_date(date) or datetime.now(UTC))).total_seconds() if until else 0.0
    return min(max(seconds, 0.0), LONGEST_ADVICE) if math.isfinite(seconds) else 0.0


def http_date(text: str | None) -> datetime | None:
    """A time as HTTP headers have it, with its zone; None where it is missing or makes no sense."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
