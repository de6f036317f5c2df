"""The connection check: what a sync needs, tried one by one with few calls.

token → searchOrders with all data sets, and one by one where that is refused → FBA inventory of each marketplace.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from integrations.amazon import sandbox
from integrations.amazon.config import AmazonConfig
from integrations.amazon.marketplaces import Marketplace
from integrations.errors import AuthorizationError, PlatformError, RequestRefused
from integrations.protocol import Finding

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

ORDER_ROLES = (
    "For orders the app needs one of the roles Inventory and Order Tracking, Amazon Fulfillment, Product Listing or "
    "Finance and Accounting: add it under Develop Apps in Seller Central, then authorise the app again. Until then, "
    "orders cannot be fetched."
)
STOCK_ROLES = (
    "For stock the app needs the role Amazon Fulfillment or Product Listing: add it under Develop Apps in Seller "
    "Central, then authorise the app again. Until then, OMS fetches orders alone."
)
PERSONAL_HINT = " Buyer data arrives only with a restricted role; Amazon leaves it out silently without."


def examine(client: "AmazonClient", config: AmazonConfig, datasets: Sequence[str]) -> Iterator[Finding]:
    """The findings, in the order of the steps; nothing after a token that Amazon does not give."""
    where = "the sandbox" if config.sandbox else f"region {config.region}"
    token = _try("token", client.renew_token, f"Login with Amazon accepts the credentials, for {where}.")
    yield token
    if not token.ok:
        return
    yield from _orders(client, config, datasets)
    for marketplace in config.marketplaces:
        yield _stock(client, marketplace)


def _orders(client: "AmazonClient", config: AmazonConfig, datasets: Sequence[str]) -> Iterator[Finding]:
    if config.sandbox:
        case = sandbox.SEARCHES[0]
        yield _try(
            "orders", lambda: client.search_orders(**case), "The sandbox answers with its example orders."
        )
        return
    window = _yesterday(config)
    hint = PERSONAL_HINT if "BUYER" in datasets else ""
    text = f"Orders can be fetched, with the data sets {', '.join(datasets)}.{hint}"
    everything = _try("orders", lambda: client.search_orders(**window, includedData=list(datasets)), text)
    if everything.ok or everything.code not in (AuthorizationError.default_code, "bad_request"):
        yield everything
        return
    bare = _try("orders", lambda: client.search_orders(**window), "Orders can be fetched.", ORDER_ROLES)
    yield bare
    for name in datasets if bare.ok else ():
        yield _dataset(client, window, name)


def _dataset(client: "AmazonClient", window: dict[str, Any], name: str) -> Finding:
    return _try(
        f"data set {name}",
        lambda: client.search_orders(**window, includedData=[name]),
        f"The data set {name} can be fetched.",
        f"OMS fetches orders without the data set {name}.",
    )


def _stock(client: "AmazonClient", marketplace: Marketplace) -> Finding:
    step = f"inventory {marketplace.code}"
    try:
        client.inventory_summaries(
            details="true",
            granularityType="Marketplace",
            granularityId=marketplace.id,
            marketplaceIds=marketplace.id,
        )
    except RequestRefused as error:
        if error.status != 400:
            return _problem(step, error, "")
        text = f"The seller does not use FBA ({marketplace.country}); there is no stock to fetch."
        return Finding(step=step, ok=True, message=text, code="no_fba", request_id=error.request_id)
    except PlatformError as error:
        return _problem(step, error, STOCK_ROLES)
    return Finding(step=step, ok=True, message=f"FBA stock can be fetched ({marketplace.country}).")


def _try(step: str, call: Callable[[], Any], success: str, advice: str = "") -> Finding:
    try:
        call()
    except PlatformError as error:
        return _problem(step, error, advice)
    return Finding(step=step, ok=True, message=success)


def _problem(step: str, error: PlatformError, advice: str) -> Finding:
    """`advice` is for a missing role or a refusal; other errors say themselves what to do."""
    wants_advice = isinstance(error, AuthorizationError | RequestRefused)
    message = f"{error} {advice}".strip() if wants_advice else str(error)
    return Finding(step=step, ok=False, message=message, code=error.code, request_id=error.request_id)


def _yesterday(config: AmazonConfig) -> dict[str, Any]:
    """Parameters of a small search: one order of the last day."""
    now = datetime.now(UTC)
    return {
        "lastUpdatedAfter": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "lastUpdatedBefore": f"{now - timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}",
        "marketplaceIds": [marketplace.id for marketplace in config.marketplaces],
        "maxResultsPerPage": 1,
    }
