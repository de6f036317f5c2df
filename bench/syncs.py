"""Whole syncs through run_sync: their memory, and their calls against the simulator in a process of its own."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from bench.database import empty
from bench.inputs import ORDERS_A_PAGE, order_pages
from bench.report import Result
from integrations.models import SyncLog
from integrations.protocol import Checkpoint, DataSets, Finding, Note, OrderPage, StockPage, Usage, Window
from integrations.registry import ADAPTERS
from integrations.sync.connection import connect
from integrations.sync.run import request_sync, run_sync
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
    notes: tuple[Note, ...] = ()

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        last = self.account.book.orders // ORDERS_A_PAGE
        for number, records in enumerate(order_pages(self.account), start=1):
            yield OrderPage(records=records, next={"page": number} if number < last else None)

    def order(self, external_id: str) -> OrderRecord:
        raise NotImplementedError

    def inventory_pages(self, skus: Sequence[str], checkpoint: Checkpoint) -> Iterator[StockPage]:
        raise NotImplementedError

    def check(self) -> Iterator[Finding]:
        return iter(())

    def close(self) -> None:
        pass


def peak_memory(orders: int) -> float:
    """The largest resident size of this process in MiB, after one sync of so many orders."""
    platform = Platform.objects.get(name="amazon")
    account = Account(orders=orders)
    ADAPTERS[platform.kind] = replace(
        ADAPTERS[platform.kind],
        connect=lambda api_config, **_options: Generated(account),
    )
    log = _sync(platform)
    if log.created != orders:
        raise RuntimeError(f"{log.created} of {orders} orders were stored: {log.error_message}")
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return kib / 1024


def calls(database: str, *, orders: int, rounds: int) -> list[Result]:
    """What a sync of orders costs in calls, and how fast it is beside the same pages fetched and thrown away."""
    platform = Platform.objects.get(name="amazon")
    # It measures what is ours: the simulator has no quotas, and the rounds together ask more than Amazon would grant.
    settings.AMAZON_QUOTAS = {"searchOrders": (1000.0, 1_000_000)}
    synced: list[float] = []
    fetched: list[float] = []
    with simulator(orders) as box:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = box.endpoint, box.lwa_endpoint
        platform.api_config = box.api_config
        platform.save()
        for number in range(rounds):
            empty()
            platform.orders_watermark = None
            platform.save()
            start = time.perf_counter()
            log = _sync(platform)
            synced.append(time.perf_counter() - start)
            if log.created != orders:
                raise RuntimeError(f"{log.created} of {orders} orders were stored: {log.error_message}")
            if number == 0:
                made = box.calls()
            fetched.append(_fetch(platform, log))
    thousands = orders / 1000
    rates = f"{orders / sorted(synced)[rounds // 2]:,.0f} to {orders / sorted(fetched)[rounds // 2]:,.0f} orders/s"
    return [
        count("searchOrders calls per 1,000 orders", database, made.get("searchOrders", 0) / thousands, 10),
        count("token calls of a sync", database, made.get("token", 0), 1),
        Result(
            name="orders synced over HTTP, to fetched and thrown away",
            database=database,
            values=tuple(a / b for a, b in zip(fetched, synced, strict=True)),
            unit="×",
            note=rates,
        ),
    ]


def count(name: str, database: str, value: float, target: float) -> Result:
    """A number of something, of which there may be `target` at most."""
    return Result(name=name, database=database, values=(value,), unit="", target=target, at_most=True)


def _sync(platform: Platform) -> SyncLog:
    log, _ = request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.COMMAND)
    return run_sync(log.pk)


def _fetch(platform: Platform, log: SyncLog) -> float:
    """Seconds to read the pages of that sync's window."""
    if log.window_start is None or log.window_end is None:
        raise RuntimeError("The sync had no window.")
    start = time.perf_counter()
    adapter = connect(platform)
    try:
        for page in adapter.order_pages(Window("updated", log.window_start, log.window_end), {}):
            del page
    finally:
        adapter.close()
    return time.perf_counter() - start


class Box:
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
def simulator(orders: int, *, quotas: bool = False) -> Iterator[Box]:
    """Runs one with so many orders; `quotas`: Amazon's published ones are enforced."""
    command = [sys.executable, "-m", "bench.box", str(orders), *(["--quotas"] if quotas else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        box = Box(process)
        try:
            yield box
        finally:
            box.end()
