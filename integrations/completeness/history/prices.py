"""Whether the prices of a platform's lists include the tax: found out from orders that are known in full, by
marketplace, since it is not the same everywhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.models import FetchingJob
from orders.models import Order
from orders.records import ReportedLine
from orders.reported import Prices, prices_of
from platforms.models import Source

ENOUGH = 3  # orders that say the same
BY_FAR = 10  # so many times as many as say the opposite
Votes = dict[str, dict[str, int]]  # marketplace -> "net" or "gross" -> orders


def known_prices(votes: Mapping[str, Mapping[str, int]], marketplace_id: str) -> Prices:
    """UNKNOWN as long as too few orders told, or they do not agree."""
    said = votes.get(marketplace_id, {})
    net, gross = said.get(Prices.NET, 0), said.get(Prices.GROSS, 0)
    if max(net, gross) < ENOUGH or max(net, gross) < BY_FAR * min(net, gross):
        return Prices.UNKNOWN
    return Prices.NET if net > gross else Prices.GROSS


def learn(job: FetchingJob, orders: Mapping[str, Sequence[ReportedLine]]) -> Votes:
    """The votes with those of these orders that are stored in full. One query; none where all is known."""
    votes: Votes = {site: dict(said) for site, said in job.prices.items()}
    wanted = [
        order_id
        for order_id, rows in orders.items()
        if known_prices(votes, rows[0].marketplace_id) == Prices.UNKNOWN
    ]
    if not wanted:
        return votes
    full: Any = Order.objects.filter(
        platform=job.platform_id,
        external_id__in=wanted,
        source=Source.LIVE,
        completeness=Order.Completeness.FULL,
    ).exclude(total=None)
    for order_id, total in full.values_list("external_id", "total"):
        rows = orders[order_id]
        said = prices_of(rows, total)
        if said != Prices.UNKNOWN:
            of_site = votes.setdefault(rows[0].marketplace_id, {})
            of_site[said] = of_site.get(said, 0) + 1
    return votes
