"""What the tests of the sync path share: platforms of simulated accounts, syncs, hand-made answers, what is stored."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import api_config
from integrations.models import SyncLog
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.sync.windows import WindowRequest
from integrations.tests.processes import migrated, python
from inventory.models import InventoryItem
from orders.models import Order
from platforms.models import Platform
from simulator import Canned, Simulator

ORDERS, INVENTORY = SyncLog.Kind.ORDERS, SyncLog.Kind.INVENTORY
Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]

WRITES = re.compile(
    r"(INSERT INTO|UPDATE|DELETE FROM)\s+[`\"](orders|order_items|order_packages|order_buyers|inventory_items)[`\"]"
)
ORDER_FIELDS = (
    "external_id", "status", "platform_status", "purchased_at", "platform_updated_at", "marketplace_id",
    "fulfilled_by", "service_level", "ship_by", "deliver_by", "currency", "total", "tax",
    "invoice_status", "programs", "replaced_order_id",
    "buyer_requested_cancellation",
)  # fmt: skip
ITEM_FIELDS = (
    "external_id", "sku", "asin", "title", "quantity_ordered", "quantity_shipped", "quantity_left", "unit_price",
    "total", "tax", "shipping", "discount", "item_subtotal", "other_charges", "currency",
    "item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax",
    "tax_model", "tax_responsible_party", "tax_scheme",
)  # fmt: skip
PACKAGE_FIELDS = (
    "external_id", "carrier", "shipping_service", "tracking_number", "status", "detailed_status", "packed_at",
    "shipped_at", "contents",
)  # fmt: skip
STOCK_FIELDS = (
    "marketplace_id", "sku", "asin", "fnsku", "title", "condition", "total", "available", "reserved", "inbound",
    "unfulfillable", "researching", "details", "platform_updated_at",
)  # fmt: skip


def platform_of(sim: Simulator, name: str = "amazon", **changes: Any) -> Platform:
    """The platform with the credentials of the simulator's first account; `changes` are of api_config."""
    platform, _ = Platform.objects.get_or_create(name=name)
    platform.api_config = api_config(sim.accounts[0], **changes)
    platform.save()
    return platform


def open_sync(
    platform: Platform, kind: str = ORDERS, *, window: WindowRequest | None = None, skus: Sequence[str] = ()
) -> SyncLog:
    return request_sync(
        platform=platform, kind=kind, trigger=SyncLog.Trigger.COMMAND, window=window, skus=skus
    ).log


def sync(platform: Platform, kind: str = ORDERS, *, on_page: Any = None, **asked: Any) -> SyncLog:
    """One sync from the request to wherever it ends."""
    return run_sync(open_sync(platform, kind, **asked).pk, on_page=on_page or (lambda log: None))


def stored_orders(platform: Platform) -> dict[str, Json]:
    """What is stored, in the form of Account.truth_orders()."""
    return {
        order.external_id: {name: getattr(order, name) for name in ORDER_FIELDS}
        | {"items": [{name: getattr(item, name) for name in ITEM_FIELDS} for item in order.items.all()]}
        | {
            "packages": [
                {name: getattr(row, name) for name in PACKAGE_FIELDS} for row in order.packages.all()
            ]
        }
        for order in Order.objects.filter(platform=platform).prefetch_related("items", "packages")
    }


def stored_stock(platform: Platform) -> dict[tuple[str, str, str], Json]:
    """What is stored, in the form of Account.truth_inventory()."""
    return {
        (row.marketplace_id, row.sku, row.fnsku): {name: getattr(row, name) for name in STOCK_FIELDS}
        for row in InventoryItem.objects.filter(platform=platform)
    }


def raw_order(
    number: int = 1, *, updated: str = "2026-11-01T10:00:00Z", items: int = 1, **changes: Any
) -> Json:
    """An order in Amazon's form, as plain as can be."""
    return {
        "orderId": f"111-0000000-{number:07d}",
        "createdTime": "2026-10-30T10:00:00Z",
        "lastUpdatedTime": updated,
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "ATVPDKIKX0DER"},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [raw_item(line) for line in range(1, items + 1)],
        **changes,
    }


def raw_item(line: int = 1, **changes: Any) -> Json:
    return {
        "orderItemId": f"{line:014d}",
        "quantityOrdered": 1,
        "product": {"sellerSku": f"SKU-{line}", "title": "A thing"},
        **changes,
    }


def order_page(
    *orders: Any, token: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Canned:
    """An answer to searchOrders; everything that is not ASCII is escaped, so half a surrogate pair can be sent."""
    document = {"orders": list(orders), **({"pagination": {"nextToken": token}} if token else {}), **more}
    return Canned(
        200, json.dumps(document).encode(), {"Content-Type": "application/json"} | dict(headers or {})
    )


def refusal(status: int, code: str = "Refused", message: str = "No.", **headers: str) -> Canned:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Canned.json(status, {"errors": [{"code": code, "message": message}]}, sent)


QUOTA_EXCEEDED = refusal(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")
UNAVAILABLE = Canned(
    503, b"<html><body><h1>503 Service Unavailable</h1></body></html>", {"x-amzn-RequestId": "req-503"}
)
ALWAYS = 50  # more often than anything is tried again


@contextmanager
def no_writes() -> Iterator[None]:
    """Fails where a row of orders, items, buyers or stock is written."""
    with CaptureQueriesContext(connection) as captured:
        yield
    assert [query["sql"][:200] for query in captured if WRITES.search(query["sql"])] == []


def requests_of(sim: Simulator, operation: str) -> list[dict[str, str]]:
    """The parameters of each call, in the order they came in."""
    return [request.params for request in sim.requests if request.operation == operation]


def on_a_database_that_waits(run: Callable[[], dict[str, int]], directory: Path) -> dict[str, int]:
    """What `run` finds with many connections at once.

    The test database of SQLite is in memory, where it fails instead of waiting; what runs in production is a file.
    """
    if connection.vendor != "sqlite":
        return run()
    path = shutil.copy(migrated(), directory / "oms.sqlite3")
    script = (
        "import django, json; django.setup(); "
        f"from {run.__module__} import {run.__name__} as run; print(json.dumps(run()))"
    )
    done = python(
        ["-c", script], {"DJANGO_SETTINGS_MODULE": "oms.settings", "DATABASE_URL": f"sqlite:///{path}"}
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, int] = json.loads(done.stdout)
    return outcome
