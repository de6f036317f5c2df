"""What becomes of each row of a file: as a preview, and for real. Both ask the same rules."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.spreadsheets import Table
from integrations.shipping.importing.cells import CannotRead, RowProblem
from integrations.shipping.importing.columns import REQUIRED, Columns, check_columns
from integrations.shipping.importing.parcels import Parcel, orders_of, package_of, parcels_of
from integrations.shipping.making import AT_ONCE, Verdict, Wanted, make_shipments
from integrations.shipping.rules import CannotShip, Refusal
from orders.models import Order, Shipment
from platforms.models import Platform

# While somebody waits for the page or the answer: two thousand packages take seconds, twenty thousand a minute.
MOST_AT_ONCE = 2_000  # rows
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


class RowVerdict(models.TextChoices):
    GOOD = "good", gettext_lazy("is shipped")
    KNOWN = "known", gettext_lazy("known already")
    REFUSED = "refused", gettext_lazy("refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of a row. `message` is a sentence where it is not GOOD, in the reader's language; `shipment` what it
    is part of, None of a preview and of what is refused. Both are ids, for a file may have thousands."""

    number: int
    order_id: str
    tracking_number: str
    verdict: RowVerdict
    code: str = ""
    message: str = ""
    order: int | None = None
    shipment: int | None = None
    is_rehearsal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """Of all rows, in the order of the file. `shipments`: how many were, or would be, made."""

    rows: Sequence[RowResult]
    shipments: int
    is_preview: bool

    def count(self, verdict: RowVerdict) -> int:
        return sum(row.verdict == verdict for row in self.rows)


def import_shipments(
    platform: Platform, table: Table, columns: Columns, *, who: str, is_preview: bool = False
) -> ImportResult:
    """Ship what the rows say, each package by itself: one that is refused keeps no other back. `who` does it, by name.

    Raises BadInput where the columns cannot be used; nothing is stored then.
    """
    check_columns(table, columns)
    cells, zone = _named_cells(table, columns), columns.time_zone()
    taken = defaultdict[int, Counter[str]](Counter)  # by order
    rows, made = list[RowResult](), 0
    for some in _by_orders(parcels_of(table, columns)):
        wanted = list(_wanted(platform, some, zone, taken))
        verdicts = make_shipments([each for _, each in wanted], who=who, is_preview=is_preview)
        judged = {id(parcel): verdict for (parcel, _), verdict in zip(wanted, verdicts, strict=True)}
        rows += [row for parcel in some for row in _results(parcel, judged.get(id(parcel)), cells)]
        made += sum(verdict.is_good for verdict in verdicts)
    return ImportResult(rows=sorted(rows, key=lambda row: row.number), shipments=made, is_preview=is_preview)


def _by_orders(parcels: Sequence[Parcel]) -> Iterator[list[Parcel]]:
    """Some at a time: few orders are in memory. All packages of an order are judged together, wherever they stand in
    the file, for what is in one is not left for the next."""
    of_order: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        of_order.setdefault(parcel.lines[0].order_id if parcel.lines else "", []).append(parcel)
    some: list[Parcel] = []
    for those in of_order.values():
        if some and len(some) + len(those) > AT_ONCE:
            yield some
            some = []
        some += those
    if some:
        yield some


def _wanted(
    platform: Platform, parcels: Sequence[Parcel], zone: ZoneInfo, taken: Mapping[int, Counter[str]]
) -> Iterator[tuple[Parcel, Wanted]]:
    """What is to be shipped of those that can be used; the others get their problem."""
    orders = orders_of(platform, parcels)
    for parcel in parcels:
        if parcel.problems:
            continue
        try:
            order = _order(platform, parcel, orders)
            yield parcel, Wanted(order.pk, package_of(order, parcel, zone, taken[order.pk]))
        except CannotRead as problem:
            parcel.problems[problem.line or parcel.rows[0]] = problem


def refused_rows(table: Table, result: ImportResult) -> str:
    """The rows that were refused, as a CSV file with the headings of theirs and the reason in front: to be mended, and
    imported as it is."""
    refused = {row.number: row.message for row in result.rows if row.verdict == RowVerdict.REFUSED}
    out = io.StringIO()
    writer = csv.writer(out)
    reason = _("reason")
    while reason in table.headings:
        reason += " *"
    writer.writerow([reason, *table.headings])
    for row in table.rows:
        if row.number in refused:
            writer.writerow([refused[row.number], *(_without_formula(cell) for cell in row.cells)])
    return out.getvalue()


def _order(platform: Platform, parcel: Parcel, orders: dict[str, Order]) -> Order:
    """Raises CannotRead."""
    name = parcel.lines[0].order_id
    if name not in orders:
        raise CannotRead(RowProblem.ORDER_UNKNOWN, platform=str(platform), order=name)
    return orders[name]


def _named_cells(table: Table, columns: Columns) -> dict[int, tuple[str, str]]:
    """Order id and tracking number as they stand in each row, to show which one it is."""
    places = [table.column(columns.headings[name]) for name in REQUIRED]
    return {row.number: (row.cells[places[0]], row.cells[places[1]]) for row in table.rows}


def _results(
    parcel: Parcel, judged: Verdict | None, cells: Mapping[int, tuple[str, str]]
) -> Iterator[RowResult]:
    refusal = judged.refusal if judged else None
    order, shipment = judged.order if judged else None, _stored(judged)
    for number in parcel.rows:
        problem: CannotRead | CannotShip | None = refusal
        if judged is None:
            first = next(iter(parcel.problems))
            problem = parcel.problems.get(number) or CannotRead(RowProblem.OTHER_ROW, row=first)
        order_id, tracking_number = cells[number]
        is_known = refusal is not None and refusal.code == Refusal.MADE_ALREADY
        verdict = RowVerdict.GOOD if problem is None else RowVerdict.KNOWN if is_known else RowVerdict.REFUSED
        yield RowResult(
            number=number,
            order_id=order_id,
            tracking_number=tracking_number,
            verdict=verdict,
            code="" if problem is None else str(problem.code),
            message="" if problem is None else str(problem),
            order=order.pk if order else None,
            shipment=shipment.pk if shipment else None,
            is_rehearsal=bool(shipment and shipment.is_rehearsal),
        )


def _stored(judged: Verdict | None) -> Shipment | None:
    """What it became, or was before; None of a preview, which makes none."""
    if judged is None:
        return None
    shipment = judged.refusal.shipment if judged.refusal else judged.shipment
    return shipment if shipment and shipment.pk else None


def _without_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
