"""What an account is told of its packages: confirmShipment of the Orders API v0.

The rules are those of ordersV0.json, https://github.com/amzn/selling-partner-api-models, and of
https://developer-docs.amazon.com/sp-api/docs/confirm-the-shipment-status; the texts of refusals are those that Amazon
was seen to give (issues 5037, 5094, 492 of the models; jlevers/selling-partner-api 489), where any was.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulator.carriers import CARRIERS, LONGEST_NAME, OTHER
from simulator.errors import Refused, denied, not_found
from simulator.model import Order, Package
from simulator.packages import packages_of
from simulator.validation import parse_time

JAPAN = "A1VC38T7YXB528"
SHIP_PLUS = "FBM_SHIP_PLUS"
PATH = re.compile(r"/orders/v0/orders/([^/]+)/shipmentConfirmation")

_INVALID_TYPE = "The input you have submitted is not valid. Please check the fields with invalid type [{}]."
_PACKAGE_ID = "PackageReferenceId: is invalid, must be a positive numeric value."
_ITEM_ID = (
    "OrderItemId is invalid, please obtain the value through the getOrderItems API or Manage Orders page"
)
_SHIPPED = (
    "Failed to create package due to not finding a matching package or order already fulfilled. ErrorMessage("
    "errorCode=GeneralError, errorDescription=Unable to find package to update for order ({}), "
    "errorMetric=PackageToUpdateNotFound, packageIndex=null)"
)
_NO_ITEMS = "ErrorCode: NonexistentOrderItem Description: Failed to find order item list by order ID: {}"
_REQUIRED: dict[str, type] = {
    "packageReferenceId": str,
    "carrierCode": str,
    "trackingNumber": str,
    "shipDate": str,
    "orderItems": list,
}
_OPTIONAL = {"carrierName": str, "shippingMethod": str, "shipFromSupplySourceId": str}


@dataclass(frozen=True, slots=True)
class Taken:
    """One call that was answered with 204 and believed. `is_edit`: the package was known before."""

    order_id: str
    number: int
    carrier: str
    service: str
    tracking_number: str
    shipped: datetime
    contents: tuple[tuple[str, int], ...]
    at: datetime
    is_edit: bool


@dataclass
class ShipmentBook:
    """What one account was told of its shipments. What stands here may be changed at any time.

    lag            how long after it was told an order shows it (PACKAGES, FULFILLMENT, lastUpdatedTime); None: never
    seals_shipped  of an order that is fully shipped, a package that is known cannot be edited either; which of the
                   two Amazon does is not known
    most_edits     a package is edited at most so often; None: without end. Amazon's number is not known
    labels         ids of orders whose label was bought through Buy Shipping
    taken          every call that was believed, oldest first
    """

    lag: timedelta | None = timedelta(0)
    seals_shipped: bool = False
    most_edits: int | None = None
    labels: set[str] = field(default_factory=set)
    taken: list[Taken] = field(default_factory=list)
    due: list[tuple[datetime, str]] = field(
        default_factory=list
    )  # when an order shows what was told, and which
    _packages: dict[str, dict[int, Package]] = field(default_factory=dict)

    def packages(self, order_id: str) -> dict[int, Package]:
        """As last told, by their number, whether the order shows them yet or not."""
        return self._packages.get(order_id, {})

    def times(self, order_id: str, number: int) -> int:
        """How often a package was told, edits included."""
        return sum((each.order_id, each.number) == (order_id, number) for each in self.taken)

    def told_twice(self) -> list[str]:
        """Tracking numbers that stand in more than one package as last told: one shipment that was confirmed twice."""
        counts = Counter(
            package.tracking_number for known in self._packages.values() for package in known.values()
        )
        return sorted(number for number, count in counts.items() if count > 1)

    def take(self, order: Order, told: Taken) -> None:
        """Believe it; `order` is as it is shown."""
        package = Package(
            external_id=str(told.number),
            carrier=told.carrier,
            service=told.service,
            tracking_number=told.tracking_number,
            status="SHIPPED",
            detailed_status="",
            packed=told.at,
            shipped=told.shipped,
            contents=told.contents,
        )
        self._packages.setdefault(order.external_id, {})[told.number] = package
        self.taken.append(told)
        if self.lag is not None:
            self.due.append((told.at + self.lag, order.external_id))

    def judge(self, order: Order, params: dict[str, str], now: datetime) -> Taken:
        """What a valid request says of a package of this order. Raises Refused."""
        order_id, package = order.external_id, _detail_of(params, order)
        number = _number(package["packageReferenceId"])
        contents = _contents(package["orderItems"])
        known = {each.external_id: each for each in packages_of(order)}
        known |= {str(each): told for each, told in self.packages(order_id).items()}
        is_edit = str(number) in known
        elsewhere = _units(each for name, each in known.items() if name != str(number))
        self._check_state(order, number, elsewhere, is_edit=is_edit)
        _check_carrier(package)
        _check_units(order, contents, elsewhere)
        name = package.get("carrierName", "")
        return Taken(
            order_id=order_id,
            number=number,
            carrier=name if package["carrierCode"] == OTHER else package["carrierCode"],
            service=package.get("shippingMethod", ""),
            tracking_number=package["trackingNumber"],
            shipped=_ship_date(package, order, now),
            contents=tuple(contents.items()),
            at=now,
            is_edit=is_edit,
        )

    def _check_state(self, order: Order, number: int, elsewhere: Counter[str], *, is_edit: bool) -> None:
        """Whether a package of the order may be told, or edited, now."""
        order_id = order.external_id
        if order.fulfilled_by == "platform":
            raise invalid_input(
                f"Order {order_id} is fulfilled by Amazon (AFN) and cannot be ship-confirmed."
            )
        if SHIP_PLUS in order.programs:
            raise invalid_input(f"Order {order_id} is a Ship+ order, which does not support confirmShipment.")
        if order_id in self.labels:
            raise invalid_input(
                f"Order {order_id} was shipped with a label that was bought through Buy Shipping."
            )
        if order.status == "cancelled":
            raise invalid_input(_NO_ITEMS.format(order_id))
        if order.status not in ("unshipped", "partially_shipped", "shipped"):
            raise invalid_input(f"Failed validation because order {order_id} is {order.platform_status}.")
        mine = self.packages(order_id).get(number)
        total = elsewhere + Counter(dict(mine.contents) if mine else {})
        is_full = order.status == "shipped" or all(
            total[line.external_id] >= line.quantity_ordered for line in order.lines
        )
        if is_full and (not is_edit or self.seals_shipped):
            raise invalid_input(_SHIPPED.format(order_id))
        if self.most_edits is not None and self.times(order_id, number) > self.most_edits:
            raise invalid_input(
                "ErrorCode: InvalidPackageVersion Description: The package has reached the maximum number of allowed "
                "updates."
            )


def invalid_input(message: str) -> Refused:
    """A 400 as confirmShipment gives it: what is wrong is in the message."""
    return Refused(400, "InvalidInput", message)


def _detail_of(params: dict[str, str], order: Order) -> dict[str, Any]:
    """packageDetail of a body that is as the model says. Raises Refused."""
    body = _object(params["body"])
    _check_fields(body, {"marketplaceId": str, "packageDetail": dict}, {"codCollectionMethod": str})
    marketplace, cod = body["marketplaceId"], body.get("codCollectionMethod")
    if marketplace != order.marketplace_id:
        raise invalid_input(f"marketplaceId is not the marketplace of order {order.external_id}.")
    if cod is not None and (marketplace != JAPAN or cod != "DirectPayment"):
        raise invalid_input("codCollectionMethod must be DirectPayment, and only in the JP marketplace.")
    package: dict[str, Any] = body["packageDetail"]
    _check_fields(package, _REQUIRED, _OPTIONAL, "packageDetail.")
    return package


def marketplace_of(params: dict[str, str]) -> str:
    """The marketplace that a body names; "" where it does not. Raises Refused where it is no JSON."""
    name = _object(params["body"]).get("marketplaceId")
    return name if isinstance(name, str) else ""


def _object(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused(400, "InvalidInput", "Request has missing or invalid parameters and cannot be parsed.")
    return document


def _check_fields(
    values: dict[str, Any], required: Mapping[str, type], optional: Mapping[str, type], place: str = ""
) -> None:
    for name, kind in {**required, **optional}.items():
        value = values.get(name)
        if value is None and name in required:
            raise invalid_input(f"Missing required field [{place}{name}].")
        # True is an int for Python, and none for the model.
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise invalid_input(_INVALID_TYPE.format(place + name))
    unknown = values.keys() - required.keys() - optional.keys()
    if unknown:
        raise invalid_input(f"Unknown fields: {', '.join(sorted(place + name for name in unknown))}.")


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise invalid_input(_PACKAGE_ID)
    return int(text)


def _contents(items: list[Any]) -> Counter[str]:
    """Units by the line's id."""
    found: Counter[str] = Counter()
    for item in items:
        if not isinstance(item, dict):
            raise invalid_input(_INVALID_TYPE.format("packageDetail.orderItems"))
        _check_fields(
            item,
            {"orderItemId": str, "quantity": int},
            {"transparencyCodes": list},
            "packageDetail.orderItems.",
        )
        codes = item.get("transparencyCodes") or []
        if not all(isinstance(code, str) for code in codes):
            raise invalid_input(_INVALID_TYPE.format("packageDetail.orderItems.transparencyCodes"))
        if item["quantity"] < 1:
            raise invalid_input("quantity must be a positive number.")
        if item["orderItemId"] in found:
            raise invalid_input("An order item is given more than once: its quantity must be in one place.")
        found[item["orderItemId"]] = item["quantity"]
    if not found:
        raise invalid_input("Missing required field [packageDetail.orderItems].")
    return found


def _check_carrier(package: dict[str, Any]) -> None:
    code, name = package["carrierCode"], package.get("carrierName", "")
    if code not in CARRIERS and code != OTHER:
        raise invalid_input("ErrorCode: InvalidCarrier Description: Selected carrier is not supported")
    if code == OTHER and not 1 <= len(name.strip()) <= LONGEST_NAME:
        raise invalid_input("carrierName is required when carrierCode is Other, with 1 to 50 characters.")
    if not package["trackingNumber"].strip():
        raise invalid_input("Tracking ID: Amazon invalid - Enter a valid tracking ID")


def _ship_date(package: dict[str, Any], order: Order, now: datetime) -> datetime:
    try:
        shipped = parse_time(package, "shipDate")
    except Refused as refusal:
        raise invalid_input(refusal.error["details"]) from None
    if shipped < order.created:
        raise invalid_input("shipDate must not be before the date of the order.")
    if shipped > now:
        raise invalid_input("shipDate must not be in the future.")
    return shipped


def _check_units(order: Order, contents: Counter[str], elsewhere: Counter[str]) -> None:
    ordered = {line.external_id: line.quantity_ordered for line in order.lines}
    if contents.keys() - ordered.keys():
        raise invalid_input(_ITEM_ID)
    if any(elsewhere[item] + quantity > ordered[item] for item, quantity in contents.items()):
        raise invalid_input("Failed to create/update package due to overfulfillment.")


def _units(packages: Iterable[Package]) -> Counter[str]:
    found: Counter[str] = Counter()
    for package in packages:
        found.update(dict(package.contents))
    return found


def check_account(
    order: Order | None, order_id: str, marketplace: str, open_marketplaces: Iterable[str]
) -> Order:
    """The order, if it is one of the account's, in a marketplace that calls may ask for. Raises Refused."""
    if marketplace and marketplace not in open_marketplaces:
        raise denied()
    if order is None:
        raise not_found(f"Order {order_id} was not found.")
    return order
