"""How fast a list of orders is read and stored by a backfill, in rows a second; beside a bare reader of CSV over the
same file and beside the bare driver with the same orders, in the same run."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from tempfile import TemporaryFile

from bench import alternatives as other
from bench.auditing import Listed
from bench.database import empty
from bench.memory import peak_mib
from bench.reading import read_bare
from bench.report import Result
from integrations.amazon.order_report import OrderReport
from integrations.completeness.history.backfills import request_backfill, run_backfill
from integrations.completeness.history.listing import AT_ONCE
from integrations.models import Backfill, SyncLog
from integrations.registry import CHANNELS
from orders.models import Order
from orders.records import OrderRecord, ReportedLine
from orders.reported import reported_order
from platforms.models import Platform
from simulator import Account
from simulator.render.report import COLUMNS, render_rows

AIM = 5000  # rows a second
DAYS = 29


def measure(database: str, *, orders: int, rounds: int) -> list[Result]:
    """Rows a second by the clock, and how many times as long as each of the two others it takes."""
    platform, adapter, rows = prepared(orders)
    rates, to_csv, to_driver, by_cpu = [], [], [], []
    for _ in range(rounds):
        ours, cpu = listed_anew(platform, orders)
        began = time.perf_counter()
        read_bare(adapter.file)
        bare = time.perf_counter() - began
        driver = _by_driver(platform, adapter)
        rates.append(rows / ours)
        by_cpu.append(rows / cpu)
        to_csv.append(ours / bare)
        to_driver.append(ours / driver)
    return [
        Result(
            name="rows of a list a second, read and stored",
            database=database,
            values=tuple(rates),
            unit="rows/s",
            note=f"{rows:,} rows, {orders:,} orders; {max(by_cpu):,.0f} rows a second of this process's CPU",
            target=AIM,
        ),
        Result(
            name="a list read and stored, to a bare csv.reader over it",
            database=database,
            values=tuple(to_csv),
            unit="×",
        ),
        Result(
            name="a list read and stored, to storing its orders by the bare driver's executemany",
            database=database,
            values=tuple(to_driver),
            unit="×",
        ),
    ]


def peak_memory(orders: int) -> float:
    """The largest resident size of this process in MiB, after so many orders."""
    platform, _adapter, _rows = prepared(orders)
    listed_anew(platform, orders)
    return peak_mib()


def prepared(orders: int) -> tuple[Platform, Listed, int]:
    """A list of so many orders, none of which is stored, and its rows."""
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "bench"}
    platform.save()
    account = Account(orders=orders, end=datetime.now(UTC) - timedelta(days=1), days=DAYS - 8)
    adapter, rows = Listed(TemporaryFile(), account), 0  # noqa: SIM115  until the process ends
    adapter.file.write(("\t".join(COLUMNS) + "\r\n").encode())
    for index in range(orders):
        lines = ["\t".join(row.values()) + "\r\n" for row in render_rows(account.order(index))]
        adapter.file.write("".join(lines).encode())
        rows += len(lines)
    CHANNELS[platform.kind] = replace(CHANNELS[platform.kind], connect=lambda api_config, **_options: adapter)
    return platform, adapter, rows


def listed_anew(platform: Platform, orders: int) -> tuple[float, float]:
    """Seconds until all are listed: by the clock, and of CPU."""
    empty()
    Backfill.objects.all().delete()
    since = datetime.now(UTC).replace(microsecond=0) - timedelta(days=DAYS)
    backfill, _ = request_backfill(platform, since=since, trigger=SyncLog.Trigger.COMMAND)
    began, began_cpu = time.perf_counter(), time.process_time()
    run_backfill(backfill.pk, stopping=lambda: Order.objects.exists())
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    backfill.refresh_from_db()
    if backfill.listed != orders or Order.objects.count() != orders:
        raise RuntimeError(f"{backfill.listed:,} of {orders:,} orders were listed: {backfill.error_message}")
    return seconds, cpu


def _by_driver(platform: Platform, adapter: Listed) -> float:
    """Seconds that the driver takes; making its rows does not count."""
    empty()
    seconds, first, left = 0.0, 1, _records(adapter)
    while records := list(islice(left, AT_ONCE)):
        tables = other.order_tables(platform, records, first)
        began = time.perf_counter()
        other.bare_driver(tables)
        seconds, first = seconds + time.perf_counter() - began, first + len(records)
    return seconds


def _records(adapter: Listed) -> Iterator[OrderRecord]:
    adapter.file.seek(0)
    rows = (row for row in OrderReport(adapter.file).rows() if isinstance(row, ReportedLine))
    for _order_id, group in groupby(rows, key=lambda row: row.order_id):
        record = reported_order(list(group))
        if record is not None:
            yield record
