"""The quota: calls wait for the account's token bucket instead of provoking a refusal.

A bucket starts full at `burst` and is refilled with `rate` tokens a second, as the platform's own is; it is a row of
`api_quotas`, so that web, workers and commands on all machines share it.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from django.db import transaction

from core.database.retry import retry_on_db_error
from integrations.models import ApiQuota
from integrations.protocol import Quota

# The platform refills from when the first call arrives, which is later than when we draw, and not equally late each
# time. Without this allowance, a call that travels faster than the first one did would come too early.
TRAVEL = timedelta(seconds=0.5)
ENOUGH = 1 - 1e-6  # of a token: sums of floats miss 1 by a hair
# Longer waits, and times that lie further ahead, come from a wrong clock or a wrong row: look again by then.
LONGEST_WAIT = timedelta(hours=1)


class TokenBucket:
    """A Budget (integrations.protocol) that is kept in the database.

    `account_key` tells application and seller apart; `published` has what a new bucket starts with; `keep` is the share
    of its burst that is left to others, 0 for who may take all; `clock` gives seconds since 1970. Not to be used
    inside a transaction: the row would stay locked until that ends.
    """

    def __init__(
        self,
        account_key: str,
        published: Mapping[str, Quota],
        *,
        keep: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account_key = account_key
        self._published = published
        self._keep = keep
        self._clock = clock
        self._rates: dict[str, float] = {}  # of the rows, as last seen

    def acquire(self, operation: str) -> float:
        """Take a token: 0.0, or the seconds until there is one (then nothing was taken)."""

        def take(bucket: ApiQuota) -> float:
            kept = kept_back(bucket, self._keep)
            if bucket.tokens - kept < ENOUGH:
                return _seconds_until(1 + kept, bucket, self._now())
            if bucket.tokens >= bucket.burst:
                bucket.updated_at += TRAVEL
            bucket.tokens = max(0.0, bucket.tokens - 1)
            return 0.0

        return self._change(operation, take)

    def set_rate(self, operation: str, rate: float) -> None:
        """Refill at this rate from now on. Costs no query where the bucket is known to do so."""

        def correct(bucket: ApiQuota) -> float:
            bucket.rate = rate
            return 0.0

        if self._rates.get(operation) != rate:
            self._change(operation, correct)

    def drain(self, operation: str) -> None:
        """Nothing is left: the next token is one refill away."""

        def pour_out(bucket: ApiQuota) -> float:
            bucket.tokens = 0.0
            return 0.0

        self._change(operation, pour_out)

    @retry_on_db_error
    def _change(self, operation: str, change: Callable[[ApiQuota], float]) -> float:
        """What `change` answers for the locked row, refilled until now. One short transaction.

        Repeated while the database has a problem that may pass; if the answer to its commit was lost, one more token
        is drawn.
        """
        while True:
            with transaction.atomic():  # on SQLite this alone is the lock: transactions begin IMMEDIATE
                rows = ApiQuota.objects.select_for_update()
                bucket = rows.filter(account_key=self._account_key, operation=operation).first()
                if bucket is not None:
                    _refill(bucket, self._now())
                    answer = change(bucket)
                    bucket.save(update_fields=["rate", "tokens", "updated_at"])
                    self._rates[operation] = bucket.rate
                    return answer
            # Outside of that transaction: the locks that losers of this race hold would block each other there.
            self._create(operation)

    def _create(self, operation: str) -> None:
        """A full bucket, unless somebody else was faster."""
        quota = self._published[operation]
        ApiQuota.objects.get_or_create(
            account_key=self._account_key,
            operation=operation,
            defaults={
                "rate": quota.rate,
                "burst": quota.burst,
                "tokens": quota.burst,
                "updated_at": self._now(),
            },
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def kept_back(bucket: ApiQuota, share: float) -> float:
    """The tokens that who leaves this share of the burst to others does not take: at least one of several, and never
    all."""
    return max(0.0, min(max(share * bucket.burst, 1.0), bucket.burst - 1.0)) if share else 0.0


def standing(bucket: ApiQuota, now: datetime) -> tuple[int, float]:
    """How many calls could be made now, and the seconds until the next one can: 0.0 where there is one.

    Refills the instance, and stores nothing.
    """
    _refill(bucket, now)
    left = int(bucket.tokens + 1 - ENOUGH)
    return left, 0.0 if left else _seconds_until(1, bucket, now)


def _refill(bucket: ApiQuota, now: datetime) -> None:
    """Up to now. Where the row is ahead of this clock (of another machine), nothing comes in until then."""
    elapsed = now - bucket.updated_at
    if elapsed > timedelta(0):
        refilled = bucket.tokens + elapsed.total_seconds() * bucket.rate
        bucket.tokens = min(float(max(bucket.burst, 1)), refilled)
    if elapsed > timedelta(0) or elapsed < -LONGEST_WAIT:
        bucket.updated_at = now


def _seconds_until(tokens: float, bucket: ApiQuota, now: datetime) -> float:
    longest = LONGEST_WAIT.total_seconds()
    if bucket.rate <= 0:  # somebody closed it by hand
        return longest
    ahead = max(0.0, (bucket.updated_at - now).total_seconds())
    # A microsecond more: times are stored no finer than that.
    return min(longest, ahead + (tokens - bucket.tokens) / bucket.rate + 1e-6)
