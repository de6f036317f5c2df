"""How fast a report of orders is read, beside a bare reader of CSV over the same file in the same run."""

import csv
import io
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import IO, Any

from bench.report import Result
from integrations.amazon.order_report import OrderReport
from orders.records import ReportedLine
from simulator import Account
from simulator.render.report import COLUMNS, render_rows

AS_FAST = 5000.0  # rows a second, the least


def measure(*, orders: int, rounds: int) -> list[Result]:
    """Rows a second, what they cost beside bare CSV, and the peak memory of ten times as many rows."""
    with TemporaryFile() as file:
        rows = _write(file, orders)
        seconds, ratios = [], []
        for _ in range(rounds):
            ours, bare = _timed(_read, file, rows), _timed(read_bare, file, rows)
            seconds.append(ours)
            ratios.append(ours / bare)
    note = f"{rows:,} rows of a report; both make text of bytes, and cells of text"
    return [
        Result(
            name="rows of a report of orders read, a second",
            database="none",
            values=tuple(rows / each for each in seconds),
            unit="",
            target=AS_FAST,
        ),
        Result(
            name="time of reading a report as records, to a bare csv.reader",
            database="none",
            values=tuple(ratios),
            unit="×",
            note=note,
        ),
        _memory(orders),
    ]


def _memory(orders: int) -> Result:
    small, large = (_peak(count) for count in (orders // 10, orders))
    return Result(
        name=f"peak memory of reading a report of {orders:,} orders, to {orders // 10:,}",
        database="none",
        values=(large / small,),
        unit="×",
        note=f"{large / 1024:,.0f} KiB to {small / 1024:,.0f}",
        target=1.2,
        at_most=True,
    )


def _peak(orders: int) -> float:
    with TemporaryFile() as file:
        rows = _write(file, orders)
        _read(file)  # what is remembered of prices and times is full
        tracemalloc.start()
        try:
            assert _read(file) == rows
            return float(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()


def _write(file: IO[bytes], orders: int) -> int:
    """The rows of so many orders, of one thousand that are different."""
    account = Account(orders=1000, skus=500, end=datetime(2026, 6, 1, tzinfo=UTC))
    lines = ["\t".join(row.values()) for index in range(1000) for row in render_rows(account.order(index))]
    rows = 0
    file.write(("\t".join(COLUMNS) + "\r\n").encode())
    for _ in range(max(orders // 1000, 1)):
        file.write("".join(f"{line}\r\n" for line in lines).encode())
        rows += len(lines)
    return rows


def _read(file: IO[bytes]) -> int:
    return sum(isinstance(row, ReportedLine) for row in OrderReport(file).rows())


def read_bare(file: IO[bytes]) -> int:
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        return sum(1 for _ in csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)) - 1
    finally:
        text.detach()


def _timed(read: Callable[[Any], int], file: IO[bytes], rows: int) -> float:
    began = time.perf_counter()
    assert read(file) == rows
    return time.perf_counter() - began
