"""Amazon without an account: payloads that depend on the time of day alone, read by the same normalizer as real ones.

An order is made every twelve hours since the beginning of 2026, and the newest 60 are listed: 30 days up to now. As it
grows older an order is paid, shipped or cancelled, as a real one is. Ids start with MOCK, which Amazon never issues,
and the source is "mock" all the way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.amazon import normalize
from integrations.amazon.mock_pictures import drawn
from integrations.errors import PlatformError, RequestRefused, ShipmentRefused
from integrations.protocol import (
    NOTHING,
    Checkpoint,
    DataSets,
    Dispatch,
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

ORDERS = 60
PAGE_SIZE = 20
FIRST_ORDER = datetime(2026, 1, 1, 8, 30, tzinfo=UTC)
EVERY = timedelta(hours=12)  # an order is made, and orders grow older
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
# What becomes of an order: from which age on (in EVERY) it has which status. At any time some orders wait to be
# shipped, one of them too long; of another the buyer asks to cancel it.
SHIPS = ((0, "PENDING"), (1, "UNSHIPPED"), (4, "SHIPPED"))
SHIPS_LATE = ((0, "PENDING"), (1, "UNSHIPPED"), (9, "SHIPPED"))
SHIPS_IN_PARTS = ((0, "PENDING"), (1, "UNSHIPPED"), (4, "PARTIALLY_SHIPPED"), (9, "SHIPPED"))
IS_CANCELLED = ((0, "PENDING"), (1, "UNSHIPPED"), (7, "CANCELLED"))
Course = tuple[tuple[int, str], ...]
NOTE = Note("mock", "This is made-up data. Store the account's credentials to get its real orders and stock.")


class MockAmazon:
    """See integrations.protocol.Adapter. The window is not looked at: it always lists all it has."""

    source = "mock"
    scope = "mock"
    shows_shipments = False
    notes = (NOTE,)

    def __init__(self, now: datetime | None = None) -> None:
        self.usage = Usage()
        self.datasets = DataSets()
        self.parts = Parts()
        self._newest = ((now or datetime.now(UTC)) - FIRST_ORDER) // EVERY  # the number of the newest order

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        first, after = self._newest - ORDERS + 1, self._newest + 1
        for start in range(checkpoint.get("start", first), after, PAGE_SIZE):
            end = min(start + PAGE_SIZE, after)
            records, failures = normalize.orders(
                [order_payload(number, self._newest - number) for number in range(start, end)],
                normalize.ALWAYS_ASKED,
            )
            yield OrderPage(records=records, failures=failures, next={"start": end} if end < after else None)

    def order(self, external_id: str) -> OrderRecord:
        for age in range(ORDERS):
            if order_id(self._newest - age) == external_id:
                return normalize.order(order_payload(self._newest - age, age))
        raise RequestRefused(f"There is no mock order {external_id!r}.", code="not_found", status=404)

    def confirm_shipment(self, dispatch: Dispatch) -> str:
        """See integrations.protocol.ConfirmsShipments. Changes nothing: its orders go their own course."""
        try:
            order = self.order(dispatch.order_id)
        except RequestRefused as error:
            raise ShipmentRefused(str(error), code=error.code, status=error.status) from None
        if problem := _why_not(order, dispatch):
            code, text = problem
            raise ShipmentRefused(f"The mock did not take the shipment: {text}.", code=code, status=400)
        return f"mock-{dispatch.order_id}-{dispatch.package_number}"

    def inventory_pages(
        self, skus: Sequence[str], checkpoint: Checkpoint, *, left_out: Mapping[str, datetime] = NOTHING
    ) -> Iterator[StockPage]:
        since = FIRST_ORDER + EVERY * self._newest
        summaries = [_summary(*product, since) for product in PRODUCTS if not skus or product[0] in skus]
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

    def picture_links(self, site: str, product_ids: Sequence[str], *, side: int) -> Mapping[str, str]:
        """See integrations.protocol.ShowsProducts. A link is the number of a product."""
        numbers = {product[1]: str(number) for number, product in enumerate(PRODUCTS)}
        return {asin: numbers.get(asin, "") for asin in product_ids}

    def picture_files(self, links: Iterable[str]) -> Iterator[bytes | PlatformError]:
        return (drawn(int(link)) for link in links)

    def check(self, window: Callable[[], Window]) -> Iterator[Finding]:
        yield Finding(step="mock", ok=True, message=NOTE.message)

    def close(self) -> None:
        """Nothing to close."""


def _why_not(order: OrderRecord, dispatch: Dispatch) -> tuple[str, str] | None:
    """Code and reason, as Amazon would refuse it; None where it would not."""
    left = {
        item.external_id: (item.quantity_ordered or 0) - (item.quantity_shipped or 0) for item in order.items
    }
    states = {
        "shipped": ("already_shipped", "all of the order is shipped"),
        "cancelled": ("cancelled", "the order is cancelled"),
        "pending": ("not_shippable", "the order is pending"),
    }
    if order.fulfilled_by == "platform":
        return "fulfilled_by_platform", "Amazon ships the order itself"
    if order.status in states:
        return states[order.status]
    if any(line.item_id not in left for line in dispatch.lines):
        return "unknown_line", "a line is not of this order"
    if any(line.quantity > left[line.item_id] for line in dispatch.lines):
        return "bad_quantity", "more units than are left"
    return None


def order_id(number: int) -> str:
    return f"MOCK-{number:07d}"


def order_payload(number: int, age: int) -> dict[str, Any]:
    """Mock order `number`, `age` times EVERY after it was made, in the shape of Orders API v2026-01-01."""
    created = FIRST_ORDER + EVERY * number
    since, status = max(phase for phase in _course(number) if phase[0] <= age)
    by_amazon = number % 12 in (2, 4, 8, 10)
    products = [PRODUCTS[(number + offset) % len(PRODUCTS)] for offset in range(1 + number % 3)]
    items = [
        _item(f"{order_id(number)}-{line}", product, status) for line, product in enumerate(products, start=1)
    ]
    if number % 6 == 0 and status == "UNSHIPPED":
        items[0]["cancellation"] = {"cancellationRequest": {"requester": "BUYER"}}
    payload: dict[str, Any] = {
        "orderId": order_id(number),
        "createdTime": _iso(created),
        "lastUpdatedTime": _iso(created + EVERY * since),
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
    if status == "SHIPPED" and not by_amazon:
        payload["packages"] = [_package(number, created, items)]
    if status != "PENDING":  # like Amazon, which knows no total yet
        cents = sum(int(price.replace(".", "")) for _, _, _, price, _ in products)
        payload["proceeds"] = {"grandTotal": _usd(f"{cents // 100}.{cents % 100:02d}")}
    return payload


def _course(number: int) -> Course:
    if number % 6 == 0:
        return IS_CANCELLED
    if number % 4 == 1:
        return SHIPS_LATE
    return SHIPS_IN_PARTS if number % 4 == 3 else SHIPS


def _package(number: int, created: datetime, items: list[dict[str, Any]]) -> dict[str, Any]:
    """All items of an order in one parcel."""
    return {
        "packageReferenceId": "1",
        "createdTime": _iso(created + timedelta(hours=2)),
        "shipTime": _iso(created + timedelta(hours=3)),
        "carrier": "UPS",
        "shippingService": "Ground",
        "trackingNumber": f"MOCK1Z{number + 1:08d}",
        "packageStatus": {"status": "DELIVERED"},
        "packageItems": [{"orderItemId": item["orderItemId"], "quantity": 1} for item in items],
    }


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


def _summary(sku: str, asin: str, title: str, _price: str, available: int, since: datetime) -> dict[str, Any]:
    reserved, inbound = available // 10, 50 if available < 20 else 0
    return {
        "sellerSku": sku,
        "fnSku": f"X00{asin[-4:]}",
        "asin": asin,
        "productName": title,
        "condition": "NewItem",
        "totalQuantity": available + reserved + inbound,
        "lastUpdatedTime": _iso(since),
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
