"""Orders -> rows of Amazon's all-orders flat file (spapi-facts 2.2): one a line, no item ids, no quoting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from simulator.model import Line, Order

COLUMNS = (
    "amazon-order-id", "merchant-order-id", "purchase-date", "last-updated-date", "order-status",
    "fulfillment-channel", "sales-channel", "order-channel", "url", "ship-service-level", "product-name", "sku",
    "asin", "item-status", "quantity", "currency", "item-price", "item-tax", "shipping-price", "shipping-tax",
    "gift-wrap-price", "gift-wrap-tax", "item-promotion-discount", "ship-promotion-discount", "ship-city",
    "ship-state", "ship-postal-code", "ship-country", "promotion-ids", "is-business-order",
    "purchase-order-number", "price-designation", "simulator-future-column",
)  # fmt: skip
# The report writes statuses as v0 did, and is not consistent about them.
_WORDS = {
    "PENDING": "Pending",
    "PENDING_AVAILABILITY": "PendingAvailability",
    "UNSHIPPED": "Unshipped",
    "PARTIALLY_SHIPPED": "PartiallyShipped",
    "SHIPPED": "Shipped",
    "CANCELLED": "Cancelled",
    "UNFULFILLABLE": "Unfulfillable",
}
_CHANNELS = {"platform": "Amazon", "merchant": "Merchant"}


def render_rows(order: Order, offset_minutes: int = 0) -> Iterator[dict[str, str]]:
    """A row for each line, by column; times are at this offset from UTC and have no fractions."""
    zone = timezone(timedelta(minutes=offset_minutes))
    status = _word(order)
    for line in order.lines:
        yield {
            "amazon-order-id": order.external_id,
            "merchant-order-id": order.external_id if order.index % 2 else "",
            "purchase-date": _time(order.created, zone),
            "last-updated-date": _time(order.updated, zone),
            "order-status": status,
            "fulfillment-channel": _CHANNELS.get(order.fulfilled_by, ""),
            "sales-channel": order.marketplace_name,
            "order-channel": "",
            "url": "",
            "ship-service-level": order.service_level,
            "product-name": _flat(line.title),
            "sku": _flat(line.sku),
            "asin": line.asin,
            "item-status": "Cancelled" if line.cancelled_by else status,
            "quantity": str(line.quantity_ordered),
            **_amounts(line),
            "ship-city": order.person.city + f" {order.person.name}",
            "ship-state": order.person.street,
            "ship-postal-code": order.person.postal_code,
            "ship-country": order.person.country,
            "promotion-ids": "" if line.discount is None else "PAWS-1,PAWS-2",
            "is-business-order": "true" if order.business else "false",
            "purchase-order-number": order.person.company if order.business else "",
            "price-designation": "Business Price" if order.business else "",
            "simulator-future-column": "future",
        }


def _word(order: Order) -> str:
    word = _WORDS.get(order.platform_status)
    if word is None:
        return order.platform_status.title().replace("_", "")
    return "Canceled" if word == "Cancelled" and order.index % 2 else word


def _amounts(line: Line) -> dict[str, str]:
    """For the row's whole quantity; discounts are negative. Without a price there is no currency either."""
    shipping_tax = None if line.tax is None or line.shipping is None else (line.tax / 10).quantize(line.tax)
    item_tax = None if line.tax is None else line.tax - (shipping_tax or 0)
    return {
        "currency": line.currency,
        "item-price": _amount(line.item_amount),
        "item-tax": _amount(item_tax),
        "shipping-price": _amount(line.shipping),
        "shipping-tax": _amount(shipping_tax),
        "gift-wrap-price": _amount(line.gift_wrap),
        "gift-wrap-tax": "",
        "item-promotion-discount": _amount(None if line.discount is None else -line.discount),
        "ship-promotion-discount": "",
    }


def _amount(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"


def _time(moment: datetime, zone: timezone) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds")


def _flat(text: str) -> str:
    """The text without what would end a column or a row."""
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
