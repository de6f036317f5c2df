"""The packages of orders: compared with what is stored, written, and removed where they are no longer listed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from core.database.bulk import BulkUpsert
from core.upsert import Columns, Values, reported_fields, to_json
from orders.changes import Change, package_changes
from orders.models import OrderPackage
from orders.parts import StoredParts, stored_parts
from orders.records import OrderRecord, PackageRecord

Reported = tuple[Any, ...]
PACKAGE_REPORTED = reported_fields(PackageRecord, but={"external_id"})

_values_of = attrgetter("external_id", *PACKAGE_REPORTED)
_columns = Columns(OrderPackage, PACKAGE_REPORTED)
_CONTENTS = PACKAGE_REPORTED.index("contents")
_write_packages = BulkUpsert(
    OrderPackage, fields=("order", "external_id", *PACKAGE_REPORTED), unique=("order", "external_id")
)


@dataclass(frozen=True, slots=True)
class Packages:
    """What to write and to remove of the packages of one order that is stored already."""

    written: Sequence[Reported] = ()
    vanished: tuple[int, ...] = ()  # ids of rows
    changes: list[Change] = field(default_factory=list)


def reported_packages(record: OrderRecord) -> list[Reported] | None:
    """The packages of an order as this module takes them: the id of each, and the values of PACKAGE_REPORTED. None
    where the answer says nothing about packages."""
    return None if "packages" in record.absent else list(map(_values_of, record.packages))


def compare_packages(packages_of: Mapping[int, Sequence[Reported] | None]) -> dict[int, Packages]:
    """Compare the packages of stored orders, given by the orders' ids, with what is stored. One query at most.

    The packages of an order stay as they are where nothing is said about them.
    """
    told = [order_id for order_id, packages in packages_of.items() if packages is not None]
    stored = stored_parts(OrderPackage, told, PACKAGE_REPORTED)
    return {
        order_id: Packages() if packages is None else _compared(packages, stored[order_id])
        for order_id, packages in packages_of.items()
    }


def _compared(packages: Sequence[Reported], stored: StoredParts) -> Packages:
    before = {external_id: values for external_id, (_, values) in stored.items()}
    after: dict[str, Values] = {external_id: values for external_id, *values in packages}
    vanished = tuple(pk for external_id, (pk, _) in stored.items() if external_id not in after)
    written = [
        (external_id, *values)
        for external_id, values in after.items()
        if external_id not in before or _columns.differing(values, before[external_id])
    ]
    return Packages(written, vanished, package_changes(_columns, before, after))


def write_packages(
    new: Mapping[int, Sequence[Reported] | None], changed: Iterable[tuple[int, Packages]]
) -> None:
    """Write the packages of new orders, and of changed ones; remove those that vanished. No query where there are
    none."""
    written = [(order_id, *package) for order_id, packages in new.items() for package in packages or ()]
    vanished: list[int] = []
    for order_id, packages in changed:
        written += [(order_id, *package) for package in packages.written]
        vanished += packages.vanished
    at = 2 + _CONTENTS
    _write_packages([(*row[:at], to_json(row[at]).decode(), *row[at + 1 :]) for row in written])
    if vanished:
        OrderPackage.objects.filter(pk__in=vanished).delete()
