"""What is different between an order as stored and as reported: for the timeline, and before somebody stores it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.money import amount_text

# field, old, new; and for one of the order's lines, its name. Values are text, a number, true/false, or None.
Change = list[Any]
ADDED, REMOVED = "added", "removed"
# It says when, and is a change by itself only where there is none other.
NOT_NEWS = "platform_updated_at"


def order_changes(fields: Sequence[str], old: Sequence[Any], new: Sequence[Any]) -> list[Change]:
    """The fields whose values differ, in their order. `old` and `new` are values of `fields`."""
    currencies = [dict(zip(fields, values, strict=True)).get("currency") or "" for values in (old, new)]
    return [
        [field, _plain(before, currencies[0]), _plain(after, currencies[1])]
        for field, before, after in zip(fields, old, new, strict=True)
        if field != NOT_NEWS and _comparable(before) != _comparable(after)
    ]


def line_changes(
    fields: Sequence[str], old: Mapping[str, Sequence[Any]], new: Mapping[str, Sequence[Any]]
) -> list[Change]:
    """What differs in the lines, which are given by their ids as values of `fields`."""
    changes: list[Change] = []
    for line_id, values in new.items():
        name = _name(fields, values, line_id)
        if line_id in old:
            changes += [[*change, name] for change in order_changes(fields, old[line_id], values)]
        else:
            changes.append([ADDED, None, _quantity(fields, values), name])
    for line_id, values in old.items():
        if line_id not in new:
            changes.append([REMOVED, _quantity(fields, values), None, _name(fields, values, line_id)])
    return changes


def _name(fields: Sequence[str], values: Sequence[Any], line_id: str) -> str:
    return str(values[fields.index("sku")] or line_id)


def _quantity(fields: Sequence[str], values: Sequence[Any]) -> Any:
    return values[fields.index("quantity_ordered")]


def _comparable(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plain(value: Any, currency: str) -> Any:
    """As JSON keeps it: amounts with their currency, times in ISO 8601, lists as one text."""
    if isinstance(value, Decimal):
        return f"{amount_text(value, currency)} {currency}".strip()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or None
    return None if value == "" else value
