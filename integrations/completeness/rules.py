"""Known differences between a list of orders and what the platform says of each order by itself.

Each rule looks at one difference and says whether it is one of these. None of them is an alarm. What no rule knows is a
difference, and is shown with both values.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from integrations.completeness.records import KnownOrder, Line

CENT = Decimal("0.01")
UNREADABLE = re.compile("[?\ufffd]+")  # what stands in a list for characters that its charset does not have

Lines = Sequence[Line]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that both sides say, and say differently: both values as text."""

    field: str  # status, currency, lines or amount
    reported: str
    stored: str


Rule = Callable[[Difference, KnownOrder, KnownOrder], bool]


def unknown_status(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """One side uses a word for the status that has no meaning here."""
    return difference.field == "status" and {"unknown", ""} & {reported.status, stored.status} != set()


def no_currency(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """Rows without a price have no currency: pending orders, replacements, those from outside."""
    return difference.field == "currency" and not (reported.currency and stored.currency)


def pending_without_price(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """A pending order has no prices in one of the two."""
    return difference.field == "amount" and "pending" in (reported.status, stored.status)


def cancelled_quantity(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """Cancelled lines keep their quantity on one side and have 0 on the other, or are left out."""
    if difference.field not in ("lines", "amount"):
        return False
    if "cancelled" in (reported.status, stored.status):
        return True
    gone = {line.sku for side in (reported, stored) for line in side.lines if line.is_cancelled}
    gone |= {line.sku for side in (reported, stored) for line in side.lines if line.quantity == 0}
    return bool(gone) and _units(_without(reported.lines, gone)) == _units(_without(stored.lines, gone))


def unreadable_characters(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """SKUs of a list in a narrower charset have marks where characters are missing."""
    if difference.field != "lines":
        return False
    ours = list(stored.lines)
    for line in reported.lines:
        found = next(
            (own for own in ours if own.quantity == line.quantity and _may_be(line.sku, own.sku)), None
        )
        if found is None:
            return False
        ours.remove(found)
    return not ours


def doubled_row(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """Two lines of one SKU that are alike: as rows of a list they cannot be told from one row that is there twice."""
    if difference.field not in ("lines", "amount"):
        return False
    alike = Counter((line.sku, line.quantity) for line in stored.lines)
    return max(alike.values(), default=0) > 1 and set(alike) == {
        (line.sku, line.quantity) for line in reported.lines
    }


def line_without_sku(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """One side does not name the SKU of a line; all units together are as many."""
    if difference.field != "lines" or all(line.sku for line in (*reported.lines, *stored.lines)):
        return False
    totals = [sum(line.quantity or 0 for line in side.lines) for side in (reported, stored)]
    return totals[0] == totals[1]


def unknown_quantity(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """One side does not say how many units a line has; the SKUs are the same."""
    if difference.field != "lines" or all(
        line.quantity is not None for line in (*reported.lines, *stored.lines)
    ):
        return False
    return {line.sku for line in reported.lines} == {line.sku for line in stored.lines}


def tax_in_the_price(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """Prices of one side include the tax, those of the other do not: which, depends on the marketplace."""
    if difference.field != "amount":
        return False
    ours, theirs = total(stored.lines), total(reported.lines)
    taxes = [amount for side in (reported, stored) if (amount := _tax(side.lines))]
    if ours is None or theirs is None:
        return False
    return any(near(abs(ours - theirs), tax, stored.lines) for tax in taxes)


RULES: tuple[Rule, ...] = (
    unknown_status,
    no_currency,
    pending_without_price,
    cancelled_quantity,
    unreadable_characters,
    doubled_row,
    line_without_sku,
    unknown_quantity,
    tax_in_the_price,
)


def whole_seconds(moment: datetime | None) -> datetime | None:
    """Lists have no fractions of seconds: those are no difference."""
    return None if moment is None else moment.replace(microsecond=0)


def total(lines: Iterable[Line]) -> Decimal | None:
    """What all lines cost; None where that of one is not known."""
    prices = [line.price for line in lines]
    known = [price for price in prices if price is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(prices) else None


def near(one: Decimal, other: Decimal, lines: Lines) -> bool:
    """Whether two amounts are the same but for rounding: a cent for each unit, since prices of units are rounded."""
    return abs(one - other) <= CENT * sum(max(line.quantity or 1, 1) for line in lines)


# --- Why an order is here that a list does not have


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a list was asked for: the marketplaces, and when. `lag`: orders that are younger need not be in it yet."""

    marketplace_ids: frozenset[str]
    asked_at: datetime
    lag: timedelta


def pending(order: KnownOrder, _scope: Scope) -> bool:
    """It is not paid for yet: lists may leave it out."""
    return order.status == "pending"


def other_marketplace(order: KnownOrder, scope: Scope) -> bool:
    """It belongs to none of the marketplaces that the list is about, or to none at all."""
    return order.marketplace_id not in scope.marketplace_ids


def too_young(order: KnownOrder, scope: Scope) -> bool:
    """It is so young, or changed so shortly before, that the list need not have it."""
    moments = [moment for moment in (order.purchased_at, order.updated_at) if moment is not None]
    return bool(moments) and max(moments) > scope.asked_at - scope.lag


EXPLANATIONS: tuple[Callable[[KnownOrder, Scope], bool], ...] = (pending, other_marketplace, too_young)


def _units(lines: Lines) -> Counter[str]:
    units: Counter[str] = Counter()
    for line in lines:
        units[line.sku] += line.quantity or 0
    return units


def _without(lines: Lines, skus: set[str]) -> Lines:
    return [line for line in lines if line.sku not in skus]


def _may_be(written: str, sku: str) -> bool:
    """Whether the SKU is what a list wrote, with marks for what its charset does not have."""
    if written == sku:
        return True
    pattern = ".+".join(re.escape(part) for part in UNREADABLE.split(written))
    return UNREADABLE.search(written) is not None and re.fullmatch(pattern, sku, re.DOTALL) is not None


def _tax(lines: Lines) -> Decimal:
    return sum((line.tax for line in lines if line.tax is not None), Decimal(0))
