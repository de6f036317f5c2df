"""Lines -> `OrderItem` of Amazon's Orders API v2026-01-01."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from typing import Any

from simulator.model import Line, Order

Json = dict[str, Any]

TAX_MODEL, TAX_PARTY = "MARKETPLACE_FACILITATOR", "Amazon Services, Inc."


def render_money(amount: Decimal, currency: str) -> Json:
    return {"amount": f"{amount:f}", "currencyCode": currency}


def render_line(order: Order, line: Line, include: Collection[str]) -> Json:
    """One `OrderItem` with the data sets in `include` and no other."""
    document: Json = {
        "orderItemId": line.external_id,
        "quantityOrdered": line.quantity_ordered,
        "product": _product(order, line),
    }
    if order.extras:
        document["programs"] = ["SUBSCRIBE_AND_SAVE", "HOLOGRAM_ITEM"]
        document["simulatorFutureField"] = "future"
        # Since July 2026 associated items have an ASIN and a price, and may be a warranty.
        document["associatedOrderItems"] = [
            {
                "orderId": order.external_id,
                "orderItemId": f"9{line.external_id[1:]}",
                "associationType": "WARRANTY",
                "asin": "B0WARRANTY",
                "purchasePrice": render_money(Decimal("9.90"), order.currency or "USD"),
            }
        ]
    for data_set, render in _DATA_SETS.items():
        if data_set in include:
            document.update(render(order, line))
    return document


def amounts_by_type(line: Line) -> dict[str, Decimal]:
    """The breakdown types a line has; those Amazon would leave out are left out."""
    amounts = {
        "ITEM": line.item_amount,
        "SHIPPING": line.shipping,
        "GIFT_WRAP": line.gift_wrap,
        "TAX": line.tax,
        "DISCOUNT": line.discount,
    }
    return {kind: amount for kind, amount in amounts.items() if amount is not None}


def sum_breakdowns(lines: Iterable[Line]) -> dict[str, Decimal]:
    """The order's breakdowns: those of its lines, added up by type."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        for kind, amount in amounts_by_type(line).items():
            sums[kind] = sums[kind] + amount if kind in sums else amount
    return sums


def _product(order: Order, line: Line) -> Json:
    product: Json = {}
    for name, value in (("asin", line.asin), ("title", line.title), ("sellerSku", line.sku)):
        if value or order.blanks:
            product[name] = value
    product["condition"] = {"conditionType": "NEW", "conditionSubtype": "NEW", "conditionNote": ""}
    if line.unit_price is not None:
        product["price"] = {"unitPrice": render_money(line.unit_price, line.currency)}
        if order.business:
            product["price"]["priceDesignation"] = "BUSINESS_PRICE"
    if line.customized_url:
        # Personal data, yet outside every data set (spapi-facts 1.5).
        product["customization"] = {"customizedUrl": line.customized_url}
    return product


def _proceeds(order: Order, line: Line) -> Json:
    if line.total is None:
        return {"proceeds": {}} if order.index % 4 < 2 else {}
    breakdowns: list[Json] = []
    for kind, amount in amounts_by_type(line).items():
        entry: Json = {"type": kind, "subtotal": render_money(amount, line.currency)}
        if kind in ("TAX", "DISCOUNT"):
            entry["detailedBreakdowns"] = _details(line, amount)
        breakdowns.append(entry)
    return {"proceeds": {"proceedsTotal": render_money(line.total, line.currency), "breakdowns": breakdowns}}


def _details(line: Line, amount: Decimal) -> list[Json]:
    """The subtotal split in two where there is shipping, which only TAX and DISCOUNT have."""
    if line.shipping is None:
        return [{"subtype": "ITEM", "value": render_money(amount, line.currency)}]
    shipping = (amount / 10).quantize(amount)
    return [
        {"subtype": "ITEM", "value": render_money(amount - shipping, line.currency)},
        {"subtype": "SHIPPING", "value": render_money(shipping, line.currency)},
    ]


def _expense(order: Order, line: Line) -> Json:
    if line.currency != "JPY" or line.total is None:
        return {}
    points = {"pointsNumber": 60, "pointsMonetaryValue": {"amount": "60", "currencyCode": "JPY"}}
    return {"expense": {"pointsCost": {"pointsGranted": points}}}


def _promotion(order: Order, line: Line) -> Json:
    if not line.discount:
        return {}
    return {"promotion": {"breakdowns": [{"promotionId": f"Save 10% {order.index % 7}"}]}}


def _cancellation(order: Order, line: Line) -> Json:
    cancellation: Json = {}
    if line.cancel_requester:
        cancellation["cancellationRequest"] = {
            "requester": line.cancel_requester,
            "cancelReason": line.cancel_reason,
        }
    if line.cancelled_by:
        cancellation["cancellationExecution"] = {
            "cancelledBy": line.cancelled_by,
            "cancelReason": line.cancel_reason,
        }
    return {"cancellation": cancellation} if cancellation else {}


def _fulfillment(order: Order, line: Line) -> Json:
    fulfillment: Json = {}
    if line.quantity_shipped is not None:
        fulfillment["quantityFulfilled"] = line.quantity_shipped
        fulfillment["quantityUnfulfilled"] = line.quantity_ordered - line.quantity_shipped
    if line.gift_message:
        # The presence of giftOption is what makes it a gift.
        fulfillment["packing"] = {
            "giftOption": {"giftMessage": line.gift_message, "giftWrapLevel": "Classic"}
        }
    if order.blanks:
        fulfillment["shipping"] = {"internationalShipping": {"iossNumber": ""}}
    return {"fulfillment": fulfillment}


def _tax(order: Order, line: Line) -> Json:
    if line.tax is None:
        return {}
    collection = {"model": TAX_MODEL, "responsibleParty": TAX_PARTY}
    return {"tax": {"taxCollections": [collection]}}


_DATA_SETS: dict[str, Callable[[Order, Line], Json]] = {
    "PROCEEDS": _proceeds,
    "EXPENSE": _expense,
    "PROMOTION": _promotion,
    "CANCELLATION": _cancellation,
    "FULFILLMENT": _fulfillment,
    "TAX": _tax,
}
