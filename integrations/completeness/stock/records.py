"""Quantities of a listing in one marketplace, from either side, in one form. Plain Python: no Django, no HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from integrations.completeness.records import time_of, time_text
from inventory.records import InventoryRecord, ReportedStock

PARTS = ("available", "reserved", "unfulfillable", "researching", "inbound")
FIELDS = (*PARTS, "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """Units of a listing; None: not said. `in_transfer`: between warehouses; of a list, where it counts these apart
    from what is reserved, and otherwise the part of what is reserved. `updated_at`: when one of them last changed, as
    the platform says."""

    available: int | None = None
    reserved: int | None = None
    unfulfillable: int | None = None
    researching: int | None = None
    inbound: int | None = None
    total: int | None = None
    in_transfer: int | None = None
    updated_at: datetime | None = None

    @property
    def is_nothing(self) -> bool:
        """No unit of any kind."""
        return not any(getattr(self, name) for name in FIELDS)

    def differing(self, other: "Quantities") -> tuple[str, ...]:
        """The fields that are not the same."""
        return tuple(name for name in FIELDS if getattr(self, name) != getattr(other, name))

    def not_in(self, stored: "Quantities") -> tuple[str, ...]:
        """The fields of which this list says something else than what is stored; nothing stored is no unit."""
        pairs = ((name, getattr(self, name), getattr(stored, name) or 0) for name in FIELDS)
        return tuple(name for name, listed, own in pairs if listed is not None and listed != own)


def of_listing(row: ReportedStock) -> Quantities:
    return Quantities(**{name: getattr(row, name) for name in (*FIELDS, "in_transfer")})


def of_record(record: InventoryRecord) -> Quantities:
    return of_stored(
        {name: getattr(record, name) for name in FIELDS}, record.details, record.platform_updated_at
    )


def of_stored(
    values: Mapping[str, int | None], details: Mapping[str, Any] | None, updated_at: datetime | None
) -> Quantities:
    moved = ((details or {}).get("reserved") or {}).get("pending_transshipment")
    return Quantities(**values, in_transfer=moved, updated_at=updated_at)


def summed(rows: Sequence[Quantities]) -> Quantities:
    """What several rows of one listing say together."""
    sums = {
        name: [getattr(row, name) for row in rows if getattr(row, name) is not None]
        for name in (*FIELDS, "in_transfer")
    }
    return Quantities(**{name: sum(found) if found else None for name, found in sums.items()})


def as_json(quantities: Quantities | None) -> dict[str, Any] | None:
    """What `from_json` makes the same of."""
    if quantities is None:
        return None
    known = {each.name: getattr(quantities, each.name) for each in fields(quantities)}
    return known | {"updated_at": time_text(quantities.updated_at)}


def from_json(values: Mapping[str, Any] | None) -> Quantities | None:
    return None if values is None else Quantities(**{**values, "updated_at": time_of(values["updated_at"])})
