"""What the listings of one SKU are to the rows that are stored of it. Pure: records go in, suspects come out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integrations.completeness.rules import Difference
from integrations.completeness.stock.records import Quantities, of_listing, summed
from integrations.completeness.stock.rules import RULES
from inventory.records import ReportedStock


class Kind(StrEnum):
    MISSING = "missing"  # it is listed, and not stored as listed
    DIFFERENT = "different"  # with other quantities
    ONLY_HERE = "only_here"  # the list does not have it


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """One row of stock as it is stored. `is_gone`: a sweep no longer listed it."""

    sku: str
    fnsku: str
    quantities: Quantities
    is_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A listing that is not as it should be, as far as can be told without asking the platform again."""

    kind: Kind
    sku: str
    fnsku: str
    reported: Quantities | None
    stored: Quantities | None
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """`listings` of the SKU that the platform ships; `known` names the rules that knew differences, each as often."""

    listings: int
    suspects: tuple[Suspect, ...]
    known: tuple[str, ...]


def compare(rows: Sequence[ReportedStock], stored: Sequence[StoredRow]) -> Compared:
    """The listings of one SKU against the rows that are stored of it. What tells listings of a SKU apart is the FNSKU,
    which the goods are labelled with; it may stand in several rows of a list, one for each store."""
    suspects: list[Suspect] = []
    known: list[str] = []
    left, listings = list(stored), 0
    for fnsku, quantities, is_platforms in _by_fnsku(rows):
        row = _of_fnsku(left, fnsku)
        if row is None and not is_platforms and summed(quantities).is_nothing:
            continue  # the merchant ships it
        listings += 1
        if row is not None:
            left.remove(row)
        suspect, names = _judge(rows[0].sku, fnsku or (row.fnsku if row else ""), quantities, row)
        known += names
        if suspect is not None:
            suspects.append(suspect)
    suspects += [alone(row) for row in left if not row.is_gone]
    return Compared(listings, tuple(suspects), tuple(known))


def alone(row: StoredRow) -> Suspect:
    return Suspect(kind=Kind.ONLY_HERE, sku=row.sku, fnsku=row.fnsku, reported=None, stored=row.quantities)


def _by_fnsku(rows: Iterable[ReportedStock]) -> list[tuple[str, list[Quantities], bool]]:
    """FNSKU, what each row says, and whether the platform ships one of them: it does unless it is said that it does
    not, and where there is nothing to go by."""
    found: dict[str, tuple[list[Quantities], bool]] = {}
    for row in rows:
        ships = row.is_platforms if row.is_platforms is not None else bool(row.fnsku)
        quantities, before = found.get(row.fnsku, ([], False))
        found[row.fnsku] = ([*quantities, of_listing(row)], before or ships)
    return [(fnsku, quantities, ships) for fnsku, (quantities, ships) in found.items()]


def _of_fnsku(rows: Sequence[StoredRow], fnsku: str) -> StoredRow | None:
    """The row of this FNSKU; where the list names none, the only one that there is."""
    if not fnsku and len(rows) == 1:
        return rows[0]
    return next((row for row in rows if row.fnsku == fnsku), None)


def _judge(
    sku: str, fnsku: str, rows: list[Quantities], stored: StoredRow | None
) -> tuple[Suspect | None, tuple[str, ...]]:
    """Several rows of one listing count together, or one of them is what is stored."""
    together = summed(rows)
    sku = sku if stored is None else stored.sku
    if stored is None or stored.is_gone:
        if stored is not None and together.is_nothing:
            return None, ("closed_listing",)
        return Suspect(kind=Kind.MISSING, sku=sku, fnsku=fnsku, reported=together, stored=None), ()
    verdicts = [
        _differences(each, stored.quantities) for each in [together, *(rows if len(rows) > 1 else ())]
    ]
    for number, (differences, known) in enumerate(verdicts):
        if not differences:
            return None, (*known, "split_by_store") if number else known
    return (
        Suspect(
            kind=Kind.DIFFERENT,
            sku=sku,
            fnsku=fnsku,
            reported=together,
            stored=stored.quantities,
            differences=verdicts[0][0],
        ),
        (),
    )


def _differences(reported: Quantities, stored: Quantities) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """Those that no rule knows, and the names of the rules that know the others."""
    unknown: list[Difference] = []
    known: list[str] = []
    for name in reported.not_in(stored):
        difference = Difference(name, str(getattr(reported, name)), str(getattr(stored, name)))
        rule = next((rule for rule in RULES if rule(difference, reported, stored)), None)
        if rule is None:
            unknown.append(difference)
        else:
            known.append(rule.__name__)
    return tuple(unknown), tuple(known)
