"""The rows of a list, put in order on disk: a list may have an order's rows anywhere, and be larger than the memory."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from types import TracebackType
from typing import Self

from integrations.completeness.records import (
    KnownOrder,
    decimal_of,
    decimal_text,
    gathered,
    time_of,
    time_text,
)
from integrations.protocol import RecordFailure
from orders.records import ReportedLine


class Spool:
    """Context: a database of its own, in a file without a name that is gone afterwards. Titles and unknown columns,
    which nothing is compared by, are not in it."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE rows (order_id TEXT NOT NULL, row TEXT)")
        self.unnamed = 0  # rows that could not be read, and do not even say of which order they are
        self.unread = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def fill(self, rows: Iterable[ReportedLine | RecordFailure]) -> None:
        """Take all rows in. A row that could not be read stands for its order, which is then not compared."""
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO rows VALUES (?, ?)", self._stored(rows))
        self._database.execute("CREATE INDEX by_order ON rows (order_id)")
        self._database.execute("COMMIT")

    def orders(self) -> Iterator[tuple[str, KnownOrder | None]]:
        """Each order once, by its id; None where a row of it could not be read."""
        rows = self._database.execute("SELECT order_id, row FROM rows ORDER BY order_id")
        for order_id, group in groupby(rows, key=lambda row: str(row[0])):
            packed = [row for _, row in group]
            yield order_id, None if None in packed else gathered(_line(order_id, each) for each in packed)

    def has(self, ids: Collection[str]) -> set[str]:
        """Those of these ids that the list has."""
        marks = ",".join("?" * len(ids))
        found = self._database.execute(
            f"SELECT DISTINCT order_id FROM rows WHERE order_id IN ({marks})",  # noqa: S608  question marks
            list(ids),
        )
        return {str(order_id) for (order_id,) in found}

    def _stored(self, rows: Iterable[ReportedLine | RecordFailure]) -> Iterator[tuple[str, str | None]]:
        for row in rows:
            if isinstance(row, ReportedLine):
                yield row.order_id, _packed(row)
                continue
            self.unread += 1
            self.unnamed += not row.external_id
            if row.external_id:
                yield row.external_id, None


def _packed(row: ReportedLine) -> str:
    return json.dumps(
        [
            row.status,
            time_text(row.purchased_at),
            time_text(row.updated_at),
            row.marketplace_id,
            row.sku,
            row.item_status,
            row.quantity,
            row.currency,
            decimal_text(row.item_price),
            decimal_text(row.item_tax),
            row.is_mended,
        ]
    )


def _line(order_id: str, packed: str) -> ReportedLine:
    status, purchased, updated, place, sku, item_status, quantity, currency, price, tax, mended = json.loads(
        packed
    )
    return ReportedLine(
        order_id=order_id,
        status=status,
        platform_status="",
        purchased_at=time_of(purchased),
        updated_at=time_of(updated),
        marketplace_id=place,
        sku=sku,
        item_status=item_status,
        quantity=quantity,
        currency=currency,
        item_price=decimal_of(price),
        item_tax=decimal_of(tax),
        is_mended=mended,
    )
