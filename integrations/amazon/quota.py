"""Amazon's published usage plans, one per operation.

Source: the usage-plan tables in the operations' descriptions of orders_2026-01-01.json and fbaInventory.json,
https://github.com/amzn/selling-partner-api-models
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    rate: float  # requests per second
    burst: int  # requests that may be made at once when the bucket is full

    @property
    def seconds_per_request(self) -> float:
        return 1 / self.rate


QUOTAS = {
    "searchOrders": Quota(rate=0.0056, burst=20),
    "getOrder": Quota(rate=0.5, burst=30),
    "getInventorySummaries": Quota(rate=2, burst=2),
}


def retry_after(operation: str, headers_rate: str | None) -> float:
    """Seconds until a refused call may be repeated: one refill of the bucket.

    A 429 of Amazon's tells no time; `headers_rate` is x-amzn-RateLimit-Limit (requests per second) where the
    answer had one, and wins over the published rate.
    https://developer-docs.amazon.com/sp-api/docs/usage-plans-and-rate-limits-in-the-sp-api
    """
    try:
        rate = float(headers_rate or 0)
    except ValueError:
        rate = 0.0
    return 1 / rate if 0 < rate < 10_000 else QUOTAS[operation].seconds_per_request
