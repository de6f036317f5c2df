"""Made-up orders and items of the demo shops, as rows for the database driver."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from bench.million_rows import DAYS, NOW, Shop, asin, moment, sku, title

ORDER = (
    "id", "platform", "external_id", "status", "platform_status", "purchased_at", "platform_updated_at",
    "marketplace_id", "fulfilled_by", "service_level", "ship_by", "deliver_by", "currency", "total", "programs",
    "replaced_order_id", "buyer_requested_cancellation", "source", "payload", "content_hash", "synced_at",
)  # fmt: skip
ITEM = (
    "order", "external_id", "sku", "asin", "title", "quantity_ordered", "quantity_shipped", "quantity_left",
    "unit_price", "total", "tax", "shipping", "discount", "currency",
)  # fmt: skip

PLATFORM_STATUS = {
    "pending": "PENDING", "unshipped": "UNSHIPPED", "partially_shipped": "PARTIALLY_SHIPPED", "shipped": "SHIPPED",
    "cancelled": "CANCELLED", "unfulfillable": "UNFULFILLABLE",
}  # fmt: skip
OPEN = ("pending", "unshipped", "partially_shipped")
LINES = (1, 2, 3, 4)  # each as often as the others: 2.5 items an order

Made = tuple[Sequence[Any], list[Sequence[Any]]]


def orders(shops: Sequence[Shop], *, orders: int, skus: int) -> Iterator[Made]:
    """Orders with their items, oldest first: as a shop that stores them as they come would have them."""
    chance = random.Random(20_260)
    step = timedelta(days=DAYS) / max(orders, 1)
    weights = [shop.share for shop in shops]
    lines: list[int] = []
    for number in range(1, orders + 1):
        if not lines:
            lines = chance.sample(LINES, len(LINES))
        shop = chance.choices(shops, weights)[0]
        purchased = NOW - timedelta(days=DAYS) + step * number
        yield _order(chance, number, shop, purchased, lines.pop(), max(skus // len(shops), 1))


def _order(
    chance: random.Random, number: int, shop: Shop, purchased: datetime, lines: int, skus_of_shop: int
) -> Made:
    by_merchant = chance.random() < 0.4
    marketplace_id = chance.choice(shop.marketplaces)
    ship_by = (purchased + timedelta(days=2 if chance.random() < 0.9 else 6)).replace(
        hour=chance.choice((7, 16, 22)), minute=59, second=59
    )
    status = _status(chance, NOW - purchased, by_merchant=by_merchant)
    known = status != "pending"
    items, total = _items(chance, number, shop, lines, skus_of_shop, status)
    changed = min(purchased + timedelta(days=1.3), NOW - timedelta(minutes=3))
    external_id = f"{100 + number % 900}-{number:07d}-{number * 7919 % 10_000_000:07d}"
    payload = {
        "orderId": external_id,
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": marketplace_id},
        "fulfillment": {
            "fulfillmentStatus": PLATFORM_STATUS[status],
            "fulfilledBy": "MERCHANT" if by_merchant else "AMAZON",
            "shipByWindow": {"latestDateTime": ship_by.isoformat()},
        },
        "packages": [{"packageReferenceId": str(number), "carrier": "UPS", "shippingService": "Ground"}],
        "proceeds": {"grandTotal": {"amount": f"{total / 100:.2f}", "currencyCode": shop.currency}},
    }  # fmt: skip
    order = (
        number, shop.pk, external_id, status, PLATFORM_STATUS[status], moment(purchased), moment(changed),
        marketplace_id, "merchant" if by_merchant else "platform", "Standard", moment(ship_by),
        moment(ship_by + timedelta(days=4)), shop.currency if known else "", f"{total / 100:.2f}" if known else None,
        '["PRIME"]' if chance.random() < 0.5 else "[]", "",
        status in ("unshipped", "pending") and chance.random() < 0.01, "live", json.dumps(payload),
        f"{number:064x}", moment(changed),
    )  # fmt: skip
    return order, items


def _status(chance: random.Random, age: timedelta, *, by_merchant: bool) -> str:
    """Mostly shipped; what is young, or was forgotten, still has to be."""
    draw = chance.random()
    if age < timedelta(hours=3) and draw < 0.5:
        return "pending"
    if draw < 0.035:
        return "cancelled"
    if draw < 0.038:
        return "unfulfillable"
    if by_merchant and age < timedelta(days=7):
        late = age > timedelta(days=2)
        if draw < (0.12 if late else 0.85):
            return "unshipped" if draw > 0.06 else "partially_shipped"
    if not by_merchant and age < timedelta(hours=18):
        return "unshipped"
    return "shipped"


def _items(
    chance: random.Random, number: int, shop: Shop, lines: int, skus_of_shop: int, status: str
) -> tuple[list[Sequence[Any]], int]:
    """The lines and what they come to, in cents."""
    items: list[Sequence[Any]] = []
    sum_of_lines = 0
    for line in range(1, lines + 1):
        # Few SKUs sell well, and most hardly at all.
        index = int(skus_of_shop * chance.random() ** 3) * shop.shops + shop.position
        quantity = 1 if chance.random() < 0.85 else 2
        price = 499 + index * 37 % 9_000
        total = price * quantity
        sum_of_lines += total
        known = status != "pending"
        items.append((
            number, f"{number:09d}{line:03d}", sku(index), asin(index), title(index), quantity,
            quantity if status == "shipped" else 0, quantity if status in OPEN else 0,
            f"{price / 100:.2f}" if known else None, f"{total / 100:.2f}" if known else None,
            "0.00" if known else None, "0.00" if known else None, "0.00" if known else None,
            shop.currency if known else "",
        ))  # fmt: skip
    return items, sum_of_lines
