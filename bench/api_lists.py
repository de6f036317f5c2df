"""Server time of the API's lists on a big database, beside the bare SQL of the same pages with their rows as JSON."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test import Client

from bench.admin_pages import Statement, logged_in
from bench.million_rows import NOW
from bench.report import Result

PAGE_MS, POLL_MS = 150, 50  # of 500 orders with their items; of a poll by the time of change


def measure(name: str, *, rounds: int) -> list[Result]:
    """Read each list `rounds` times."""
    client = logged_in()
    found: list[Result] = []
    for what, (address, target) in pages().items():
        found += _measured(client, name, what, address, target, rounds)
    return found


def pages() -> dict[str, tuple[str, float | None]]:
    """Address and target in milliseconds, by what is asked for."""

    def ago(days: float) -> str:
        return f"{NOW - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"

    return {
        "500 orders with items": ("/orders?page_size=500", PAGE_MS),
        "500 orders, 4 fields": ("/orders?page_size=500&fields=id,status,total,currency", PAGE_MS),
        "orders changed, none": ("/orders?updated_after=2099-01-01", POLL_MS),
        "orders changed in 3 days": (f"/orders?updated_after={ago(3)}", POLL_MS),
        "orders changed in 200 days": (f"/orders?updated_after={ago(200)}", POLL_MS),
        "orders changed, in that order": (
            f"/orders?updated_after={ago(200)}&ordering=platform_updated_at",
            POLL_MS,
        ),
        "orders stored, in that order": (f"/orders?synced_after={ago(200)}&ordering=synced_at", POLL_MS),
        "orders to ship, the first one first": (
            "/orders?status=unshipped,partially_shipped&fulfilled_by=merchant,unknown&ordering=ship_by",
            None,
        ),
        "totals of 30 days": (f"/orders/totals?purchased_after={ago(30)}", None),
        "500 rows of stock": ("/inventory?page_size=500", None),
    }


def _measured(
    client: Client, name: str, what: str, address: str, target: float | None, rounds: int
) -> list[Result]:
    """The first request is not counted: it fills the caches that a server in use has filled."""
    taken, bare = [], []
    for _round in range(rounds + 1):
        statements: list[Statement] = []
        taken.append(_timed(partial(_read, client, address, statements)))
        bare.append(_timed(partial(_as_json, statements)))
    pages, alone = [page for page, _cpu in taken[1:]], [other for other, _cpu in bare[1:]]
    cpu = statistics.median(worked for _page, worked in taken[1:])
    ratios = tuple(page / other for page, other in zip(pages, alone, strict=True))
    note = f"cpu {cpu:.0f} ms; bare SQL and JSON of the same rows: {statistics.median(alone):.1f} ms"
    shared: dict[str, Any] = {"database": name, "at_most": True}
    return [
        Result(name=f"API, {what}", values=tuple(pages), unit=" ms", target=target, note=note, **shared),
        Result(name=f"API, {what}, to bare SQL and JSON", values=ratios, unit="×", **shared),
    ]


def _timed(run: Callable[[], None]) -> tuple[float, float]:
    """Milliseconds, and how many of them this process worked."""
    start, worked = time.perf_counter(), time.process_time()
    run()
    return (time.perf_counter() - start) * 1000, (time.process_time() - worked) * 1000


def _read(client: Client, address: str, statements: list[Statement]) -> None:
    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        response = client.get(address, secure=True)
    if response.status_code != 200:
        raise ValueError(f"{address} was answered with {response.status_code}")


def _as_json(statements: Sequence[Statement]) -> None:
    """The SELECTs again over a bare cursor; all they find as JSON, with nothing judged or converted."""
    with connection.cursor() as cursor:
        for sql, params in statements:
            if sql.lstrip("( ").upper().startswith("SELECT"):
                cursor.execute(sql, params)
                json.dumps(cursor.fetchall(), default=str)
