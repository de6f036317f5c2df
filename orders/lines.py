"""The lines of orders: compared with what is stored, written, and removed where they vanished."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import Any

from core.database.bulk import BulkUpsert
from core.upsert import ABSENT, Columns, Values, reported_fields
from orders.changes import Change, line_changes
from orders.models import OrderItem
from orders.parts import StoredParts, stored_parts
from orders.products import remember_products
from orders.records import OrderItemRecord, OrderRecord
from orders.reported import is_ours

Reported = tuple[Any, ...]
ITEM_REPORTED = reported_fields(OrderItemRecord, but={"external_id"})
AMOUNTS = (
    "unit_price",
    "total",
    "tax",
    "shipping",
    "discount",
    "item_subtotal",
    "other_charges",
    "item_tax",
    "shipping_tax",
    "gift_wrap_tax",
    "discount_tax",
)

_reported = attrgetter("external_id", *ITEM_REPORTED, ABSENT)
_columns = Columns(OrderItem, ITEM_REPORTED, amounts=AMOUNTS)
_write_items = BulkUpsert(
    OrderItem, fields=("order", "external_id", *ITEM_REPORTED), unique=("order", "external_id")
)
_SKU, _TITLE = (("external_id", *ITEM_REPORTED).index(name) for name in ("sku", "title"))
_AT_SKU, _AT_QUANTITY = ITEM_REPORTED.index("sku"), ITEM_REPORTED.index("quantity_ordered")


@dataclass(frozen=True, slots=True)
class Lines:
    """What to write and to remove of the lines of one order that is stored already."""

    # By their ids, gaps filled from what is stored.
    values: Mapping[str, Values] = field(default_factory=dict)
    vanished: tuple[int, ...] = ()  # ids of rows
    changes: list[Change] = field(default_factory=list)


def reported_lines(record: OrderRecord) -> list[Reported] | None:
    """The lines of an order as this module takes them: the id of each, the values of ITEM_REPORTED, and which of these
    are absent. None where the answer says nothing about lines."""
    return None if "items" in record.absent else list(map(_reported, record.items))


def too_fine(lines: Iterable[Reported] | None) -> tuple[str, Decimal] | None:
    """The first amount of the lines that has more decimal places than its column, with the name of that."""
    found = (_columns.too_fine(values) for _id, *values, _absent in lines or ())
    return next(filter(None, found), None)


def stored_lines(order_ids: Iterable[int]) -> dict[int, list[OrderItemRecord]]:
    """The lines of these orders as records. One query."""
    return {
        order_id: [
            OrderItemRecord(external_id=external_id, **dict(zip(ITEM_REPORTED, values, strict=True)))
            for external_id, (_, values) in lines.items()
        ]
        for order_id, lines in stored_parts(OrderItem, order_ids, ITEM_REPORTED).items()
    }


def compare_lines(lines_of: Mapping[int, Sequence[Reported] | None]) -> dict[int, Lines]:
    """Compare the lines of stored orders, given by the orders' ids, with what is stored. One query.

    The lines of an order stay as they are where nothing is said about them.
    """
    told = [order_id for order_id, lines in lines_of.items() if lines is not None]
    stored = stored_parts(OrderItem, told, ITEM_REPORTED)
    return {
        order_id: Lines() if lines is None else _compared(lines, stored[order_id])
        for order_id, lines in lines_of.items()
    }


def _compared(lines: Sequence[Reported], stored: StoredParts) -> Lines:
    before = {external_id: values for external_id, (_, values) in stored.items()}
    for own_id, line_id in _named(lines, stored).items():
        before[line_id] = before.pop(own_id)
    after: dict[str, Values] = {}
    for external_id, *new, absent in lines:
        old = before.get(external_id)
        after[external_id] = new if old is None else _columns.merged(new, old, absent)
    vanished = tuple(pk for external_id, (pk, _) in stored.items() if external_id not in after)
    return Lines(after, vanished, line_changes(_columns, before, after))


def _named(lines: Sequence[Reported], stored: StoredParts) -> dict[str, str]:
    """Stored lines that are known by a list of orders alone, and so have ids of ours, and the lines that take their
    place: by SKU, those of the same quantity first; and the last one for the last one. Ours -> the platform's."""
    unnamed = {external_id: values for external_id, (_, values) in stored.items() if is_ours(external_id)}
    if not unnamed:
        return {}
    told = {line[0] for line in lines}
    unnamed = {external_id: values for external_id, values in unnamed.items() if external_id not in told}
    left = {external_id: values for external_id, *values, _ in lines if external_id not in stored}
    found: dict[str, str] = {}
    for alike in ((_AT_SKU, _AT_QUANTITY), (_AT_SKU,)):
        for own_id, values in unnamed.items():
            if own_id not in found:
                line_id = next((each for each in left if _agree(values, left[each], alike)), None)
                if line_id is not None:
                    found[own_id] = line_id
                    del left[line_id]
    rest = unnamed.keys() - found.keys()
    if len(rest) == len(left) == 1:
        found[rest.pop()] = left.popitem()[0]
    return found


def _agree(one: Values, other: Values, places: Iterable[int]) -> bool:
    return all(one[at] == other[at] for at in places)


def write_lines(new: Mapping[int, Sequence[Reported] | None], changed: Mapping[int, Lines]) -> bool:
    """Write the lines of new orders, and of changed ones; remove those that vanished. Whether an amount may have been
    rounded."""
    order_ids: list[int] = []  # of each line
    written: list[Sequence[Any]] = []  # the lines as `reported_lines` gives them
    for order_id, reported in new.items():
        if reported:
            order_ids += [order_id] * len(reported)
            written += reported
    for order_id, lines in changed.items():
        order_ids += [order_id] * len(lines.values)
        written += [(external_id, *values, ()) for external_id, values in lines.values.items()]
    may_be_rounded = False
    if written:
        columns = list(zip(*written, strict=True))
        may_be_rounded = _write_items.write_columns([order_ids, *columns[:-1]])
        remember_products(zip(columns[_SKU], columns[_TITLE], strict=True))
    vanished = [pk for lines in changed.values() for pk in lines.vanished]
    if vanished:
        OrderItem.objects.filter(pk__in=vanished).delete()
    return may_be_rounded
