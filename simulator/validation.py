"""The rules for parameters, as Amazon's models state them.

Each function takes what was sent and returns what it means, or raises `Refused` (400 or 403).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simulator.errors import Refused, denied, invalid
from simulator.orders import to_ms

DATA_SETS = frozenset(
    {
        "BUYER",
        "RECIPIENT",
        "PROCEEDS",
        "EXPENSE",
        "PROMOTION",
        "CANCELLATION",
        "FULFILLMENT",
        "PACKAGES",
        "TAX",
        "PAYMENT",
        "FULFILLMENT_ORDERS",
    }
)
STATUSES = frozenset(
    {
        "PENDING_AVAILABILITY",
        "PENDING",
        "UNSHIPPED",
        "PARTIALLY_SHIPPED",
        "SHIPPED",
        "CANCELLED",
        "UNFULFILLABLE",
    }
)
FULFILLERS = {"MERCHANT": "merchant", "AMAZON": "platform"}
SEARCH_PARAMS = frozenset(
    {
        "createdAfter",
        "createdBefore",
        "lastUpdatedAfter",
        "lastUpdatedBefore",
        "fulfillmentStatuses",
        "marketplaceIds",
        "fulfilledBy",
        "maxResultsPerPage",
        "paginationToken",
        "includedData",
    }
)
INVENTORY_PARAMS = frozenset(
    {
        "details",
        "granularityType",
        "granularityId",
        "startDateTime",
        "sellerSkus",
        "sellerSku",
        "nextToken",
        "marketplaceIds",
    }
)
# "at least two minutes before the time of the request": the model, createdBefore and lastUpdatedBefore.
YOUNGEST = timedelta(minutes=2)

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")


@dataclass(frozen=True, slots=True)
class Search:
    """A valid searchOrders request; bounds are inclusive, in ms. `before` is set even if it was not sent."""

    axis: str
    after: int
    before: int
    marketplaces: frozenset[str]
    statuses: frozenset[str]
    fulfillers: frozenset[str]
    include: frozenset[str]
    limit: int


@dataclass(frozen=True, slots=True)
class StockQuery:
    """A valid getInventorySummaries request; no SKUs means all of them."""

    marketplace_id: str
    details: bool
    skus: frozenset[str]
    since: datetime | None


def parse_search(params: Mapping[str, str], participates: Collection[str], now: datetime) -> Search:
    check_names(params, SEARCH_PARAMS)
    if ("createdAfter" in params) == ("lastUpdatedAfter" in params):
        raise invalid("Exactly one of createdAfter and lastUpdatedAfter must be given.")
    axis, other = ("created", "lastUpdated") if "createdAfter" in params else ("lastUpdated", "created")
    if f"{other}Before" in params:
        raise invalid(f"{other}Before cannot be combined with {axis}After.")
    after, before = _window(params, axis, now)
    limit = params.get("maxResultsPerPage", "100")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= 100:
        raise invalid("maxResultsPerPage must be a number from 1 to 100.")
    return Search(
        axis=axis,
        after=after,
        before=before,
        marketplaces=_marketplaces(params, participates, most=50),
        statuses=known_values(params, "fulfillmentStatuses", STATUSES),
        fulfillers=frozenset(FULFILLERS[name] for name in known_values(params, "fulfilledBy", FULFILLERS)),
        include=known_values(params, "includedData", DATA_SETS),
        limit=int(limit),
    )


def parse_stock_query(params: Mapping[str, str], participates: Collection[str], now: datetime) -> StockQuery:
    check_names(params, INVENTORY_PARAMS)
    if params.get("granularityType") != "Marketplace":
        raise invalid("granularityType must be Marketplace.")
    for name in ("granularityId", "marketplaceIds"):
        if not params.get(name):
            raise invalid(f"{name} is required.")
    marketplaces = _marketplaces(params, participates, most=1)
    if {params["granularityId"]} != marketplaces:
        raise invalid("granularityId must be the marketplace in marketplaceIds.")
    if params.get("details", "false") not in ("true", "false"):
        raise invalid("details must be true or false.")
    skus = csv(params, "sellerSkus")
    if len(skus) > 50:
        raise invalid("sellerSkus takes at most 50 SKUs.")
    since = parse_time(params, "startDateTime") if "startDateTime" in params else None
    if since is not None and since < now - timedelta(days=548):
        raise invalid("startDateTime must not be earlier than 18 months ago.")
    single = [params["sellerSku"]] if params.get("sellerSku") else []
    return StockQuery(
        marketplace_id=params["granularityId"],
        details=params.get("details") == "true",
        # "SKU filters are ignored with startDateTime": spapi-facts, section 3.
        skus=frozenset() if since else frozenset([*skus, *single]),
        since=since,
    )


def parse_included(params: Mapping[str, str]) -> frozenset[str]:
    """The parameters of getOrder: nothing but the data sets."""
    check_names(params, frozenset({"includedData"}))
    return known_values(params, "includedData", DATA_SETS)


def refuse_data(asked: Collection[str], refused: Collection[str], unnamed: Collection[str]) -> None:
    """A role is missing for some of the data sets that were asked for, or Amazon refuses them without a word.

    The second was seen in August 2026: https://github.com/amzn/selling-partner-api-models/issues/5365
    """
    denied_sets = sorted(set(asked) & set(refused))
    if denied_sets:
        raise denied(f"The application does not have access to: {', '.join(denied_sets)}.")
    if set(asked) & set(unnamed):
        raise Refused(
            400,
            "InvalidInput",
            "The input you have submitted is not valid. Please check your input and try again.",
        )


def check_names(params: Mapping[str, str], allowed: Collection[str]) -> None:
    unknown = sorted(name for name in params if name not in allowed)
    if unknown:
        raise invalid(f"Unknown parameters: {', '.join(unknown)}.")


def csv(params: Mapping[str, str], name: str) -> list[str]:
    """The values of a csv parameter; refuses an empty list and empty values."""
    if name not in params:
        return []
    values = params[name].split(",")
    if not all(values):
        raise invalid(f"{name} has an empty value.")
    return values


def known_values(params: Mapping[str, str], name: str, allowed: Collection[str]) -> frozenset[str]:
    values = csv(params, name)
    unknown = [value for value in values if value not in allowed]
    if unknown:
        raise invalid(f"{name} does not know {', '.join(unknown)}.")
    return frozenset(values)


def parse_time(params: Mapping[str, str], name: str) -> datetime:
    text = params[name]
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(f"{name} is not an ISO 8601 time with a time zone.") from error


def _window(params: Mapping[str, str], axis: str, now: datetime) -> tuple[int, int]:
    after = parse_time(params, f"{axis}After")
    youngest = now - YOUNGEST
    name = f"{axis}Before"
    before = parse_time(params, name) if name in params else youngest
    if name in params and before < after:
        raise invalid(f"{name} must be equal to or after {axis}After.")
    if before > youngest:
        raise invalid(f"{name} must be at least two minutes before the time of the request.")
    # Rounded inwards, so that a bound finer than our milliseconds stays inclusive and exact.
    return to_ms(after + timedelta(microseconds=999)), to_ms(before)


def _marketplaces(params: Mapping[str, str], participates: Collection[str], most: int) -> frozenset[str]:
    values = csv(params, "marketplaceIds")
    if len(values) > most:
        raise invalid(f"marketplaceIds takes at most {most}.")
    if any(value not in participates for value in values):
        raise denied()
    return frozenset(values)
