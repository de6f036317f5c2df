"""Whether the amounts of an order add up, and what the amount of a line is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from orders.models import Order, OrderItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """The lines of an order compared with its total, in the order's currency. An unknown value is None, never 0.

    `lines`: the sum of the lines' totals; None where one is unknown, or they are in other currencies.
    `beside`: the part of the total that belongs to no line, e.g. a tip. `why_unknown` is "", "total", "lines" or
    "currencies".
    """

    total: Decimal | None
    lines: Decimal | None
    beside: Decimal
    why_unknown: str

    @property
    def difference(self) -> Decimal | None:
        """How much the total is above the sum (below: negative); None where one of them is not known."""
        if self.total is None or self.lines is None or self.why_unknown:
            return None
        return self.total - self.lines - self.beside


def sum_up(order: Order, items: Sequence[OrderItem], beside: Decimal) -> Sum:
    """The sum of `items`, which are all lines of `order`. A cancelled line has no amount, and needs none."""
    counted = [item for item in items if item.total is not None or item.quantity_ordered != 0]
    totals = [item.total for item in counted if item.total is not None]
    is_known = bool(items) and len(totals) == len(counted)
    why = ""
    if order.total is None:
        why = "total"
    elif not is_known:
        why = "lines"
    elif any(item.currency != order.currency for item in counted):
        why = "currencies"
    lines = sum(totals, Decimal(0)) if why in ("", "total") and is_known and totals else None
    return Sum(total=order.total, lines=lines, beside=beside, why_unknown=why)


class Basis(StrEnum):
    """Whether the amounts of a line are without their tax. Shown by its sums alone: no platform says it."""

    NET = "net"  # the parts and the tax are the total
    GROSS = "gross"  # the parts are the total, and contain the tax
    UNKNOWN = ""  # neither, or no tax is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a line: "item", "shipping", "other" (gift wrap, cash on delivery) or "discount".

    `amount` is as the platform names it, but that of a discount is negative where it lowers the total; `tax` is its
    part of the tax, with the sign with which it counts in that. None: not named, or what it means is not known.
    """

    name: str
    amount: Decimal | None
    tax: Decimal | None
    basis: Basis

    @property
    def net(self) -> Decimal | None:
        if self.basis == Basis.GROSS:
            return _sum(self.amount, None if self.tax is None else -self.tax)
        return self.amount if self.basis == Basis.NET else None

    @property
    def gross(self) -> Decimal | None:
        if self.basis == Basis.NET:
            return _sum(self.amount, self.tax)
        return self.amount if self.basis == Basis.GROSS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAmounts:
    """What a line is made of, in `currency`.

    `units` is price × quantity. `is_item_computed`: the platform does not name the amount of the goods, and `units`
    stands for it. `other_tax` is what of `tax` belongs to none of the parts. `net` is the total without tax,
    `remainder` what of the total no part explains; None where that cannot be said.
    """

    currency: str
    units: Decimal | None
    item: Part
    shipping: Part
    other: Part
    discount: Part
    tax: Decimal | None
    other_tax: Decimal | None
    total: Decimal | None
    basis: Basis
    is_item_computed: bool

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.item, self.shipping, self.other, self.discount

    @property
    def net(self) -> Decimal | None:
        return _sum(self.total, None if self.tax is None else -self.tax)

    @property
    def remainder(self) -> Decimal | None:
        if self.total is None or self.item.amount is None:
            return None
        named = sum((part.amount or Decimal(0) for part in self.parts), Decimal(0))
        return self.total - named - (Decimal(0) if self.basis == Basis.GROSS else self.tax or Decimal(0))

    @property
    def steps(self) -> tuple[tuple[str, Decimal], ...]:
        """From price × quantity to the total, which they add up to: `units`, `item` (what the amount of the goods has
        more or less than that), `shipping`, `other`, `discount`, `tax` (where it is on top), `remainder`. Without those
        that are 0, and empty where one end is not known."""
        if self.units is None or self.remainder is None or self.item.amount is None:
            return ()
        on_top = None if self.basis == Basis.GROSS else self.tax
        steps = [
            ("item", self.item.amount - self.units),
            *((part.name, part.amount) for part in self.parts[1:]),
            ("tax", on_top),
            ("remainder", self.remainder),
        ]
        return ("units", self.units), *((name, amount) for name, amount in steps if amount)


class Line(Protocol):
    """What `line_amounts` reads; an OrderItem has it."""

    @property
    def currency(self) -> str: ...
    @property
    def quantity_ordered(self) -> int | None: ...
    @property
    def unit_price(self) -> Decimal | None: ...
    @property
    def item_subtotal(self) -> Decimal | None: ...
    @property
    def other_charges(self) -> Decimal | None: ...
    @property
    def shipping(self) -> Decimal | None: ...
    @property
    def discount(self) -> Decimal | None: ...
    @property
    def tax(self) -> Decimal | None: ...
    @property
    def item_tax(self) -> Decimal | None: ...
    @property
    def shipping_tax(self) -> Decimal | None: ...
    @property
    def gift_wrap_tax(self) -> Decimal | None: ...
    @property
    def discount_tax(self) -> Decimal | None: ...
    @property
    def total(self) -> Decimal | None: ...


def line_amounts(line: Line) -> LineAmounts:
    """Break a line into its parts, each with its tax. Nothing is guessed: what the sums do not show is not known.

    Platforms name a discount as what is taken off, or as a negative amount; either way it lowers the total.
    """
    price, quantity = line.unit_price, line.quantity_ordered
    units = None if price is None or quantity is None else price * quantity
    discount = None if line.discount is None else -abs(line.discount)
    item = units if line.item_subtotal is None else line.item_subtotal
    basis = _basis(line, item, discount)
    discount_tax = _discount_tax(line)
    taxes = (line.item_tax, line.shipping_tax, line.gift_wrap_tax, discount_tax)
    in_parts = sum((tax for tax in taxes if tax is not None), Decimal(0))
    return LineAmounts(
        currency=line.currency,
        units=units,
        item=Part(name="item", amount=item, tax=line.item_tax, basis=basis),
        shipping=Part(name="shipping", amount=line.shipping, tax=line.shipping_tax, basis=basis),
        other=Part(name="other", amount=line.other_charges, tax=line.gift_wrap_tax, basis=basis),
        discount=Part(name="discount", amount=discount, tax=discount_tax, basis=basis),
        tax=line.tax,
        other_tax=None if line.tax is None else line.tax - in_parts,
        total=line.total,
        basis=basis,
        is_item_computed=line.item_subtotal is None and units is not None,
    )


def _basis(line: Line, item: Decimal | None, discount: Decimal | None) -> Basis:
    if item is None or line.total is None or line.tax is None:
        return Basis.UNKNOWN
    rest = line.total - item - sum(amount or 0 for amount in (line.shipping, line.other_charges, discount))
    if rest == line.tax:
        return Basis.NET
    return Basis.UNKNOWN if rest else Basis.GROSS


def _discount_tax(line: Line) -> Decimal | None:
    """With the sign with which it counts in the tax; None where the sum of the parts does not show it."""
    if line.tax is None or line.discount_tax is None:
        return None
    others = sum((tax or 0 for tax in (line.item_tax, line.shipping_tax, line.gift_wrap_tax)), Decimal(0))
    counted = line.tax - others
    return counted if abs(counted) == abs(line.discount_tax) else None


def _sum(*amounts: Decimal | None) -> Decimal | None:
    """None where one of them is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None
