"""Amazon's usage plans, enforced: a token bucket for each account and operation, on a clock that may run faster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` requests a second on average, `burst` at once when the bucket is full."""

    rate: float
    burst: int

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.burst < 1:
            raise ValueError("a quota needs a rate above 0 and a burst of at least 1")


# The usage-plan tables in orders_2026-01-01.json, fbaInventory.json, sellers.json, application_2023-11-30.json,
# reports_2021-06-30.json, ordersV0.json and catalogItems_2022-04-01.json,
# https://github.com/amzn/selling-partner-api-models
PUBLISHED: dict[str, Limit] = {
    "searchOrders": Limit(0.0056, 20),
    "getOrder": Limit(0.5, 30),
    "getInventorySummaries": Limit(2.0, 2),
    "getMarketplaceParticipations": Limit(0.016, 15),
    "rotateApplicationClientSecret": Limit(0.0167, 1),
    "createReport": Limit(0.0167, 15),
    "getReport": Limit(2.0, 15),
    "getReports": Limit(0.0222, 10),
    "getReportDocument": Limit(0.0167, 15),
    "confirmShipment": Limit(2.0, 10),
    "searchCatalogItems": Limit(2.0, 2),
}


class Quotas:
    """Buckets that are full at first. Operations that `limits` does not name have no quota.

    limits  operation -> Limit; None: Amazon's published ones
    speed   so many simulated seconds pass in one second of `clock`
    clock   seconds, from wherever it likes
    tell    whether a 429 tells the rate. Amazon's do not. None: only where `speed` is not 1, because a client
            that goes by the published rate would wait for Amazon's clock
    """

    def __init__(
        self,
        limits: Mapping[str, Limit] | None = None,
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        tell: bool | None = None,
    ) -> None:
        if speed <= 0:
            raise ValueError("speed must be above 0")
        self._limits = dict(PUBLISHED if limits is None else limits)
        self._speed = speed
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}  # requests left, and as of when
        self.tells = speed != 1 if tell is None else tell

    def rate(self, operation: str) -> str | None:
        """The rate as a client sees it, for x-amzn-RateLimit-Limit; None for an operation without a quota."""
        limit = self._limits.get(operation)
        return None if limit is None else f"{limit.rate * self._speed:.10g}"

    def take(self, account: str, operation: str) -> bool:
        """Whether the call is within the quota; if so, it is counted."""
        limit = self._limits.get(operation)
        if limit is None:
            return True
        with self._lock:
            now = self._clock()
            left, then = self._buckets.get((account, operation), (float(limit.burst), now))
            left = min(limit.burst, left + max(now - then, 0) * self._speed * limit.rate)
            # A hair of tolerance, or rounding makes a client that waits exactly long enough come too early.
            allowed = left >= 1 - 1e-9
            self._buckets[account, operation] = (max(left - 1, 0.0) if allowed else left, now)
        return allowed
