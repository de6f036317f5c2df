"""The part of the connection check that asks for orders: as a sync does, and data set by data set where refused.

searchOrders has the smallest quota of all, one call in three minutes: where all is well, it is asked once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from integrations.amazon import normalize, sandbox
from integrations.amazon.config import AmazonConfig
from integrations.amazon.datasets import CONTENTS, how_to_get, named_in
from integrations.amazon.probe import Asked, ask
from integrations.protocol import DataSets, Finding

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

ROLES = (
    "For orders the app needs one of the roles Inventory and Order Tracking, Amazon Fulfillment, Product Listing or "
    "Finance and Accounting: in Seller Central under Develop Apps, edit the app, add the role, then authorise the app "
    "again. Until then, orders cannot be fetched; those that are stored stay as they are."
)
ELSEWHERE = (
    "The likely reason is the marketplace above where the seller does not take part: one call covers all marketplaces "
    "of the platform. Until it is taken out, orders cannot be fetched; those that are stored stay as they are."
)
SILENT = (
    " Amazon takes the question, and leaves the values out silently where the app lacks the restricted role "
    "Direct-to-Consumer Shipping."
)


@dataclass(frozen=True, slots=True)
class OrdersAsked:
    """`asked` holds every call, the one that counts last; `datasets` what became of each data set, where known."""

    asked: list[Asked]
    datasets: dict[str, Asked]
    sandbox: bool = False

    def findings(self, *, not_participating: bool) -> Iterator[Finding]:
        good = "The sandbox answers with its example orders." if self.sandbox else "Orders can be fetched."
        yield self.asked[-1].finding("orders", good, ELSEWHERE if not_participating else ROLES)
        for name, asked in self.datasets.items():
            silent = SILENT if name in normalize.PERSONAL else ""
            yield asked.finding(
                f"data set {name}",
                f"{CONTENTS[name].capitalize()} can be fetched.{silent}",
                f"{how_to_get(name)} Until then OMS stores orders without it: {CONTENTS[name]}.",
            )


def ask_for_orders(
    client: "AmazonClient", config: AmazonConfig, datasets: Sequence[str], seen: DataSets
) -> OrdersAsked:
    """One call where all is well. Otherwise one less the data sets that the refusals name, then without any, and then
    with each alone."""
    if config.sandbox:
        return OrdersAsked([ask(lambda: client.search_orders(**sandbox.SEARCHES[0]))], {}, sandbox=True)

    def search(names: Sequence[str]) -> Asked:
        included = {"includedData": list(names)} if names else {}
        return ask(lambda: client.search_orders(**window, **included))

    window = _yesterday(config)
    calls, found, left = [search(datasets)], dict[str, Asked](), list(datasets)
    while (error := calls[-1].error) and calls[-1].is_refused and (named := named_in(error, left)):
        found |= dict.fromkeys(named, calls[-1])
        left = [name for name in left if name not in named]
        calls.append(search(left))
    if calls[-1].is_refused and left:
        calls.append(search(()))
        alone = {name: search([name]) for name in left} if calls[-1].error is None else {}
    else:
        alone = dict.fromkeys(left, calls[-1]) if calls[-1].error is None else {}
    found |= alone
    works = calls[-1].error is None
    if not works:
        return OrdersAsked(calls, {})
    seen.answered.update(name for name, asked in found.items() if asked.error is None)
    seen.refused.update(name for name, asked in found.items() if asked.is_refused)
    return OrdersAsked(calls, {name: found[name] for name in datasets if name in found})


def _yesterday(config: AmazonConfig) -> dict[str, Any]:
    """Parameters of a small search: one order of the last day."""
    now = datetime.now(UTC)
    return {
        "lastUpdatedAfter": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "lastUpdatedBefore": f"{now - timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}",
        "marketplaceIds": [marketplace.id for marketplace in config.marketplaces],
        "maxResultsPerPage": 1,
    }
