"""The timeline of an order for people: what changed, when, and which sync or person stored it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.base.cells import label_of
from backoffice.completeness.wording import compared_line
from core.dates import meant
from core.format import DASH, platform_time
from integrations.completeness.of_order import Comparison, comparisons_of
from orders.changes import ADDED, PACKAGE, PACKAGE_ADDED, PACKAGE_REMOVED, REMOVED, Change
from orders.models import Order, OrderChange, OrderItem, OrderPackage

MOST_ENTRIES = 200
FETCHED_WITHIN = timedelta(minutes=1)  # from storing an order until the audit notes it


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of an entry. `line` names one of the order's lines or packages, "" is the order itself."""

    what: str
    line: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Entry:
    """`is_first`: when the order as a whole was stored, which is not kept; then `stored_at` is None. `audit_id`: it was
    compared with a list of the platform, `compared` says how that ended."""

    stored_at: datetime | None
    reported_at: datetime | None
    sync_log_id: int | None
    differences: tuple[Difference, ...]
    is_first: bool = False
    audit_id: int | None = None
    compared: str = ""


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
    entries = _with_audits(order, entries)
    if len(changes) <= MOST_ENTRIES:
        # Without a change, the stored values are the first ones.
        entries.append(Entry(None if changes else order.synced_at, None, None, (), is_first=True))
    return entries


def _with_audits(order: Order, entries: list[Entry]) -> list[Entry]:
    """With what audits say of it. A change that an audit brought is that audit's."""
    moments = [entry.stored_at for entry in entries if entry.stored_at]
    for one in comparisons_of(order, min(moments, default=order.synced_at)):
        said = Entry(
            one.at, None, None, (), audit_id=one.audit_id, compared=compared_line(order.platform, one)
        )
        at = next(
            (place for place, entry in enumerate(entries) if entry.stored_at and entry.stored_at <= one.at),
            len(entries),
        )
        if one.brought_it and at < len(entries) and _is_its_change(entries[at], one):
            brought = entries.pop(at)
            said = replace(said, reported_at=brought.reported_at, differences=brought.differences)
        entries.insert(at, said)
    return entries


def _is_its_change(entry: Entry, brought: Comparison) -> bool:
    """Whether it was stored by no sync, and just before the audit noted that it had fetched the order."""
    is_close = entry.stored_at is not None and brought.at - entry.stored_at < FETCHED_WITHIN
    return entry.sync_log_id is None and entry.audit_id is None and is_close


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
        return label_of(Order.Status, value)
    if field == "completeness":
        return label_of(Order.Completeness, value)
    if field == "fulfilled_by":
        return label_of(Order.FulfilledBy, value)
    if field in ("ship_by", "deliver_by", "purchased_at", f"{PACKAGE}packed_at", f"{PACKAGE}shipped_at"):
        try:
            return platform_time(parse_datetime(str(value)))
        except ValueError:  # written by another version
            return str(value)
    return str(value)
