"""The timeline of an order for people: what changed, when, and which sync or person stored it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.dates import meant
from core.format import DASH, platform_time
from orders.changes import ADDED, PACKAGE, PACKAGE_ADDED, PACKAGE_REMOVED, REMOVED, Change
from orders.models import Order, OrderChange, OrderItem, OrderPackage

MOST_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of an entry. `line` names one of the order's lines or packages, "" is the order itself."""

    what: str
    line: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Entry:
    """`is_first`: when the order as a whole was stored, which is not kept; then `stored_at` is None."""

    stored_at: datetime | None
    reported_at: datetime | None
    sync_log_id: int | None
    differences: tuple[Difference, ...]
    is_first: bool = False


def timeline(order: Order) -> list[Entry]:
    """Newest first, up to MOST_ENTRIES, and where that is all of it, how it began."""
    changes: list[OrderChange] = list(order.changes.all()[: MOST_ENTRIES + 1])
    entries = [
        Entry(
            change.changed_at,
            meant(change.platform_updated_at),
            change.sync_log_id,
            tuple(readable(change.changes)),
        )
        for change in changes[:MOST_ENTRIES]
    ]
    if len(changes) <= MOST_ENTRIES:
        # Without a change, the stored values are the first ones.
        entries.append(Entry(None if changes else order.synced_at, None, None, (), is_first=True))
    return entries


def readable(changes: list[Change]) -> Iterator[Difference]:
    """The changes with the names and values that people know."""
    for field, old, new, *line in changes:
        name = str(line[0]) if line else ""
        if field in (ADDED, REMOVED):
            yield Difference(
                _("line added") if field == ADDED else _("line removed"), name, _show("", old), _show("", new)
            )
        else:
            yield Difference(_label(field, is_line=bool(line)), name, _show(field, old), _show(field, new))


def _label(field: str, *, is_line: bool) -> str:
    if field.startswith(PACKAGE):
        return _package_label(field)
    try:
        model_field: Any = (OrderItem if is_line else Order)._meta.get_field(field)
    except FieldDoesNotExist:  # written by another version
        return str(field)
    label = capfirst(str(model_field.verbose_name))
    return (
        _("Quantity %(name)s") % {"name": model_field.verbose_name}
        if field.startswith("quantity_")
        else label
    )


def _package_label(field: str) -> str:
    if field in (PACKAGE_ADDED, PACKAGE_REMOVED):
        return _("package added") if field == PACKAGE_ADDED else _("package removed")
    try:
        model_field: Any = OrderPackage._meta.get_field(field.removeprefix(PACKAGE))
    except FieldDoesNotExist:  # written by another version
        return str(field)
    return _("Package: %(name)s") % {"name": model_field.verbose_name}


def _show(field: str, value: Any) -> str:
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field == "status":
        return str(dict(Order.Status.choices).get(value, value))
    if field == "fulfilled_by":
        return str(dict(Order.FulfilledBy.choices).get(value, value))
    if field in ("ship_by", "deliver_by", "purchased_at", f"{PACKAGE}packed_at", f"{PACKAGE}shipped_at"):
        try:
            return platform_time(parse_datetime(str(value)))
        except ValueError:  # written by another version
            return str(value)
    return str(value)
