"""The unified expectation: what should have been stored. Made of the values of model.py, never of Amazon's JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from simulator.model import Line, Order, Stock
from simulator.packages import packages_of
from simulator.shipments import Taken

_RESERVED = ("pending_customer_order", "pending_transshipment", "fc_processing")
_RESEARCHING = ("short_term", "mid_term", "long_term")
_UNFULFILLABLE = (
    "customer_damaged", "warehouse_damaged", "distributor_damaged", "carrier_damaged", "defective", "expired",
)  # fmt: skip

_NOTHING_SAID: dict[str, Any] = {
    **dict.fromkeys(("available", "reserved", "inbound", "unfulfillable", "researching")),
    "details": {},
}


def _meant(moment: datetime | None) -> datetime | None:
    """The time; None where it stands for none, as those of the years 1, 1970 and 9999 do."""
    return moment if moment is not None and 2000 <= moment.year < 2099 else None


def _kept(text: str) -> str:
    """The text; U+FFFD stands for what a database cannot hold."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def _money(amount: Decimal | None) -> Decimal | None:
    """The amount, rounded to the four decimal places that are stored."""
    fourth = Decimal("0.0001")
    return amount if amount is None else amount.quantize(min(fourth, amount, key=_places), ROUND_HALF_UP)


def _places(amount: Decimal) -> int:
    return -int(amount.as_tuple().exponent)


def order_truth(order: Order) -> dict[str, Any]:
    """The unified fields of an order with its items; absent text is "", absent numbers and times are None."""
    return {
        "external_id": order.external_id,
        "status": order.status,
        "platform_status": order.platform_status,
        "purchased_at": order.created,
        "platform_updated_at": order.updated,
        "marketplace_id": order.marketplace_id,
        "fulfilled_by": order.fulfilled_by,
        "service_level": order.service_level,
        "ship_by": _meant(order.ship_by.latest) if order.ship_by else None,
        "deliver_by": _meant(order.deliver_by.latest) if order.deliver_by else None,
        "currency": order.currency,
        "total": _money(order.total),
        "tax": _order_tax(order),
        "invoice_status": "PROCESSING" if order.business else None,
        "programs": list(order.programs),
        "replaced_order_id": order.replaced_order_id,
        "buyer_requested_cancellation": any(line.cancel_requester == "BUYER" for line in order.lines),
        "packages": [
            {
                "external_id": package.external_id,
                "carrier": package.carrier,
                "shipping_service": package.service,
                "tracking_number": package.tracking_number,
                "status": package.status,
                "detailed_status": package.detailed_status,
                "packed_at": package.packed,
                "shipped_at": package.shipped,
                "contents": [{"item": item, "quantity": quantity} for item, quantity in package.contents],
            }
            for package in packages_of(order)
        ],
        "items": [_item_truth(order, line) for line in order.lines],
    }


def _order_tax(order: Order) -> Decimal | None:
    taxes = [line.tax for line in order.lines if line.tax is not None]
    return sum(taxes, Decimal(0)) if taxes and order.total is not None else None


def _item_truth(order: Order, line: Line) -> dict[str, Any]:
    left = None if line.quantity_shipped is None else line.quantity_ordered - line.quantity_shipped
    return {
        "external_id": line.external_id,
        "sku": line.sku,
        "asin": line.asin,
        "title": _kept(line.title),
        "quantity_ordered": line.quantity_ordered,
        "quantity_shipped": line.quantity_shipped,
        "quantity_left": 0 if order.status == "cancelled" else left,
        "unit_price": _money(line.unit_price),
        "total": _money(line.total),
        "tax": line.tax,
        "shipping": line.shipping,
        "discount": line.discount,
        "item_subtotal": None if line.total is None else _money(line.item_amount),
        "other_charges": None if line.total is None else _money(line.gift_wrap),
        "currency": line.currency,
        **_tax_parts(line),
        "tax_model": None if line.tax is None else "MARKETPLACE_FACILITATOR",
        "tax_responsible_party": None if line.tax is None else "Amazon Services, Inc.",
        "tax_scheme": None,
    }


def _tax_parts(line: Line) -> dict[str, Decimal | None]:
    """A tenth of the tax, in whole units of the currency, is for shipping where there is any."""
    shipping = None if line.tax is None or line.shipping is None else (line.tax / 10).quantize(line.tax)
    item = None if line.tax is None else line.tax - (shipping or 0)
    return {"item_tax": item, "shipping_tax": shipping, "gift_wrap_tax": None, "discount_tax": None}


def shipment_truth(taken: Iterable[Taken]) -> dict[tuple[str, int], dict[str, Any]]:
    """(order id, package number) -> what Amazon was last told of the package; `times`: how often, edits included."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for each in taken:
        before = found.get((each.order_id, each.number), {"times": 0})
        found[each.order_id, each.number] = {
            "carrier": each.carrier,
            "service": each.service,
            "tracking_number": each.tracking_number,
            "shipped_at": each.shipped,
            "contents": dict(each.contents),
            "times": before["times"] + 1,
        }
    return found


def stock_truth(stock: Stock) -> dict[str, Any]:
    """The unified fields of one inventory row."""
    return _stock_head(stock) | (_NOTHING_SAID if stock.bare else _quantities(stock))


def _stock_head(stock: Stock) -> dict[str, Any]:
    return {
        "marketplace_id": stock.marketplace_id,
        "sku": stock.sku,
        "asin": stock.asin,
        "fnsku": stock.fnsku,
        "title": stock.title,
        "condition": stock.condition,
        "total": stock.total,
        "platform_updated_at": _meant(stock.updated),
    }


def _quantities(stock: Stock) -> dict[str, Any]:
    return {
        "available": stock.fulfillable,
        "reserved": sum(stock.reserved),
        "inbound": stock.inbound_working + stock.inbound_shipped + stock.inbound_receiving,
        "unfulfillable": sum(stock.unfulfillable),
        "researching": sum(stock.researching),
        "details": {
            "inbound": {
                "working": stock.inbound_working,
                "shipped": stock.inbound_shipped,
                "receiving": stock.inbound_receiving,
            },
            "reserved": dict(zip(_RESERVED, stock.reserved, strict=True)),
            "researching": dict(zip(_RESEARCHING, stock.researching, strict=True)),
            "unfulfillable": dict(zip(_UNFULFILLABLE, stock.unfulfillable, strict=True)),
        },
    }
