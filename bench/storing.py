"""How fast pages are stored, beside update_or_create for each row and beside the bare driver."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from bench import alternatives as other
from bench.database import empty
from bench.inputs import ORDERS_A_PAGE, STOCK_A_PAGE, order_pages, stock_pages
from bench.report import Result
from inventory.services import upsert_inventory
from orders.services import upsert_orders
from platforms.models import Platform, Source
from simulator import Account

END = datetime.now(UTC) - timedelta(minutes=5)  # for a whole run: the same data in every round
Seconds = dict[str, list[float]]  # alternative -> seconds a page, round by round


def measure(database: str, *, pages: int, rounds: int) -> list[Result]:
    """All comparisons on the database in use. Alternatives take turns; each round begins with another of them."""
    platform = Platform.objects.get(name="amazon")
    gc.collect()
    gc.freeze()
    orders = _rounds(_order_steps(platform, pages), rounds)
    stock = _rounds(_stock_steps(platform, pages), rounds)
    return [*_order_results(database, orders), *_stock_results(database, stock)]


def _order_results(database: str, seconds: Seconds) -> Iterator[Result]:
    ours = f"{_rate(seconds['ours'], ORDERS_A_PAGE)} orders/s"

    def ratio(name: str, over: str, under: str, target: float | None = None, note: str = "") -> Result:
        values = tuple(a / b for a, b in zip(seconds[over], seconds[under], strict=True))
        return Result(name=name, database=database, values=values, unit="×", target=target, note=note)

    rows, bare = _rate(seconds["row by row"], ORDERS_A_PAGE), _rate(seconds["bare"], ORDERS_A_PAGE)
    again, pii = _rate(seconds["again"], ORDERS_A_PAGE), _rate(seconds["with buyer"], ORDERS_A_PAGE)
    yield ratio("new orders, to update_or_create per row", "row by row", "ours", 10, f"{ours} to {rows}")
    yield ratio("new orders, to the bare driver's executemany", "bare", "ours", 0.5, f"{ours} to {bare}")
    yield ratio("unchanged orders, to new ones", "ours", "again", 3, f"{again} orders/s")
    yield ratio("new orders with buyer data, to without", "ours", "with buyer", None, f"{pii} orders/s")


def _stock_results(database: str, seconds: Seconds) -> Iterator[Result]:
    compared = (
        ("new stock rows, to update_or_create per row", "row by row", "ours", 10),
        ("new stock rows, to the bare driver's executemany", "bare", "ours", None),
        ("unchanged stock rows, to new ones", "ours", "again", None),
    )
    for name, over, under, target in compared:
        values = tuple(a / b for a, b in zip(seconds[over], seconds[under], strict=True))
        note = f"{_rate(seconds[under], STOCK_A_PAGE)} rows/s to {_rate(seconds[over], STOCK_A_PAGE)}"
        yield Result(name=name, database=database, values=values, unit="×", target=target, note=note)


Step = tuple[str, Callable[[], float]]


def _order_steps(platform: Platform, pages: int) -> list[list[Step]]:
    """Each inner list runs in its order, on empty tables."""
    account = Account(orders=pages * ORDERS_A_PAGE, end=END)

    def store(records: Any) -> None:
        platform.include_pii = False
        upsert_orders(platform=platform, records=records, source=Source.LIVE)

    def store_with_buyer(records: Any) -> None:
        platform.include_pii = True
        upsert_orders(platform=platform, records=records, source=Source.LIVE)

    def rows() -> Iterator[other.Tables]:
        ids = count(1, ORDERS_A_PAGE)
        return (other.order_tables(platform, page, next(ids)) for page in order_pages(account))

    return [
        [("bare", lambda: _seconds(other.bare_driver, rows()))],
        [
            ("ours", lambda: _seconds(store, order_pages(account))),
            ("again", lambda: _seconds(store, order_pages(account))),
        ],
        [
            (
                "row by row",
                lambda: _seconds(lambda page: other.orders_row_by_row(platform, page), order_pages(account)),
            )
        ],
        [("with buyer", lambda: _seconds(store_with_buyer, order_pages(account, with_buyer=True)))],
    ]


def _stock_steps(platform: Platform, pages: int) -> list[list[Step]]:
    account = Account(orders=0, skus=pages * STOCK_A_PAGE, end=END)

    def store(records: Any) -> None:
        upsert_inventory(platform=platform, records=records, source=Source.LIVE)

    def rows() -> Iterator[other.Tables]:
        return (other.stock_tables(platform, page) for page in stock_pages(account))

    return [
        [("bare", lambda: _seconds(other.bare_driver, rows()))],
        [
            ("ours", lambda: _seconds(store, stock_pages(account))),
            ("again", lambda: _seconds(store, stock_pages(account))),
        ],
        [
            (
                "row by row",
                lambda: _seconds(lambda page: other.stock_row_by_row(platform, page), stock_pages(account)),
            )
        ],
    ]


def _rounds(blocks: list[list[Step]], rounds: int) -> Seconds:
    seconds: Seconds = {}
    for number in range(-1, rounds):  # one round to warm up, which does not count
        for position in range(len(blocks)):
            empty()
            for name, run in blocks[(position + number) % len(blocks)]:
                taken = run()
                if number >= 0:
                    seconds.setdefault(name, []).append(taken)
    return seconds


def _seconds(store: Callable[[Any], None], pages: Iterable[Any]) -> float:
    """Seconds a page. As in a sync, each page is made right before it is stored; making it does not count."""
    taken: list[float] = []
    for page in pages:
        start = time.perf_counter()
        store(page)
        taken.append(time.perf_counter() - start)
    return sum(taken) / len(taken)


def _rate(seconds: list[float], a_page: int) -> str:
    return f"{a_page / sorted(seconds)[len(seconds) // 2]:,.0f}"
