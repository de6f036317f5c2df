"""What an audit of one day takes: its lists read from files, against the orders that are stored; beside a bare reader
of CSV over the same files in the same run. The lists are the simulator's; nothing is amiss, so nothing is fetched."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any

from bench.inputs import ORDERS_A_PAGE
from bench.memory import peak_mib
from bench.reading import read_bare
from bench.report import Result
from bench.syncs import Generated
from integrations.amazon import normalize
from integrations.amazon.order_report import OrderReport
from integrations.completeness.audits import request_audit, run_audit
from integrations.models import AuditedDay, OrderAudit, SyncLog
from integrations.protocol import EarlierList, ListState, RecordFailure, Window
from integrations.registry import CHANNELS
from orders.records import ReportedLine
from orders.services import upsert_orders
from platforms.models import Platform
from simulator import Account
from simulator.model import Order
from simulator.render.orders import render_order
from simulator.render.report import COLUMNS, render_rows

AIM = 60.0  # CPU seconds for a day of 50,000 orders


class Listed(Generated):
    """An Adapter whose lists, by creation and by update, are the same file."""

    def __init__(self, file: IO[bytes], account: Account) -> None:
        super().__init__(account)
        self.file = file

    @property
    def listed_sites(self) -> tuple[str, ...]:
        return self.account.marketplace_ids

    def earlier_lists(self, kinds: Any, since: datetime) -> tuple[EarlierList, ...]:
        return ()

    def request_order_list(self, window: Window) -> str:
        return window.by

    def order_list_state(self, list_id: str) -> ListState:
        return ListState(is_over=True, document=list_id)

    @contextmanager
    def order_list(self, document: str) -> Iterator[Iterator[ReportedLine | RecordFailure]]:
        self.file.seek(0)
        yield OrderReport(self.file).rows()


def measure(database: str, *, orders: int, rounds: int) -> list[Result]:
    """CPU seconds of the audit, and how many times those of bare CSV; of the database's own process none are known."""
    cpu, ratios, seconds = [], [], []
    with TemporaryFile() as file:
        platform = _filled(orders, file)
        for _ in range(rounds):
            began, began_cpu = time.perf_counter(), time.process_time()
            _audit(platform, orders)
            cpu.append(time.process_time() - began_cpu)
            seconds.append(time.perf_counter() - began)
            began_cpu = time.process_time()
            for _list in range(2):
                read_bare(file)
            ratios.append(cpu[-1] / (time.process_time() - began_cpu))
    return [
        Result(
            name=f"CPU seconds of an audit of a day of {orders:,} orders",
            database=database,
            values=tuple(cpu),
            unit="s",
            note=f"{min(seconds):.1f} s by the clock; two lists of {orders:,} orders, nothing amiss",
            target=AIM * orders / 50_000,
            at_most=True,
        ),
        Result(
            name="CPU seconds of an audit, to a bare csv.reader over its lists",
            database=database,
            values=tuple(ratios),
            unit="×",
        ),
    ]


def peak_memory(orders: int) -> float:
    """The largest resident size of this process in MiB, after an audit of so many orders; to store them takes less."""
    with TemporaryFile() as file:
        _audit(_filled(orders, file), orders)
    return peak_mib()


def _filled(orders: int, file: IO[bytes]) -> Platform:
    """So many orders of the day before yesterday, stored as the platform lists them: shortly after midnight, yesterday
    has orders that are too young to be proven."""
    OrderAudit.objects.all().delete()
    AuditedDay.objects.all().delete()
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "bench"}
    platform.save()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    account = Account(orders=orders, end=midnight - timedelta(days=1, seconds=1), days=1)
    file.write(("\t".join(COLUMNS) + "\r\n").encode())
    for first in range(0, orders, ORDERS_A_PAGE):
        _store(platform, file, [_of_the_day(account, first + number) for number in range(ORDERS_A_PAGE)])
    channel, adapter = CHANNELS[platform.kind], Listed(file, account)
    CHANNELS[platform.kind] = replace(channel, connect=lambda api_config, **_options: adapter)
    return platform


def _of_the_day(account: Account, index: int) -> Order:
    order = account.order(index)
    return replace(order, created=order.updated)


def _store(platform: Platform, file: IO[bytes], orders: list[Order]) -> None:
    raws = [render_order(order, normalize.ALWAYS_ASKED) for order in orders]
    records, _failures = normalize.orders(raws, normalize.ALWAYS_ASKED)
    upsert_orders(platform=platform, records=records, source="live")
    rows = (row for order in orders for row in render_rows(order))
    file.writelines(("\t".join(row.values()) + "\r\n").encode() for row in rows)


def _audit(platform: Platform, orders: int) -> None:
    opened, _ = request_audit(platform, days=3, trigger=SyncLog.Trigger.COMMAND)
    audit = run_audit(opened.pk)
    amiss = audit.missing + audit.stale + audit.different + audit.unread
    if audit.status != OrderAudit.Status.SUCCEEDED or amiss or audit.compared < 1.9 * orders:
        raise RuntimeError(f"{audit.status}, {audit.compared} compared, {amiss} amiss: {audit.error_message}")
