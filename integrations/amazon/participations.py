"""Where a seller takes part, out of getMarketplaceParticipations, and what it means for the configured marketplaces.

Facts: sellers.json in https://github.com/amzn/selling-partner-api-models
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from integrations.amazon import parse
from integrations.amazon.marketplaces import MARKETPLACES, Marketplace
from integrations.protocol import Finding

NO_ROLE = (
    "The marketplaces of the seller are not shown to this app: that takes the role Selling Partner Insights or "
    "Finance and Accounting. OMS needs it for this check alone; syncs work without, but nothing warns of a "
    "marketplace where the seller does not sell. To add it: Seller Central → Develop Apps → edit the app → roles, "
    "then authorise the app again."
)


@dataclass(frozen=True, slots=True)
class Participation:
    """`name` is the country where we know the marketplace, else what Amazon calls it."""

    marketplace_id: str
    name: str
    takes_part: bool
    suspended: bool


def read(answer: Mapping[str, Any]) -> dict[str, Participation]:
    """marketplace id → participation; what cannot be read is left out."""
    found: dict[str, Participation] = {}
    for item in parse.objects(answer["payload"]):
        marketplace = parse.mapping(item.get("marketplace"))
        participation = parse.mapping(item.get("participation"))
        marketplace_id = parse.text(marketplace.get("id"))
        known = MARKETPLACES.get(marketplace_id)
        if marketplace_id:
            found[marketplace_id] = Participation(
                marketplace_id,
                known.country if known else parse.text(marketplace.get("name"))[:40],
                _is_true(participation.get("isParticipating")),
                _is_true(participation.get("hasSuspendedListings")),
            )
    return found


def judge(configured: Sequence[Marketplace], found: Mapping[str, Participation]) -> Iterator[Finding]:
    """One finding for each configured marketplace, and one about those that are not configured; each with where the
    seller takes part."""
    sites = tuple(key for key, place in found.items() if place.takes_part and key in MARKETPLACES)
    return (replace(finding, sites=sites) for finding in _judged(configured, found))


def _judged(configured: Sequence[Marketplace], found: Mapping[str, Participation]) -> Iterator[Finding]:
    active = {key: place for key, place in found.items() if place.takes_part}
    for marketplace in configured:
        step = f"marketplace {marketplace.code}"
        seller = active.get(marketplace.id)
        if seller is None:
            yield _missing(step, marketplace, list(active.values()))
        elif seller.suspended:
            yield _suspended(step, marketplace)
        else:
            yield Finding(step=step, ok=True, message=f"The seller takes part in {marketplace.country}.")
    ids = {marketplace.id for marketplace in configured}
    others = [place.name for key, place in active.items() if key in MARKETPLACES and key not in ids]
    if others and len(others) < len(active):
        yield Finding(
            step="other marketplaces",
            ok=True,
            code="not_configured",
            message=f"The seller also takes part in {', '.join(others)}. OMS fetches nothing from there: choose "
            "what you want under More marketplaces (additional_marketplace_ids).",
        )


def _missing(step: str, marketplace: Marketplace, active: list[Participation]) -> Finding:
    listed = ", ".join(place.name for place in active) or "no marketplace of this region"
    text = (
        f"The seller does not take part in {marketplace.country} ({marketplace.id}); with these credentials it "
        f"sells in: {listed}. Choose one of those in the platform's credentials, or register for "
        f"{marketplace.country} at {marketplace.seller_central} → Settings → Account Info → Your Marketplaces. "
        "Until then OMS gets nothing from there; it fetches what the other marketplaces have."
    )
    return Finding(step=step, ok=False, code="not_participating", message=text)


def _suspended(step: str, marketplace: Marketplace) -> Finding:
    text = (
        f"The seller takes part in {marketplace.country}, but its listings there are inactive (holiday settings, or a "
        f"suspended account): no new orders come in. See {marketplace.seller_central} → Settings → Account Info. OMS "
        "goes on fetching orders and stock."
    )
    return Finding(step=step, ok=True, code="listings_suspended", message=text)


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
