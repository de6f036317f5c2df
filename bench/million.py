"""`python -m bench.million`: an invented business of 400 days, to measure OMS with a million orders.

Writes live rows (source = live, which every figure counts) straight into the database of DATABASE_URL. It therefore
takes only a database without orders, stock, syncs and credentials, and refuses any other: no invented row is mixed with
what a platform reported. The platforms are called demo-…, have made-up credentials, and are never scheduled.

    export DATABASE_URL=sqlite:///var/million.sqlite3
    python manage.py migrate && python -m bench.million
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

ORDERS = 1_000_000
SKUS = 100_000
ROWS_AT_ONCE = 20_000
TABLES = (
    "orders",
    "order_items",
    "shipments",
    "shipment_lines",
    "ordered_products",
    "inventory_items",
    "sync_logs",
    "sync_failures",
    "api_usage",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.million", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=ORDERS, help=f"how many orders (default {ORDERS:,})")
    parser.add_argument("--skus", type=int, default=SKUS, help=f"how many SKUs (default {SKUS:,})")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms.settings")
    import django

    django.setup()
    start = time.monotonic()
    try:
        with in_a_hurry():
            fill(orders=options.orders, skus=options.skus)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Done in {time.monotonic() - start:.0f} s.", file=sys.stderr)
    return 0


def refusal() -> str:
    """Why this database is not filled; "" for one that is migrated and empty."""
    from integrations.models import SyncLog
    from inventory.models import InventoryItem
    from orders.models import Order
    from platforms.models import Platform

    found = [
        str(model._meta.verbose_name_plural)
        for model in (Order, InventoryItem, SyncLog)
        if model._default_manager.exists()
    ]
    if any(platform.is_configured for platform in Platform.objects.all()):
        found.append("platforms with credentials")
    if not found:
        return ""
    return (
        f"Nothing was written: the database already has {', '.join(found)}. Made-up live rows go into an empty "
        "database alone; name another one with DATABASE_URL, and run manage.py migrate on it first."
    )


def fill(*, orders: int, skus: int) -> None:
    """Write everything into an empty, migrated database. Raises ValueError for one that is not."""
    if problem := refusal():
        raise ValueError(problem)
    from django.core.management.color import no_style
    from django.db import connection

    from bench import million_orders, million_rows, million_shipments
    from integrations.lookup.planning import count_due
    from integrations.models import ApiUsage, SyncFailure, SyncLog
    from inventory.models import InventoryItem
    from orders.models import Order, OrderItem, SalesDay, Shipment, ShipmentLine
    from orders.products import remember_products

    SalesDay.objects.all().delete()  # the orders are written without what marks their days
    shops = million_rows.open_shops()
    _write(InventoryItem, million_rows.STOCK, million_rows.stock(shops, skus))
    made = million_orders.orders(shops, orders=orders, skus=skus)
    written = 0
    while batch := list(islice(made, ROWS_AT_ONCE)):
        _write(Order, million_orders.ORDER, (order for order, _items in batch))
        _write(OrderItem, million_orders.ITEM, chain.from_iterable(items for _order, items in batch))
        made_here = list(million_shipments.shipments(batch))
        _write(Shipment, million_shipments.SHIPMENT, (shipment for shipment, _lines in made_here))
        _write(
            ShipmentLine, million_shipments.LINE, chain.from_iterable(lines for _shipment, lines in made_here)
        )
        written += len(batch)
        print(f"\r{written:,} of {orders:,} orders", end="", file=sys.stderr)
    print(file=sys.stderr)
    for first in range(0, skus, 1000):  # what the search by words reads
        numbers = range(first, min(first + 1000, skus))
        remember_products((million_rows.sku(number), million_rows.title(number)) for number in numbers)
    _write(SyncLog, million_rows.SYNC, million_rows.syncs(shops))
    _write(SyncFailure, million_rows.FAILURE, million_rows.failures())
    _write(ApiUsage, million_rows.USAGE, million_rows.usage(shops))
    # The ids of these were given: the next one comes after them.
    _execute(connection.ops.sequence_reset_sql(no_style(), [Order, Shipment]))
    count_due()  # what the planning shows


def _write(model: Any, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows: tuples in the order of `fields`, with values as the driver takes them."""
    from django.db import connection, transaction

    quote = connection.ops.quote_name
    columns = ", ".join(quote(model._meta.get_field(name).column) for name in fields)
    marks = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks})"  # noqa: S608
    iterator = iter(rows)
    with transaction.atomic(), connection.cursor() as cursor:
        while batch := list(islice(iterator, ROWS_AT_ONCE)):
            cursor.executemany(sql, batch)


@contextmanager
def in_a_hurry() -> Iterator[None]:
    """Around `fill`, outside of a transaction. Nothing is lost if the machine goes down meanwhile: it is made up.

    Afterwards the database's planner knows how many rows there are; but not SQLite's, which no installation tells.
    """
    from django.db import connection

    tables = ", ".join(map(connection.ops.quote_name, TABLES))
    before, after = {
        "sqlite": (
            ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -800000"),
            ("PRAGMA synchronous = NORMAL", "PRAGMA wal_checkpoint(TRUNCATE)"),
        ),
        "mysql": (
            ("SET unique_checks = 0", "SET foreign_key_checks = 0"),
            (f"ANALYZE TABLE {tables}", "SET unique_checks = 1", "SET foreign_key_checks = 1"),
        ),
    }.get(connection.vendor, ((), ("ANALYZE",)))
    _execute(before)
    yield
    _execute(after)


def _execute(statements: Sequence[str]) -> None:
    from django.db import connection

    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()


if __name__ == "__main__":
    sys.exit(main())
