"""Whole syncs through run_sync: their memory, and their calls against the simulator in a process of its own."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings

from bench import bare_fetch
from bench.database import empty
from bench.inputs import ORDERS_A_PAGE, order_pages
from bench.memory import peak_mib
from bench.report import Result
from integrations.models import StreamState, SyncLog
from integrations.protocol import (
    NOTHING,
    Checkpoint,
    DataSets,
    Finding,
    Note,
    OrderPage,
    Parts,
    StockPage,
    Usage,
    Window,
)
from integrations.registry import CHANNELS
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from orders.records import OrderRecord
from platforms.models import Platform
from simulator import Account


@dataclass
class Generated:
    """An Adapter in this process whose pages are made when they are asked for."""

    account: Account
    source: str = "live"
    scope: str = "bench"
    usage: Usage = field(default_factory=Usage)
    datasets: DataSets = field(default_factory=DataSets)
    parts: Parts = field(default_factory=Parts)
    notes: tuple[Note, ...] = ()

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        last = self.account.book.orders // ORDERS_A_PAGE
        for number, records in enumerate(order_pages(self.account), start=1):
            yield OrderPage(records=records, next={"page": number} if number < last else None)

    def order(self, external_id: str) -> OrderRecord:
        raise NotImplementedError

    def inventory_pages(
        self, skus: Sequence[str], checkpoint: Checkpoint, *, left_out: Mapping[str, datetime] = NOTHING
    ) -> Iterator[StockPage]:
        raise NotImplementedError

    def check(self, window: Callable[[], Window]) -> Iterator[Finding]:
        return iter(())

    def close(self) -> None:
        pass


def peak_memory(orders: int) -> float:
    """The largest resident size of this process in MiB, after one sync of so many orders."""
    platform = Platform.objects.get(name="amazon")
    account = Account(orders=orders)
    CHANNELS[platform.kind] = replace(
        CHANNELS[platform.kind],
        connect=lambda api_config, **_options: Generated(account),
    )
    log = _sync(platform)
    if log.created != orders:
        raise RuntimeError(f"{log.created} of {orders} orders were stored: {log.error_message}")
    return peak_mib()


def calls(database: str, *, orders: int, rounds: int) -> list[Result]:
    """What a sync of orders costs in calls, and how long it takes beside a bare fetch of the same pages."""
    platform = Platform.objects.get(name="amazon")
    # It measures what is ours: the simulator has no quotas, and the rounds together ask more than Amazon would grant.
    settings.AMAZON_QUOTAS = {"searchOrders": (1000.0, 1_000_000)}
    with simulator(orders) as server:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = server.endpoint, server.lwa_endpoint
        platform.api_config = server.api_config
        _timed_sync(platform, orders)
        made = server.calls()
        _bare_fetch(server)
        taken = [_round(server, platform, orders) for _number in range(rounds)]
    thousands = orders / 1000
    return [
        count("searchOrders calls per 1,000 orders", database, made.get("searchOrders", 0) / thousands, 10),
        count("token calls of a sync", database, made.get("token", 0), 1),
        _ratio(
            database,
            "seconds of a sync over HTTP, to a bare fetch of its pages",
            [(run.sync, run.bare) for run in taken],
            target=2.5,
        ),
        _ratio(
            database,
            "CPU seconds of a sync over HTTP, to a bare fetch of its pages",
            [(run.sync_cpu, run.bare_cpu) for run in taken],
        ),
    ]


class Taken(NamedTuple):
    """Seconds of one round. CPU seconds are this process's own; the simulator's count as time alone."""

    sync: float
    sync_cpu: float
    bare: float
    bare_cpu: float


def _round(server: "SimulatorProcess", platform: Platform, orders: int) -> Taken:
    return Taken(*_timed_sync(platform, orders), *_bare_fetch(server))


def _ratio(
    database: str, name: str, pairs: Sequence[tuple[float, float]], target: float | None = None
) -> Result:
    """How many times as long the first of each pair took."""
    ours, bare = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    return Result(
        name=name,
        database=database,
        values=tuple(one / other for one, other in pairs),
        unit="×",
        note=f"{ours:.2f} s to {bare:.2f}",
        target=target,
        at_most=True,
    )


def count(name: str, database: str, value: float, target: float) -> Result:
    """A number of something, of which there may be `target` at most."""
    return Result(name=name, database=database, values=(value,), unit="", target=target, at_most=True)


def _sync(platform: Platform) -> SyncLog:
    log = request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.COMMAND).log
    return run_sync(log.pk)


def _timed_sync(platform: Platform, orders: int) -> tuple[float, float]:
    """Seconds of a first sync into an empty database, and CPU seconds."""
    empty()
    StreamState.objects.update(watermark=None)
    platform.save()
    start, start_cpu = time.perf_counter(), time.process_time()
    log = _sync(platform)
    taken = time.perf_counter() - start, time.process_time() - start_cpu
    if log.created != orders:
        raise RuntimeError(f"{log.created} of {orders} orders were stored: {log.error_message}")
    return taken


def _bare_fetch(server: "SimulatorProcess") -> tuple[float, float]:
    """Seconds to read the pages of the last sync's window again, and CPU seconds."""
    log = SyncLog.objects.latest("pk")
    if log.window_start is None or log.window_end is None:
        raise RuntimeError("The sync had no window.")
    window = Window("updated", log.window_start, log.window_end)
    start, start_cpu = time.perf_counter(), time.process_time()
    pages = bare_fetch.fetch(server.endpoint, server.lwa_endpoint, server.api_config, window)
    taken = time.perf_counter() - start, time.process_time() - start_cpu
    if pages != log.pages:
        raise RuntimeError(f"The sync read {log.pages} pages, the bare fetch {pages}.")
    return taken


class SimulatorProcess:
    """The simulator in a process of its own: its address and account, its calls, its quotas' clock."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("The simulator has no pipes.")
        self._stdin, self._stdout = process.stdin, process.stdout
        address = json.loads(self._stdout.readline())
        self.endpoint: str = address["endpoint"]
        self.lwa_endpoint: str = address["lwa_endpoint"]
        self.api_config: dict[str, Any] = address["api_config"]

    def calls(self) -> dict[str, int]:
        """How many it has answered, by operation."""
        return self.skip(0)

    def skip(self, seconds: float) -> dict[str, int]:
        """Put the quotas' clock forward. Returns the calls so far."""
        self._stdin.write(f"{seconds}\n")
        self._stdin.flush()
        answered: dict[str, int] = json.loads(self._stdout.readline())
        return answered

    def end(self) -> None:
        self._stdin.close()


@contextmanager
def simulator(orders: int, *, quotas: bool = False) -> Iterator[SimulatorProcess]:
    """Runs one with so many orders; `quotas`: Amazon's published ones are enforced."""
    command = [sys.executable, "-m", "bench.simulator", str(orders), *(["--quotas"] if quotas else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        server = SimulatorProcess(process)
        try:
            yield server
        finally:
            server.end()
