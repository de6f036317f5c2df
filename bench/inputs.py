"""What is stored: the simulator's orders and stock, read by the normalizer that reads Amazon's answers."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from integrations.amazon import normalize
from inventory.records import InventoryRecord
from orders.records import OrderRecord
from simulator import Account
from simulator.render.orders import render_order
from simulator.render.stock import render_stock

Record = TypeVar("Record")

ORDERS_A_PAGE = 100  # searchOrders' largest page
STOCK_A_PAGE = 50  # what getInventorySummaries returns


def order_pages(account: Account, *, with_buyer: bool = False) -> Iterator[tuple[OrderRecord, ...]]:
    """Pages of 100, made when they are asked for. Raises ValueError where the normalizer refuses an order."""
    datasets = normalize.ALWAYS_ASKED + (normalize.PERSONAL if with_buyer else ())
    for indexes in _chunks(range(account.book.orders), ORDERS_A_PAGE):
        raws = [render_order(account.order(index), datasets) for index in indexes]
        records, failures = normalize.orders(raws, datasets)
        if failures:
            raise ValueError(f"The normalizer refused {len(failures)} orders: {failures[0].message}")
        yield records


def stock_pages(account: Account) -> Iterator[tuple[InventoryRecord, ...]]:
    """Pages of 50 rows of the account's first marketplace. Raises ValueError where the normalizer refuses a row."""
    marketplace_id = account.marketplace_ids[0]
    for keys in _chunks(account.stock_keys, STOCK_A_PAGE):
        raws = [render_stock(account.stock(marketplace_id, key), details=True) for key in keys]
        records, failures = normalize.inventories(raws, marketplace_id)
        if failures:
            raise ValueError(f"The normalizer refused {len(failures)} rows: {failures[0].message}")
        yield records


def _chunks(values: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    return (values[start : start + size] for start in range(0, len(values), size))
