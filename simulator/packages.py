"""The packages of an order: which lines are in which, and where they are."""

from __future__ import annotations

from datetime import timedelta

from simulator.model import Order, Package

_STATES = (("SHIPPED", ""), ("IN_TRANSIT", "OUT_FOR_DELIVERY"), ("DELIVERED", ""))


def packages_of(order: Order) -> list[Package]:
    """What the merchant has shipped: all of it in one package, or of every fourth order each line in one of its own."""
    shipped = [(line.external_id, line.quantity_shipped) for line in order.lines if line.quantity_shipped]
    if order.fulfilled_by != "merchant" or not shipped:
        return []
    boxes = [[content] for content in shipped] if order.index % 4 == 0 else [shipped]
    status, detailed_status = _STATES[order.index % 3]
    return [
        Package(
            external_id=str(number),
            carrier="DHL",
            service="Paket",
            tracking_number=f"00{order.index:010d}{number:02d}",
            status=status,
            detailed_status=detailed_status,
            packed=order.updated - timedelta(hours=2),
            shipped=order.updated - timedelta(hours=1),
            contents=tuple(contents),
        )
        for number, contents in enumerate(boxes, start=1)
    ]
