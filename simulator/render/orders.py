"""Orders -> the documents of Amazon's Orders API v2026-01-01, data set by data set.

The shape is that of amzn/selling-partner-api-models, models/orders-api-model/orders_2026-01-01.json.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from simulator.model import Order, Package, Window
from simulator.packages import packages_of
from simulator.render.lines import render_line, render_money, sum_breakdowns
from simulator.render.people import render_buyer, render_payment, render_recipient, render_tax

Json = dict[str, Any]


def render_time(moment: datetime, *, millis: bool | None = None) -> str:
    """`…T10:00:00Z` or `…T10:00:00.000Z`; unless told, milliseconds are written when there are any."""
    moment = moment.astimezone(UTC)
    if millis is None:
        millis = moment.microsecond != 0
    return moment.isoformat(timespec="milliseconds" if millis else "seconds").replace("+00:00", "Z")


def render_order(order: Order, include: Collection[str] = ()) -> Json:
    """One `Order` with the data sets in `include` and no other."""
    document = _base(order)
    for data_set, render in _DATA_SETS.items():
        if data_set in include:
            document.update(render(order))
    document["orderItems"] = [render_line(order, line, include) for line in order.lines]
    return document


def _base(order: Order) -> Json:
    # Every other order writes its times with milliseconds even when they are zero.
    millis = True if order.index % 2 == 0 else None
    document: Json = {
        "orderId": order.external_id,
        "createdTime": render_time(order.created, millis=millis),
        "lastUpdatedTime": render_time(order.updated),
        "salesChannel": {"channelName": order.channel, "marketplaceName": order.marketplace_name},
    }
    if order.marketplace_id:
        document["salesChannel"]["marketplaceId"] = order.marketplace_id
    elif order.index % 4 == 0:
        document["salesChannel"]["marketplaceId"] = ""
    if order.index % 5:
        document["orderAliases"] = [{"aliasId": f"SO-{order.index}", "aliasType": "SELLER_ORDER_ID"}]
    if order.programs or order.withdrawn or order.index % 2:
        document["programs"] = list(order.programs)
    if order.replaced_order_id:
        document["associatedOrders"] = [
            {"orderId": order.replaced_order_id, "associationType": order.association}
        ]
    elif order.withdrawn:
        document["associatedOrders"] = []
    if order.extras:
        document["simulatorFutureField"] = {"nested": [1, "two", None]}
    return document


def _window(window: Window | None, blanks: bool) -> Json | None:
    if window is not None:
        return {
            "earliestDateTime": render_time(window.earliest),
            "latestDateTime": render_time(window.latest),
        }
    return {"earliestDateTime": "", "latestDateTime": ""} if blanks else None


def _fulfillment(order: Order) -> Json:
    fulfillment: Json = {"fulfillmentStatus": order.platform_status}
    if order.fulfilled_by:
        fulfillment["fulfilledBy"] = {"merchant": "MERCHANT", "platform": "AMAZON"}[order.fulfilled_by]
    if order.service_level or order.blanks:
        fulfillment["fulfillmentServiceLevel"] = order.service_level
    for name, window in (("shipByWindow", order.ship_by), ("deliverByWindow", order.deliver_by)):
        rendered = _window(window, order.blanks)
        if rendered is not None:
            fulfillment[name] = rendered
    if order.extras:  # new since July 2026
        fulfillment["promiseCalculationInputs"] = {"transitTime": {"value": 3, "unit": "DAYS"}}
    return {"fulfillment": fulfillment}


def _proceeds(order: Order) -> Json:
    if order.total is None:
        # Both forms are legal for an order without amounts: an empty object, and nothing.
        return {"proceeds": {}} if order.index % 4 < 2 else {}
    breakdowns: list[Json] = [
        {"type": kind, "subtotal": render_money(amount, order.currency)}
        for kind, amount in sum_breakdowns(order.lines).items()
    ]
    if order.tip is not None:
        tip = render_money(order.tip, order.currency)
        breakdowns.append({"type": "DELIVERY_TIP", "status": "FINALIZED", "subtotal": tip})
    grand_total = render_money(order.total, order.currency)
    return {"proceeds": {"grandTotal": grand_total, "breakdowns": breakdowns}}


def _packages(order: Order) -> Json:
    # Only merchant-fulfilled orders have packages (the model, `Order.packages`).
    packages = [_package(package) for package in packages_of(order)]
    # A list that is empty says that there are none any more; one that does not come says nothing.
    once_shipped = order.fulfilled_by == "merchant" and order.status == "cancelled"
    return {"packages": packages} if packages or once_shipped else {}


def _package(package: Package) -> Json:
    document: Json = {
        "packageReferenceId": package.external_id,
        "createdTime": render_time(package.packed),
        "packageStatus": {"status": package.status},
        "carrier": package.carrier,
        "shipTime": render_time(package.shipped),
        "shippingService": package.service,
        "trackingNumber": package.tracking_number,
        "packageItems": [{"orderItemId": item, "quantity": quantity} for item, quantity in package.contents],
    }
    if package.detailed_status:
        document["packageStatus"]["detailedStatus"] = package.detailed_status
    return document


def _fulfillment_orders(order: Order) -> Json:
    # For Easy Ship alone.
    return {"fulfillmentOrders": [{"fulfillmentOrderId": f"FO-{order.index}"}]} if order.extras else {}


# EXPENSE, PROMOTION and CANCELLATION live on the items only.
_DATA_SETS: dict[str, Callable[[Order], Json]] = {
    "BUYER": render_buyer,
    "RECIPIENT": render_recipient,
    "PROCEEDS": _proceeds,
    "PAYMENT": render_payment,
    "TAX": render_tax,
    "FULFILLMENT": _fulfillment,
    "PACKAGES": _packages,
    "FULFILLMENT_ORDERS": _fulfillment_orders,
}
