"""What becomes of each row of a file: as a preview, and for real. Both ask the same rules."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.spreadsheets import Table
from integrations.shipping.importing.cells import CannotRead, RowProblem
from integrations.shipping.importing.columns import REQUIRED, Columns, check_columns
from integrations.shipping.importing.parcels import Parcel, orders_of, package_of, parcels_of
from integrations.shipping.making import Verdict, Wanted, make_shipments
from integrations.shipping.rules import CannotShip, Refusal
from orders.models import Order, Shipment
from platforms.models import Platform

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


class RowVerdict(models.TextChoices):
    GOOD = "good", gettext_lazy("is shipped")
    KNOWN = "known", gettext_lazy("known already")
    REFUSED = "refused", gettext_lazy("refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of a row. `message` is a sentence where it is not GOOD, in the reader's language; `shipment` what it
    is part of, None of a preview and of what is refused."""

    number: int
    order_id: str
    tracking_number: str
    verdict: RowVerdict
    code: str = ""
    message: str = ""
    order: Order | None = None
    shipment: Shipment | None = None


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
    parcels = parcels_of(table, columns)
    orders = orders_of(platform, parcels)
    wanted, of_wanted = list[Wanted](), list[Parcel]()
    taken = defaultdict[int, Counter[str]](Counter)  # by order
    for parcel in parcels:
        if parcel.problems:
            continue
        try:
            order = _order(platform, parcel, orders)
            package = package_of(order, parcel, columns.time_zone(), taken[order.pk])
            wanted.append(Wanted(order.pk, package))
            of_wanted.append(parcel)
        except CannotRead as problem:
            parcel.problems[problem.line or parcel.rows[0]] = problem
    verdicts = make_shipments(wanted, who=who, is_preview=is_preview)
    judged = {id(parcel): verdict for parcel, verdict in zip(of_wanted, verdicts, strict=True)}
    cells = _named_cells(table, columns)
    rows = [row for parcel in parcels for row in _results(parcel, judged.get(id(parcel)), cells)]
    made = sum(verdict.is_good for verdict in verdicts)
    return ImportResult(rows=sorted(rows, key=lambda row: row.number), shipments=made, is_preview=is_preview)


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
            order=judged.order if judged else None,
            shipment=_stored(judged),
        )


def _stored(judged: Verdict | None) -> Shipment | None:
    """What it became, or was before; None of a preview, which makes none."""
    if judged is None:
        return None
    shipment = judged.refusal.shipment if judged.refusal else judged.shipment
    return shipment if shipment and shipment.pk else None


def _without_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
