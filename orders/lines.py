"""The lines of orders: written, compared with what is stored, and removed where they vanished."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from core.database.bulk import BulkUpsert
from orders.changes import Change, line_changes
from orders.models import OrderItem
from orders.products import remember_products
from orders.records import OrderItemRecord

ITEM_REPORTED = (
    "sku", "asin", "title", "quantity_ordered", "quantity_shipped", "unit_price", "total", "tax", "shipping",
    "discount", "currency",
)  # fmt: skip

item_values_of = attrgetter("external_id", *ITEM_REPORTED)
_write_items = BulkUpsert(
    OrderItem, fields=("order", "external_id", *ITEM_REPORTED), unique=("order", "external_id")
)


def merged(new: Sequence[Any], stored: Sequence[Any]) -> list[Any]:
    """`new` with the stored value wherever nothing was reported."""
    return [
        old if value is None or value in ("", ()) else value for value, old in zip(new, stored, strict=True)
    ]


def replace_items(
    items_of: dict[int, tuple[OrderItemRecord, ...]], changed: set[int]
) -> dict[int, list[Change]]:
    """Write the lines of each order id; of the changed orders, remove those that vanished. Returns what changed.

    Every order has a line: one that comes without any is an answer with a gap, and its stored lines stay.
    """
    changed = {order_id for order_id in changed if items_of[order_id]}
    stored: dict[int, dict[str, tuple[Any, ...]]] = {order_id: {} for order_id in changed}
    vanished = set()
    if changed:
        of_changed = OrderItem.objects.filter(order_id__in=changed).order_by("id")
        for order_id, external_id, pk, *values in of_changed.values_list(
            "order_id", "external_id", "id", *ITEM_REPORTED
        ):
            stored[order_id][external_id] = tuple(values)
            if all(item.external_id != external_id for item in items_of[order_id]):
                vanished.add(pk)
    written: list[tuple[Any, ...]] = []
    changes: dict[int, list[Change]] = {}
    for order_id, items in items_of.items():
        if order_id not in changed:
            written += [(order_id, *item_values_of(item)) for item in items]
            continue
        before, after = stored[order_id], {}
        for item in items:
            external_id, *new = item_values_of(item)
            after[external_id] = merged(new, before[external_id]) if external_id in before else new
        written += [(order_id, external_id, *values) for external_id, values in after.items()]
        changes[order_id] = line_changes(ITEM_REPORTED, before, after)
    _write_items(written)
    remember_products((row[2], row[4]) for row in written)
    if vanished:
        OrderItem.objects.filter(pk__in=vanished).delete()
    return changes


def stored_lines(platform_id: int, external_id: str) -> dict[str, tuple[Any, ...]]:
    """The lines of one order by their ids, as values of ITEM_REPORTED."""
    lines = OrderItem.objects.filter(order__platform=platform_id, order__external_id=external_id)
    rows = lines.order_by("id").values_list("external_id", *ITEM_REPORTED)
    return {row[0]: row[1:] for row in rows}
