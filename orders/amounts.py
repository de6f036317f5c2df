"""Whether the amounts of an order add up."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

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
