"""Amazon without an account: the same payloads every time, read by the same normalizer as real ones.

Ids start with MOCK, which Amazon never issues, and the source is "mock" all the way.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.amazon import normalize
from integrations.errors import RequestRefused
from integrations.protocol import (
    Checkpoint,
    DataSets,
    Finding,
    Note,
    OrderPage,
    Parts,
    RecordFailure,
    StockPage,
    Usage,
    Window,
)
from orders.records import OrderRecord

ORDERS = 24
PAGE_SIZE = 10
FIRST_ORDER = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
MARKETPLACE = "ATVPDKIKX0DER"
# SKU, ASIN, title, price in USD, units available
PRODUCTS = (
    ("MOCK-MUG-BLUE", "B0MOCK0001", "Enamel mug, blue, 350 ml", "14.90", 120),
    ("MOCK-MUG-RED", "B0MOCK0002", "Enamel mug, red, 350 ml", "14.90", 3),
    ("MOCK-LAMP-01", "B0MOCK0003", "Desk lamp with warm light", "39.00", 41),
    ("MOCK-NOTEBOOK-A5", "B0MOCK0004", "Notebook A5, dotted, 160 pages", "9.50", 0),
    ("MOCK-BOTTLE-75", "B0MOCK0005", "Steel bottle, 0.75 l", "24.00", 260),
    ("MOCK-TOWEL-SET", "B0MOCK0006", "Linen kitchen towels, set of 3", "18.75", 17),
)
STATUSES = ("UNSHIPPED", "SHIPPED", "SHIPPED", "PENDING", "PARTIALLY_SHIPPED", "CANCELLED")
NOTE = Note("mock", "This is made-up data. Store the account's credentials to get its real orders and stock.")


class MockAmazon:
    """See integrations.protocol.Adapter. The window is not looked at: mock orders never change."""

    source = "mock"
    scope = "mock"
    notes = (NOTE,)

    def __init__(self) -> None:
        self.usage = Usage()
        self.datasets = DataSets()
        self.parts = Parts()

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        for start in range(checkpoint.get("start", 0), ORDERS, PAGE_SIZE):
            end = min(start + PAGE_SIZE, ORDERS)
            records, failures = normalize.orders(
                map(order_payload, range(start, end)), normalize.ALWAYS_ASKED
            )
            yield OrderPage(records=records, failures=failures, next={"start": end} if end < ORDERS else None)

    def order(self, external_id: str) -> OrderRecord:
        for number in range(ORDERS):
            if order_payload(number)["orderId"] == external_id:
                return normalize.order(order_payload(number))
        raise RequestRefused(f"There is no mock order {external_id!r}.", code="not_found", status=404)

    def inventory_pages(self, skus: Sequence[str], checkpoint: Checkpoint) -> Iterator[StockPage]:
        summaries = [_summary(*product) for product in PRODUCTS if not skus or product[0] in skus]
        records, failures = normalize.inventories(summaries, MARKETPLACE)
        known = {record.sku for record in records}
        missing = tuple(
            RecordFailure(
                external_id=sku, code="sku_not_found", message=f"There is no mock stock of {sku!r}."
            )
            for sku in dict.fromkeys(skus)
            if sku not in known
        )
        yield StockPage(records=records, failures=failures + missing, swept=None if skus else MARKETPLACE)

    def check(self) -> Iterator[Finding]:
        yield Finding(step="mock", ok=True, message=NOTE.message)

    def close(self) -> None:
        """Nothing to close."""


def order_payload(number: int) -> dict[str, Any]:
    """Mock order `number` (from 0) in the shape of Orders API v2026-01-01."""
    created = FIRST_ORDER + timedelta(hours=7 * number)
    status = STATUSES[number % len(STATUSES)]
    by_amazon = number % 3 == 1
    order_id = f"MOCK-{number + 1:07d}"
    products = [PRODUCTS[(number + offset) % len(PRODUCTS)] for offset in range(1 + number % 3)]
    items = [_item(f"{order_id}-{line}", product, status) for line, product in enumerate(products, start=1)]
    payload: dict[str, Any] = {
        "orderId": order_id,
        "createdTime": _iso(created),
        "lastUpdatedTime": _iso(created + timedelta(hours=3)),
        "programs": ["PRIME"] if by_amazon else [],
        "salesChannel": {
            "channelName": "AMAZON",
            "marketplaceId": MARKETPLACE,
            "marketplaceName": "Amazon.com",
        },
        "fulfillment": {
            "fulfillmentStatus": status,
            "fulfilledBy": "AMAZON" if by_amazon else "MERCHANT",
            "fulfillmentServiceLevel": "STANDARD",
            "shipByWindow": {"latestDateTime": _iso(created + timedelta(days=2))},
            "deliverByWindow": {"latestDateTime": _iso(created + timedelta(days=6))},
        },
        "orderItems": items,
    }
    if status != "PENDING":  # like Amazon, which knows no total yet
        cents = sum(int(price.replace(".", "")) for _, _, _, price, _ in products)
        payload["proceeds"] = {"grandTotal": _usd(f"{cents // 100}.{cents % 100:02d}")}
    return payload


def _item(item_id: str, product: tuple[str, str, str, str, int], status: str) -> dict[str, Any]:
    sku, asin, title, price, _ = product
    item: dict[str, Any] = {
        "orderItemId": item_id,
        "quantityOrdered": 0 if status == "CANCELLED" else 1,
        "product": {"sellerSku": sku, "asin": asin, "title": title},
        "fulfillment": {"quantityFulfilled": int(status == "SHIPPED")},
    }
    if status != "PENDING":
        item["product"]["price"] = {"unitPrice": _usd(price)}
        item["proceeds"] = {
            "proceedsTotal": _usd(price),
            "breakdowns": [{"type": "ITEM", "subtotal": _usd(price)}],
        }
    return item


def _summary(sku: str, asin: str, title: str, _price: str, available: int) -> dict[str, Any]:
    reserved, inbound = available // 10, 50 if available < 20 else 0
    return {
        "sellerSku": sku,
        "fnSku": f"X00{asin[-4:]}",
        "asin": asin,
        "productName": title,
        "condition": "NewItem",
        "totalQuantity": available + reserved + inbound,
        "lastUpdatedTime": _iso(FIRST_ORDER),
        "inventoryDetails": {
            "fulfillableQuantity": available,
            "inboundWorkingQuantity": 0,
            "inboundShippedQuantity": inbound,
            "inboundReceivingQuantity": 0,
            "reservedQuantity": {
                "totalReservedQuantity": reserved,
                "pendingCustomerOrderQuantity": reserved,
                "pendingTransshipmentQuantity": 0,
                "fcProcessingQuantity": 0,
            },
            "unfulfillableQuantity": {"totalUnfulfillableQuantity": 0},
            "researchingQuantity": {"totalResearchingQuantity": 0},
        },
    }


def _usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "USD"}


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
