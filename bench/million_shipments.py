"""Made-up shipments of the orders that the demo shops shipped themselves, as rows for the database driver."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.million_orders import ITEM, ORDER, Made

SHIPMENT = (
    "id", "order", "platform", "package_number", "carrier", "carrier_name", "service", "tracking_number", "shipped_at",
    "state", "source", "is_rehearsal", "despite_cancellation", "error_code", "error_message", "request_id", "tries",
    "shown", "made_by", "made_at", "queued_at", "sent_at", "confirmed_at", "visible_at",
)  # fmt: skip
LINE = ("shipment", "item_external_id", "quantity")
CARRIERS = ("UPS", "UPS", "DHL", "DHL", "FedEx", "USPS")
RARE = 5000  # one of so many goes with a carrier that hardly anybody uses, or was not taken

Shipped = tuple[Sequence[Any], list[Sequence[Any]]]
AT = {name: place for place, name in enumerate(ORDER)}
ITEM_AT = {name: place for place, name in enumerate(ITEM)}


def shipments(made: Iterable[Made]) -> Iterator[Shipped]:
    """One package, with its lines, for each order that the seller shipped; their ids are those of the orders."""
    for order, items in made:
        if (order[AT["fulfilled_by"]], order[AT["status"]]) == ("merchant", "shipped"):
            yield _shipment(order, items)


def open_desk(packed: int) -> None:
    """All platforms are told of shipments, and so many orders wait at the shipping desk."""
    from integrations.shipping.switching import set_policy
    from orders.models import Order, Pick
    from orders.packing import make_list, mark_packed
    from platforms.models import Platform

    for platform in Platform.objects.all():
        set_policy(platform, mode="live", hourly_limit=10_000, who="bench")
    make_list(Order.objects.to_ship().order_by("ship_by", "pk")[:packed], "bench")
    mark_packed(Pick.objects.all(), "bench")


def _shipment(order: Sequence[Any], items: list[Sequence[Any]]) -> Shipped:
    number, at = order[AT["id"]], order[AT["purchased_at"]]
    is_rare = number % RARE == 0
    carrier = "Yodel" if is_rare else CARRIERS[number % len(CARRIERS)]
    state = "rejected" if is_rare else "sent" if number % RARE < 5 else "confirmed"
    seen = at if state == "confirmed" else None
    row = (
        number, number, order[AT["platform"]], 1001, carrier, "", "", f"1Z{number:016d}", at, state, "live", False,
        False, "refused" if is_rare else "", "", "", 1, "{}", "shipper", at, at, at, seen, seen,
    )  # fmt: skip
    lines = [(number, item[ITEM_AT["external_id"]], item[ITEM_AT["quantity_ordered"]]) for item in items]
    return row, [line for line in lines if line[2]]
