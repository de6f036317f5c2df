"""Is what is stored Amazon's truth? Compared with what the simulator knows, never with what was read from it.

What was compared is counted: `python -m bench.reliability` runs tests and shows these figures.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.models import SyncLog
from integrations.tests.syncing import ORDERS, stored_orders, stored_stock, sync
from inventory.models import InventoryItem
from inventory.services import QUANTITIES
from orders.models import Order, OrderItem
from platforms.models import Platform
from simulator import Account, Simulator

Status = SyncLog.Status
Json = dict[str, Any]


@dataclass
class Counts:
    """What happened in this process: faults at Amazon, events of our own, runs by how they ended, comparisons."""

    faults: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    comparisons: int = 0
    orders: int = 0
    items: int = 0
    stock: int = 0
    differences: int = 0

    def as_json(self) -> Json:
        return dict(vars(self))


COUNTS = Counts()


def order_differences(account: Account, platform: Platform) -> list[str]:
    """How the stored orders and their items differ from the account as it is now; empty where they are equal."""
    truth, orders = account.truth_orders(), Order.objects.filter(platform=platform)
    lines = sum(len(order["items"]) for order in truth.values())
    stored_lines = OrderItem.objects.filter(order__platform=platform).count()
    found = list(_differences("order", stored_orders(platform), truth))
    if orders.count() != len(truth):
        found.append(f"{orders.count()} orders are stored; Amazon has {len(truth)}")
    if stored_lines != lines:
        found.append(f"{stored_lines} items are stored; Amazon has {lines}")
    COUNTS.orders += len(truth)
    COUNTS.items += lines
    return _counted(found)


def stock_differences(account: Account, platform: Platform) -> list[str]:
    """The same for stock. A row that Amazon does not list must be marked as gone, with nothing in stock."""
    truth, rows = account.truth_inventory(), InventoryItem.objects.filter(platform=platform)
    gone = {(row.marketplace_id, row.sku, row.fnsku): row for row in rows.exclude(gone_at=None)}
    present = {key: row for key, row in stored_stock(platform).items() if key not in gone}
    found = list(_differences("stock", present, truth))
    found += [f"stock {key} is gone, with something in it" for key, row in gone.items() if not _empty(row)]
    if rows.count() != len(present) + len(gone):
        found.append("a row of stock is there twice")
    COUNTS.stock += len(truth)
    return _counted(found)


def assert_complete(account: Account, platform: Platform) -> None:
    """The stored orders are Amazon's truth, and nothing is there twice."""
    assert order_differences(account, platform) == []


def assert_complete_stock(account: Account, platform: Platform) -> None:
    assert stock_differences(account, platform) == []


def counted_sync(platform: Platform, kind: str = ORDERS) -> SyncLog:
    """One sync from the request to wherever it ends."""
    log = sync(platform, kind)
    COUNTS.runs[log.status] += 1
    return log


def explained(log: SyncLog, *, database_failed: bool = False) -> SyncLog:
    """The run, which says how it ended or how it goes on, and why where it did not end well."""
    is_open = log.status in SyncLog.OPEN
    assert is_open == (log.open_key is not None) == (log.finished_at is None), f"{log}: {log.status}"
    if log.status == Status.WAITING:
        assert log.resume_at is not None
    if log.status == Status.RUNNING:
        assert log.lease_token
        assert log.lease_expires_at is not None
    if log.status == Status.PARTIAL:
        assert log.failed or log.notes  # records, or marketplaces
    if log.status in (Status.FAILED, Status.CANCELLED):
        assert log.error_code
        assert log.error_code != "internal" or database_failed
        assert log.error_message.endswith((".", ")"))
    return log


def count_faults(sim: Simulator) -> None:
    """Count what went wrong on this simulator; call it once, at its end."""
    for fault, times in sim.rules.happened.items():
        COUNTS.faults[kind_of(fault)] += times


def kind_of(fault: Any) -> str:
    """The name of a fault's kind, as a reader of docs/reliability.md knows it."""
    kind, status = type(fault).__name__, getattr(fault, "status", 0)
    if kind != "Answer":
        return KINDS[kind]
    if status == 429:
        return "429, with and without a rate"
    if status < 300:
        return "200 with an error, a page of HTML or nothing in it"
    if status < 500:
        return "4xx in JSON, HTML, cut, empty, not UTF-8"
    return "5xx in JSON, HTML, cut, empty, not UTF-8"


KINDS = {
    "LoseAnswer": "what was asked for is done, and its answer is lost",
    "ChangeNothing": "a 204, and nothing is done",
    "Deny": "a 403 although all is granted",
    "RefuseData": "a data set is refused, with and without its name",
    "RefuseSku": "a list of SKUs is refused for one of them",
    "Empty": "an empty list",
    "NoSku": "a row of stock that names no SKU",
    "OlderTwin": "an older row about the same on one page",
    "OddPagination": "where the next page is cannot be read",
    "SetClock": "Amazon's clock is set",
    "Delay": "an answer that comes too late",
    "Slow": "an answer that trickles",
    "Reset": "connection reset, before or in the answer",
    "Cut": "an answer that is cut",
    "NotUtf8": "an answer that is not UTF-8",
    "OddName": "the name of an attribute is not UTF-8",
    "ExpireTokens": "access tokens expire",
    "Revoke": "authorisation withdrawn",
    "ExpirePageTokens": "page tokens expire",
    "RepeatPage": "a page comes twice",
    "LoopPages": "page tokens loop",
    "NextRowToo": "the same row on two pages",
    "CompleteUntil": "a page says it is complete until a senseless time",
    "SpoilRow": "a record that cannot be read",
    "OnlyOf": "one marketplace is denied or broken",
    "Between": "Amazon's data changes while pages are read",
    "Mutate": "Amazon's data changes while pages are read",
}


def _differences(what: str, stored: Mapping[Any, Json], truth: Mapping[Any, Json]) -> list[str]:
    found = [f"{what} {key} is missing" for key in truth if key not in stored]
    found += [f"{what} {key} is none of Amazon's" for key in stored if key not in truth]
    for key in truth.keys() & stored.keys():
        for name, value in truth[key].items():
            if stored[key][name] != value:
                found.append(f"{what} {key}: {name} is {stored[key][name]!r}; Amazon says {value!r}")
    return found


def _empty(row: InventoryItem) -> bool:
    return not any(getattr(row, name) for name in QUANTITIES)


def _counted(found: list[str]) -> list[str]:
    COUNTS.comparisons += 1
    COUNTS.differences += len(found)
    return found
