"""What happens to an account after it was made: orders that change and orders that are new, stock likewise.

Only the differences are kept; an order is still computed when somebody asks for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from simulator.model import Line, Order, Package, Stock, Window
from simulator.orders import Outline, from_ms, to_ms
from simulator.packages import with_label, with_told
from simulator.scenes import SHIPPED

_CANCELLED = ("cancelled", "CANCELLED")
ODD_TEXT = " \0 \ud83d!"
FINER = Decimal("0.00003333")
Timeline = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Edit:
    """How an order differs from the one that its index makes; `created` in ms, None where that stays.

    revision   so often its status changed
    rises      so often its amounts rose
    dropped    so many of its last lines are gone
    cancelled  for good: all quantities are 0, and stay so
    withdrawn  for good: programs, the order that it replaces, shipping and discounts
    no_time    stands in for the times until when it is to be shipped and delivered, such as a time of the year 9999
    odd_text   the titles of its lines hold U+0000 and half of a surrogate pair
    finer      prices and totals of its lines have eight decimal places
    told       the packages that Amazon was told of, as it shows them
    shipped    the status that follows from them: unified, and Amazon's word
    label      a label was bought from Amazon for what is unshipped, and is not used yet
    program    takes part in this one, too
    """

    updated: int
    created: int | None = None
    revision: int = 0
    rises: int = 0
    dropped: int = 0
    cancelled: bool = False
    withdrawn: bool = False
    no_time: datetime | None = None
    odd_text: bool = False
    finer: bool = False
    told: tuple[Package, ...] = ()
    shipped: tuple[str, str] | None = None
    label: bool = False
    program: str = ""


@dataclass(frozen=True, slots=True)
class StockEdit:
    """How a row of stock differs: so often it changed, and when last (ms).

    bare  it has a total of 0, and details with nothing in them
    """

    updated: int
    revision: int
    bare: bool = False


def revised_status(status: tuple[str, str], edit: Edit) -> tuple[str, str]:
    """The next status: an order that is not shipped is shipped, then cancelled, shipped again, and so on."""
    if edit.cancelled:
        return _CANCELLED
    status = edit.shipped or status
    for _ in range(edit.revision):
        status = SHIPPED if status != SHIPPED else _CANCELLED
    return status


def revised_outline(known: Outline, edit: Edit) -> Outline:
    status, platform_status = revised_status((known.status, known.platform_status), edit)
    return replace(known, status=status, platform_status=platform_status)


def revised_order(order: Order, edit: Edit) -> Order:
    """Each edit changes something visible: the status, the amounts, the lines or their quantities."""
    status, platform_status = revised_status((order.status, order.platform_status), edit)
    lines = tuple(_revised_line(line, edit) for line in order.lines[: len(order.lines) - edit.dropped])
    amounts = [line.total for line in lines if line.total is not None]
    if edit.withdrawn:
        order = replace(order, programs=(), replaced_order_id="", association="", withdrawn=True)
    if edit.no_time is not None:
        never = Window(edit.no_time, edit.no_time)
        order = replace(order, ship_by=never, deliver_by=never)
    order = replace(
        order,
        created=order.created if edit.created is None else from_ms(edit.created),
        updated=from_ms(edit.updated),
        status=status,
        platform_status=platform_status,
        total=None if order.total is None else sum(amounts, order.tip or Decimal(0)),
        lines=lines,
    )
    if edit.program:
        order = replace(order, programs=(*order.programs, edit.program))
    if edit.cancelled:
        return order
    if edit.told:
        order = with_told(order, edit.told)
    return with_label(order) if edit.label else order


def revised_stock(stock: Stock, edit: StockEdit) -> Stock:
    """Each revision changes every quantity; every third one is sold out, with 0 everywhere."""
    n, sold_out = edit.revision, edit.revision % 3 == 0 or edit.bare
    keep = 0 if sold_out else 1
    return replace(
        stock,
        total=keep * (stock.total + 7 * n),
        fulfillable=keep * (stock.fulfillable + 3 * n),
        inbound_working=keep * (stock.inbound_working + n),
        inbound_shipped=keep * stock.inbound_shipped,
        inbound_receiving=keep * stock.inbound_receiving,
        reserved=_each(stock.reserved, keep, n),
        researching=_each(stock.researching, keep, n),
        unfulfillable=tuple(keep * count for count in stock.unfulfillable),
        updated=from_ms(edit.updated),
        bare=edit.bare,
    )


def moment_ms(at: datetime | None) -> int:
    """`at` in ms, now where it is None. Raises ValueError for a time without a time zone."""
    if at is not None and at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    return to_ms(at or datetime.now(UTC))


def move(timeline: Timeline, old: tuple[int, int] | None, new: tuple[int, int]) -> None:
    """Move an entry to its new position."""
    if old is not None:
        del timeline[bisect_left(timeline, old)]
    insort(timeline, new)


def _revised_line(line: Line, edit: Edit) -> Line:
    line = _dearer(_without_extras(line) if edit.withdrawn else line, edit.rises)
    if edit.odd_text and line.title:
        line = replace(line, title=f"{line.title}{ODD_TEXT}")
    if edit.finer and line.unit_price is not None and line.total is not None:
        line = replace(line, unit_price=line.unit_price + FINER, total=line.total + FINER)
    if edit.cancelled:
        return replace(line, quantity_ordered=0, quantity_shipped=0)
    return replace(line, quantity_shipped=line.quantity_ordered) if edit.revision else line


def _without_extras(line: Line) -> Line:
    """The line without shipping and discount; its total is what remains."""
    if line.total is None:
        return line
    total = line.total - (line.shipping or 0) + (line.discount or 0)
    return replace(line, shipping=None, discount=None, total=total)


def _dearer(line: Line, rises: int) -> Line:
    """Every amount that the line has, by so many of its currency's smallest unit a piece."""
    if line.unit_price is None or line.item_amount is None or line.total is None:
        return line
    more = rises * Decimal(1).scaleb(int(line.unit_price.as_tuple().exponent))
    shipping, tax, discount = (
        None if amount is None else amount + more for amount in (line.shipping, line.tax, line.discount)
    )
    signs = (shipping is not None) + (tax is not None) - (discount is not None)
    return replace(
        line,
        unit_price=line.unit_price + more,
        item_amount=line.item_amount + more * line.quantity_ordered,
        shipping=shipping,
        tax=tax,
        discount=discount,
        total=line.total + more * (line.quantity_ordered + signs),
    )


def _each(counts: tuple[int, int, int], keep: int, more: int) -> tuple[int, int, int]:
    first, second, third = counts
    return keep * (first + more), keep * (second + more), keep * (third + more)
