"""Known differences between a list of stock and what the platform's API says of a SKU. Each rule has a name; none is an
alarm.

RULES          of one quantity, before anybody is asked again
EXPLANATIONS   of a listing, once the platform was asked for the SKU by its name: stock moves all the time, so that a
               list and what was stored minutes before or after it are hardly ever the same
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.completeness.rules import UNREADABLE, Difference
from integrations.completeness.stock.records import Quantities

LAG = timedelta(minutes=15)  # so long after a change, a sweep may still have listed what was before it
UNDATED = frozenset({"inbound", "total"})


def reserved_without_transfers(difference: Difference, reported: Quantities, stored: Quantities) -> bool:
    """The list counts units between warehouses apart from those that are reserved."""
    if reported.in_transfer is None or reported.reserved is None or stored.reserved is None:
        return False
    return difference.field == "reserved" and reported.reserved + reported.in_transfer == stored.reserved


def total_of_other_kinds(difference: Difference, reported: Quantities, stored: Quantities) -> bool:
    """One side counts units that are looked for, or between warehouses, in its total, the other does not."""
    if difference.field != "total" or reported.total is None or stored.total is None:
        return False
    apart = [(side.researching or 0, side.in_transfer or 0) for side in (reported, stored)]
    off = abs(reported.total - stored.total)
    return any(off in (*pair, sum(pair)) for pair in apart)


RULES: tuple[Callable[[Difference, Quantities, Quantities], bool], ...] = (
    reserved_without_transfers,
    total_of_other_kinds,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a listing: what the list says, what was stored then, and what the platform says `now`, asked for
    the SKU by its name; None: nothing. `swept_at`: when the last sweep that is stored began."""

    sku: str
    reported: Quantities | None
    stored: Quantities | None
    now: Quantities | None
    swept_at: datetime


def confirmed(evidence: Evidence) -> bool:
    """Asked again, the platform says what was stored: its list is of another moment, or counts in another way."""
    stored, now = evidence.stored, evidence.now
    return stored is not None and now is not None and not stored.differing(now)


def changed_since(evidence: Evidence) -> bool:
    """It changed after the last sweep began: the next one would have brought it."""
    now = evidence.now
    return now is not None and now.updated_at is not None and now.updated_at > evidence.swept_at - LAG


def inbound_is_undated(evidence: Evidence) -> bool:
    """Only what is on its way is another number: when that changed, the platform does not say.

    https://github.com/amzn/selling-partner-api-models (fbaInventory.json, startDateTime)
    """
    if evidence.stored is None or evidence.now is None:
        return False
    off = evidence.stored.differing(evidence.now)
    return "inbound" in off and UNDATED.issuperset(off)


def closed_listing(evidence: Evidence) -> bool:
    """The platform knows no such stock by its name, and its list has no unit of it: a listing that was closed, or that
    the merchant ships."""
    return evidence.now is None and (evidence.reported is None or evidence.reported.is_nothing)


def unwritable_sku(evidence: Evidence) -> bool:
    """The list has marks for characters of the SKU that its charset does not have, so that nobody can be asked for it
    by this name. Sweeps bring it by its own."""
    return evidence.now is None and evidence.stored is None and UNREADABLE.search(evidence.sku) is not None


EXPLANATIONS: tuple[Callable[[Evidence], bool], ...] = (
    confirmed,
    changed_since,
    inbound_is_undated,
    closed_listing,
    unwritable_sku,
)


def explained_by(evidence: Evidence) -> str:
    """The name of the rule that knows why the listing was not as its list says; "" where none does."""
    return next((rule.__name__ for rule in EXPLANATIONS if rule(evidence)), "")
