"""Amazon's published usage plans, one per operation.

Source: the usage-plan tables in the operations' descriptions of orders_2026-01-01.json, fbaInventory.json,
sellers.json, reports_2021-06-30.json, ordersV0.json (confirmShipment) and catalogItems_2022-04-01.json
(searchCatalogItems), https://github.com/amzn/selling-partner-api-models
"""

from integrations.protocol import Quota

QUOTAS = {
    "searchOrders": Quota(rate=0.0056, burst=20),
    "getOrder": Quota(rate=0.5, burst=30),
    "getInventorySummaries": Quota(rate=2, burst=2),
    "getMarketplaceParticipations": Quota(rate=0.016, burst=15),
    "createReport": Quota(rate=0.0167, burst=15),
    "getReport": Quota(rate=2, burst=15),
    "getReports": Quota(rate=0.0222, burst=10),
    "getReportDocument": Quota(rate=0.0167, burst=15),
    "confirmShipment": Quota(rate=2, burst=10),
    "searchCatalogItems": Quota(rate=2, burst=2),
}
DOWNLOAD = "document"  # a file from its presigned address: counted as a call, and under no quota
PICTURE = "picture"  # likewise, of a product
# https://developer-docs.amazon.com/sp-api/docs/the-selling-partner-api-sandbox
SANDBOX_QUOTAS = dict.fromkeys(QUOTAS, Quota(rate=5, burst=15))

SLOWEST, FASTEST = 1e-6, 10_000.0  # requests per second; no quota is beyond these


def retry_after(operation: str, headers_rate: str | None) -> float:
    """Seconds until a refused call may be repeated: one refill of the bucket.

    A 429 of Amazon's tells no time; `headers_rate` is x-amzn-RateLimit-Limit (requests per second) where the
    answer had one, and wins over the published rate.
    https://developer-docs.amazon.com/sp-api/docs/usage-plans-and-rate-limits-in-the-sp-api
    """
    rate = granted_rate(headers_rate)
    return 1 / rate if rate else QUOTAS[operation].seconds_per_request


def granted_rate(headers_rate: str | None) -> float | None:
    """x-amzn-RateLimit-Limit as requests per second; None where it is missing or makes no sense."""
    try:
        rate = float(headers_rate or 0)
    except ValueError:
        return None
    return rate if SLOWEST <= rate <= FASTEST else None
