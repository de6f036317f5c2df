"""The rows of a list by what they are about: a list may have an order's rows anywhere, and be larger than the memory.

As long as there are few, they are held in memory. Beyond that they are put in order on disk.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain, groupby, islice
from operator import attrgetter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from integrations.completeness.records import KnownOrder, gathered
from integrations.protocol import RecordFailure
from orders.records import ReportedLine

IN_MEMORY = 20_000  # rows
Row = TypeVar("Row")
Values = Sequence[Any]  # of the fields that are kept
# What JSON made of values, back again.
READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("purchased_at", "updated_at"), lru_cache(maxsize=4096)(datetime.fromisoformat)),
    **dict.fromkeys(
        (
            "item_price", "item_tax", "shipping", "shipping_tax", "gift_wrap", "gift_wrap_tax", "item_discount",
            "shipping_discount",
        ),
        lru_cache(maxsize=4096)(Decimal),
    ),
    "promotion_ids": tuple,
    "other": lambda pairs: tuple(map(tuple, pairs)),
}  # fmt: skip
COMPARED = (
    "status", "purchased_at", "updated_at", "marketplace_id", "sku", "item_status", "quantity", "currency",
    "item_price", "item_tax", "is_mended",
)  # fmt: skip


class RowSpool(Generic[Row]):
    """Context. `keep` are the fields of a row that are kept beside its `key`. What does not fit into the memory lies in
    a file without a name that is gone afterwards.

    `unread` counts the rows that could not be read, `unnamed` those of them that do not even say what they are about.
    """

    def __init__(
        self, row: Callable[..., Row], key: str, keep: Sequence[str], *, in_memory: int = IN_MEMORY
    ) -> None:
        self.unread = self.unnamed = 0
        self._row, self._key, self._keep, self._in_memory = row, key, keep, in_memory
        self._key_of, self._values_of = attrgetter(key), attrgetter(*keep)
        self._readers = [(place, READERS[name]) for place, name in enumerate(keep) if name in READERS]
        self._held: dict[str, list[Values | None]] = {}
        self._database: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database is not None:
            self._database.close()

    def fill(self, rows: Iterable[Row | RecordFailure]) -> None:
        """Take all rows in, once. One that could not be read stands for what it is about."""
        pairs = self._pairs(rows)
        for key, values in islice(pairs, self._in_memory):
            self._held.setdefault(key, []).append(values)
        following = next(pairs, None)
        if following is not None:
            held = ((key, values) for key, group in self._held.items() for values in group)
            self._database = _on_disk(chain(held, [following], pairs))
            self._held.clear()

    def has(self, keys: Collection[str]) -> set[str]:
        """Those of these keys that the list has."""
        if self._database is None:
            return {key for key in keys if key in self._held}
        marks = ",".join("?" * len(keys))
        found = self._database.execute(
            f"SELECT DISTINCT key FROM rows WHERE key IN ({marks})",  # noqa: S608  question marks
            list(keys),
        )
        return {str(key) for (key,) in found}

    def groups(self) -> Iterator[tuple[str, list[Row] | None]]:
        """Each key once, with its rows; None where one of them could not be read."""
        for key, group in self._held.items() if self._database is None else _in_order(self._database):
            yield key, None if None in group else [self._unpacked(key, values) for values in group if values]

    def _pairs(self, rows: Iterable[Row | RecordFailure]) -> Iterator[tuple[str, Values | None]]:
        for row in rows:
            if not isinstance(row, RecordFailure):
                yield self._key_of(row), self._values_of(row)
                continue
            self.unread += 1
            self.unnamed += not row.external_id
            if row.external_id:
                yield row.external_id, None

    def _unpacked(self, key: str, values: Values) -> Row:
        if self._database is not None:
            values = list(values)
            for place, read in self._readers:
                if values[place] is not None:
                    values[place] = read(values[place])
        return self._row(**{self._key: key}, **dict(zip(self._keep, values, strict=True)))


class Spool(RowSpool[ReportedLine]):
    """The rows of a list of orders, by order: what is compared of them, without titles and unknown columns."""

    def __init__(self) -> None:
        super().__init__(_line, "order_id", COMPARED)

    def orders(self) -> Iterator[tuple[str, KnownOrder | None]]:
        """Each order once, by its id; None where a row of it could not be read."""
        for order_id, rows in self.groups():
            yield order_id, None if rows is None else gathered(rows)


def _line(**values: Any) -> ReportedLine:
    return ReportedLine(platform_status="", **values)


def _on_disk(pairs: Iterable[tuple[str, Values | None]]) -> sqlite3.Connection:
    packed = ((key, None if values is None else json.dumps(values, default=str)) for key, values in pairs)
    database = sqlite3.connect("", isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE filled (key TEXT NOT NULL, row TEXT)")
        database.execute("BEGIN")
        database.executemany("INSERT INTO filled VALUES (?, ?)", packed)
        # In their order on disk: whoever reads them one after the other touches each page of it once.
        database.execute("CREATE TABLE rows AS SELECT key, row FROM filled ORDER BY key, rowid")
        database.execute("CREATE INDEX by_key ON rows (key)")
        database.execute("DROP TABLE filled")
        database.execute("COMMIT")
    except BaseException:
        database.close()
        raise
    return database


def _in_order(database: sqlite3.Connection) -> Iterator[tuple[str, list[Values | None]]]:
    with closing(database.execute("SELECT key, row FROM rows ORDER BY rowid")) as rows:
        for key, group in groupby(rows, key=lambda row: str(row[0])):
            yield key, [None if row is None else json.loads(row) for _, row in group]
