"""Known differences between a list of orders and what the platform says of each order by itself.

Each rule has a name and says what it knows. None of these is an alarm. What no rule knows is a difference, and is shown
with both values.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from integrations.completeness.records import KnownOrder, Line

CENT = Decimal("0.01")
CHARSETS = ("utf-8", "cp1252", "cp932")  # of lists
UNREADABLE = re.compile("[?\ufffd]+")  # what stands in a list for characters that its charset does not have

Lines = Sequence[Line]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that both sides say, and say differently: both values as text."""

    field: str  # version (when it last changed), status, currency, lines or amount
    reported: str
    stored: str


Rule = Callable[[Difference, KnownOrder, KnownOrder], bool]
Sides = tuple[KnownOrder, KnownOrder]  # what a list says of an order, and what is stored of it
Levelling = Callable[[KnownOrder, KnownOrder], Sides]


# --- Of the order: whether the rule knows the difference


def unknown_status(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """One side uses a word for the status that has no meaning here."""
    return difference.field == "status" and {"unknown", ""} & {reported.status, stored.status} != set()


def no_currency(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """Rows without a price have no currency: pending orders, replacements, those from outside."""
    return difference.field == "currency" and not (reported.currency and stored.currency)


def pending_without_price(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """A pending order has no prices in one of the two."""
    return difference.field == "amount" and "pending" in (reported.status, stored.status)


# --- Of an order that is listed, and not stored


def older_than_kept(reported: KnownOrder, kept_since: datetime | None) -> bool:
    """It was placed and last changed so long ago that it is deleted here (KEEP_ORDERS_MONTHS)."""
    if kept_since is None or reported.purchased_at is None or reported.updated_at is None:
        return False
    return max(reported.purchased_at, reported.updated_at) < kept_since


# --- Of its lines: both sides without what the rule knows. One order may have several of these, so they are applied one
# after the other until both sides agree.


def unreadable_characters(reported: KnownOrder, stored: KnownOrder) -> Sides:
    """SKUs of a list in a narrower charset have marks where characters are missing."""
    return _renamed(reported, stored, _may_be), stored


def misread_characters(reported: KnownOrder, stored: KnownOrder) -> Sides:
    """A list names another charset than its own, so that its SKUs are not read as they were written."""
    return _renamed(reported, stored, _may_be_misread), stored


def cancelled_quantity(reported: KnownOrder, stored: KnownOrder) -> Sides:
    """Cancelled lines keep their quantity on one side and have 0 on the other, or are left out."""
    if "cancelled" in (reported.status, stored.status):
        return replace(reported, lines=()), replace(stored, lines=())
    both = (*reported.lines, *stored.lines)
    gone = {line.sku for line in both if line.is_cancelled or line.quantity == 0}
    return _without(reported, gone), _without(stored, gone)


def doubled_row(reported: KnownOrder, stored: KnownOrder) -> Sides:
    """Two lines of one SKU that are alike: as rows of a list they cannot be told from one row that is there twice."""
    return _without_twins(reported), _without_twins(stored)


def line_without_sku(reported: KnownOrder, stored: KnownOrder) -> Sides:
    """One side does not name the SKU of a line; all units together are as many."""
    if all(line.sku for line in (*reported.lines, *stored.lines)):
        return reported, stored
    first, second = (
        replace(side, lines=tuple(replace(line, sku="") for line in side.lines))
        for side in (reported, stored)
    )
    return first, second


def unknown_quantity(reported: KnownOrder, stored: KnownOrder) -> Sides:
    """One side does not say how many units a line has; the SKUs are the same."""
    if all(line.quantity is not None for line in (*reported.lines, *stored.lines)):
        return reported, stored
    first, second = (
        replace(side, lines=tuple(Line(sku=sku) for sku in sorted({line.sku for line in side.lines})))
        for side in (reported, stored)
    )
    return first, second


# --- Of what they cost


def tax_in_the_price(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> bool:
    """Prices of one side include the tax, those of the other do not: which, depends on the marketplace."""
    ours, theirs = total(stored.lines), total(reported.lines)
    if difference.field != "amount" or ours is None or theirs is None:
        return False
    taxes = [amount for side in (reported, stored) if (amount := _tax(side.lines))]
    return any(near(abs(ours - theirs), tax, stored.lines) for tax in taxes)


RULES: tuple[Rule, ...] = (unknown_status, no_currency, pending_without_price, tax_in_the_price)
OF_UNITS: tuple[Levelling, ...] = (
    unreadable_characters,
    misread_characters,
    cancelled_quantity,
    doubled_row,
    line_without_sku,
    unknown_quantity,
)
OF_AMOUNTS: tuple[Levelling, ...] = (cancelled_quantity, doubled_row)
LEVELLINGS = {"lines": OF_UNITS, "amount": OF_AMOUNTS}


def known_by(difference: Difference, reported: KnownOrder, stored: KnownOrder) -> tuple[str, ...]:
    """The names of the rules that know the difference, several where it takes them together; () where none does."""
    names: tuple[str, ...] = ()
    for levelling in (_as_it_is, *LEVELLINGS.get(difference.field, ())):
        before = reported, stored
        reported, stored = levelling(reported, stored)
        if levelling is not _as_it_is:
            if (reported, stored) == before:
                continue
            names += (levelling.__name__,)
            if agree(difference.field, reported, stored):
                return names
        for rule in RULES:
            if rule(difference, reported, stored):
                return (*names, rule.__name__)
    return ()


def agree(field: str, reported: KnownOrder, stored: KnownOrder) -> bool:
    """Whether both sides say the same of their lines, or of what these cost, as far as both say something of it."""
    if field == "lines":
        return units(reported.lines) == units(stored.lines)
    theirs, ours = total(reported.lines), total(stored.lines)
    return theirs is None or ours is None or near(theirs, ours, stored.lines)


def units(lines: Lines) -> Counter[tuple[str, bool]]:
    """Units by SKU, whatever lines they are spread over; lines whose units are not known are counted apart."""
    found: Counter[tuple[str, bool]] = Counter()
    for line in lines:
        found[line.sku, line.quantity is None] += 1 if line.quantity is None else line.quantity
    return found


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


def _as_it_is(reported: KnownOrder, stored: KnownOrder) -> Sides:
    return reported, stored


def _without(order: KnownOrder, skus: set[str]) -> KnownOrder:
    return (
        replace(order, lines=tuple(line for line in order.lines if line.sku not in skus)) if skus else order
    )


def _without_twins(order: KnownOrder) -> KnownOrder:
    alike = {(line.sku, line.quantity, line.price, line.tax): line for line in reversed(order.lines)}
    return order if len(alike) == len(order.lines) else replace(order, lines=tuple(reversed(alike.values())))


def _renamed(reported: KnownOrder, stored: KnownOrder, may_be: Callable[[str, str], bool]) -> KnownOrder:
    """The reported order, with the stored SKUs where its own, which are not stored, may stand for these."""
    theirs, ours = ({line.sku: None for line in side.lines} for side in (reported, stored))
    left = [sku for sku in ours if sku not in theirs]
    names: dict[str, str] = {}
    for read in theirs:
        possible = [sku for sku in left if may_be(read, sku)] if read not in ours else []
        if possible:
            found = min(possible, key=lambda sku: abs(len(sku) - len(read)))
            names[read] = found
            left.remove(found)
    if not names:
        return reported
    lines = tuple(replace(line, sku=names.get(line.sku, line.sku)) for line in reported.lines)
    return replace(reported, lines=lines)


def _may_be_misread(read: str, sku: str) -> bool:
    """Whether the SKU is what was read as `read`, of bytes in one charset that were taken for another."""
    return any(
        sku.encode(written_in, errors="replace").decode(read_as, errors="replace") == read
        for written_in, read_as in itertools.permutations(CHARSETS, 2)
    )


def _may_be(written: str, sku: str) -> bool:
    """Whether the SKU is what a list wrote, with marks for what its charset does not have."""
    pattern = ".+".join(re.escape(part) for part in UNREADABLE.split(written))
    return UNREADABLE.search(written) is not None and re.fullmatch(pattern, sku, re.DOTALL) is not None


def may_be_written(read: str, sku: str) -> bool:
    """Whether a list may have written or read the SKU so, for want of characters or with a wrong charset."""
    return _may_be(read, sku) or _may_be_misread(read, sku)


def _tax(lines: Lines) -> Decimal:
    return sum((line.tax for line in lines if line.tax is not None), Decimal(0))
