"""The differences between an order as stored and as reported: for the timeline, and for a preview before storing."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.money import amount_text
from core.upsert import Columns, Values

# field, old, new; and for one of the order's lines, its name. Values are text, a number, true/false, or None.
Change = list[Any]
ADDED, REMOVED = "added", "removed"
PACKAGE = "package_"  # begins the names of fields of packages
PACKAGE_ADDED, PACKAGE_REMOVED = f"{PACKAGE}added", f"{PACKAGE}removed"
# The time of a change; it counts as a change only where nothing else changed.
NOT_NEWS = "platform_updated_at"
# What is left to ship follows from these, and is told apart only where it changed alone.
LEFT, LEFT_FOLLOWS = "quantity_left", ("quantity_ordered", "quantity_shipped")


def order_changes(columns: Columns, old: Values, new: Values) -> list[Change]:
    """The columns whose values differ, in their order."""
    at_currency = columns.names.index("currency")
    before, after = old[at_currency] or "", new[at_currency] or ""
    return [
        [columns.names[at], _plain(old[at], before), _plain(new[at], after)]
        for at in columns.differing(new, old)
        if columns.names[at] != NOT_NEWS
    ]


def line_changes(columns: Columns, old: Mapping[str, Values], new: Mapping[str, Values]) -> list[Change]:
    """What differs in the lines, which are given by their ids."""
    changes: list[Change] = []
    for line_id, values in new.items():
        name = _name(columns, values, line_id)
        if line_id in old:
            found = order_changes(columns, old[line_id], values)
            follows = any(change[0] in LEFT_FOLLOWS for change in found)
            changes += [[*change, name] for change in found if not (follows and change[0] == LEFT)]
        else:
            changes.append([ADDED, None, _quantity(columns, values), name])
    for line_id, values in old.items():
        if line_id not in new:
            changes.append([REMOVED, _quantity(columns, values), None, _name(columns, values, line_id)])
    return changes


def package_changes(columns: Columns, old: Mapping[str, Values], new: Mapping[str, Values]) -> list[Change]:
    """What differs in the packages, which are given by their ids. A package that came or went shows as its tracking
    number, or else its carrier."""
    changes: list[Change] = []
    for package_id, values in new.items():
        before = old.get(package_id)
        if before is None:
            changes.append([PACKAGE_ADDED, None, _package(columns, values), package_id])
            continue
        for at in columns.differing(values, before):
            changes.append(
                [f"{PACKAGE}{columns.names[at]}", _plain(before[at], ""), _plain(values[at], ""), package_id]
            )
    gone = [(package_id, values) for package_id, values in old.items() if package_id not in new]
    return changes + [[PACKAGE_REMOVED, _package(columns, values), None, name] for name, values in gone]


def _package(columns: Columns, values: Values) -> Any:
    of = dict(zip(columns.names, values, strict=True))
    return of["tracking_number"] or of["carrier"] or None


def _name(columns: Columns, values: Values, line_id: str) -> str:
    return str(values[columns.names.index("sku")] or line_id)


def _quantity(columns: Columns, values: Values) -> Any:
    return values[columns.names.index("quantity_ordered")]


def _plain(value: Any, currency: str) -> Any:
    """As JSON keeps it: amounts with their currency, times in ISO 8601, lists as one text."""
    if isinstance(value, Decimal):
        return f"{amount_text(value, currency)} {currency}".strip()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(map(_entry, value)) or None
    return None if value == "" else value


def _entry(value: Any) -> str:
    """An entry of a list; what is in a package as `2 × 0501…`, the line's id."""
    return f"{value.get('quantity')} × {value.get('item')}" if isinstance(value, dict) else str(value)
