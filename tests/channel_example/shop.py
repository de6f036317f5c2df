"""The shop itself, over real HTTP: what its API answers, and what it is asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "cs-key-4711-very-secret-0815"
PAGE_SIZE = 2
STATES = ("sent", "paid", "paid")


def orders() -> list[dict[str, Any]]:
    """Three orders of the last days."""
    now = datetime.now(UTC)
    return [
        {
            "number": f"CS-{number}",
            "placed": _iso(now - timedelta(days=number, hours=2)),
            "changed": _iso(now - timedelta(days=number)),
            "state": state,
            "customer": {"name": "Erika Muster", "mail": "erika@example.com"},
            "lines": [
                {
                    "line": "1",
                    "article": "TEA-1",
                    "name": "Green tea, 100 g",
                    "count": number,
                    "price": "4.50",
                }
            ],
            "sum": f"{number * 4.5:.2f}",
            "currency": "EUR",
        }
        for number, state in enumerate(STATES, start=1)
    ]


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


STOCK = [
    {"article": "TEA-1", "name": "Green tea, 100 g", "on_hand": 12, "promised": 2},
    {"article": "POT-1", "name": "Tea pot", "on_hand": 0, "promised": 0},
]
RETURNS = [{"number": "R-1", "order": "CS-1", "article": "TEA-1", "count": 1}]


@dataclass
class Shop:
    """`asked` has each path that was called; `is_closed` answers 503 to everything."""

    address: str = ""
    orders: list[dict[str, Any]] = field(default_factory=orders)
    stock: list[dict[str, Any]] = field(default_factory=lambda: [dict(row) for row in STOCK])
    returns: list[dict[str, Any]] = field(default_factory=lambda: [dict(row) for row in RETURNS])
    asked: list[str] = field(default_factory=list)
    is_closed: bool = False

    def answer(self, target: str, key: str) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(target)
        self.asked.append(parts.path)
        if self.is_closed:
            return 503, {"error": "closed"}
        if key != KEY:
            return 401, {"error": "wrong key"}
        kind, _, number = parts.path.strip("/").partition("/")
        rows = {"orders": self.orders, "stock": self.stock, "returns": self.returns}.get(kind)
        if rows is None:
            return 404, {"error": "no such thing"}
        if number:
            found = next((row for row in rows if row["number"] == number), None)
            return (200, found) if found else (404, {"error": "no such order"})
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        rows = [row for row in rows if _is_inside(row, asked)]
        start = int(asked.get("start", 0))
        end = start + PAGE_SIZE
        return 200, {"rows": rows[start:end], "next": end if end < len(rows) else None}


def _is_inside(row: dict[str, Any], asked: dict[str, str]) -> bool:
    if "since" not in asked:
        return True
    return asked["since"] <= str(row["changed"]) < asked["until"]


@contextmanager
def opened() -> Iterator[Shop]:
    """A shop that answers until the end of the block."""
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = shop.answer(self.path, self.headers.get("X-Key", ""))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Request", f"cs-request-{len(shop.asked)}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing: a test's output is about the test."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
