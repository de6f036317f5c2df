"""How fast a list is exported, through its address, beside the same file made the plain way: model instances, written
row by row into memory and sent at the end. And how much memory an export takes."""

import csv
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.test import Client
from openpyxl import Workbook

from backoffice.export.table import Columns
from backoffice.orders.exports import ITEM, OF_THE_ORDER, ORDER
from bench.admin_pages import logged_in
from bench.memory import peak_mib
from bench.report import Result
from orders.models import Order, OrderItem

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "/admin/orders/order/export"
Way = Callable[[], int]  # makes a file; how many bytes it has
Rows = Iterable[list[Any]]


def measure(name: str, *, orders: int, rounds: int) -> list[Result]:
    """Each file of so many orders, which are all that the database has, ours and the plain way in turns."""
    client = logged_in()
    return [
        _compared(name, file_name, orders, *_seconds(partial(exported, client, file_name), plain, rounds))
        for file_name, plain in plain_ways().items()
    ]


def _seconds(ours: Way, plain: Way, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round, after one round that does not count."""
    taken: dict[Way, list[float]] = {ours: [], plain: []}
    for number in range(-1, rounds):
        for way in (ours, plain) if number % 2 else (plain, ours):
            start = time.perf_counter()
            way()
            taken[way].append(time.perf_counter() - start)
    return taken[ours][1:], taken[plain][1:]


def _compared(name: str, file_name: str, orders: int, ours: list[float], plain: list[float]) -> Result:
    rates = [f"{orders / sorted(seconds)[len(seconds) // 2]:,.0f}" for seconds in (ours, plain)]
    return Result(
        name=f"export of {file_name}, to model instances row by row in memory",
        database=name,
        values=tuple(b / a for a, b in zip(ours, plain, strict=True)),
        unit="×",
        note=f"{rates[0]} orders/s to {rates[1]}",
        target=1,
    )


def peak_memory(orders: int) -> float:
    """The largest resident size of this process in MiB, after it exported so many orders as each file."""
    # In a process of its own: filling takes more memory than exporting.
    fill = [sys.executable, "-m", "bench.million", "--orders", str(orders), "--skus", "1000"]
    subprocess.run(fill, cwd=ROOT, stderr=subprocess.DEVNULL, check=True)
    client = logged_in()
    for file_name in plain_ways():
        exported(client, file_name)
    return peak_mib()


def exported(client: Client, file_name: str) -> int:
    """Bytes of the file, each piece thrown away as it comes."""
    response: Any = client.get(f"{ADDRESS}/{file_name}", secure=True)
    if response.status_code != 200:
        raise ValueError(f"{file_name} was answered with {response.status_code}")
    return sum(len(piece) for piece in response.streaming_content)


def plain_ways() -> dict[str, Way]:
    """Files that orders are exported as, and what makes the same rows of them without our export."""
    return {
        "orders.csv": lambda: _csv(orders()),
        "orders.xlsx": lambda: _xlsx(orders()),
        "order-lines.csv": lambda: _csv(lines()),
    }


# A careful author leaves out payloads, and credentials that would be decrypted row by row.


def orders() -> Rows:
    found = Order.objects.select_related("platform").defer("payload", "platform__api_config")
    found = found.prefetch_related("items")  # for what is left to ship
    return _values(found.order_by("-purchased_at", "-pk"), ORDER)


def lines() -> Rows:
    found = OrderItem.objects.select_related("order__platform")
    found = found.defer("order__payload", "order__platform__api_config")
    return _values(found.order_by("-order__purchased_at", "-order_id", "pk"), OF_THE_ORDER | ITEM)


def _values(rows: Iterable[Any], columns: Columns) -> Rows:
    values = [attrgetter(column.path.replace("__", ".")) for column in columns.values()]
    return ([value(row) for value in values] for row in rows)


def _csv(rows: Rows) -> int:
    file = io.StringIO()
    writer = csv.writer(file)
    for row in rows:
        writer.writerow(row)
    return len(file.getvalue().encode())


def _xlsx(rows: Rows) -> int:
    book, file = Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet()
    for row in rows:
        sheet.append([cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell for cell in row])
    book.save(file)
    return len(file.getvalue())
