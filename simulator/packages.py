"""The packages of an order: which lines are in which, and where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from simulator.model import Order, Package

_STATES = (("SHIPPED", ""), ("IN_TRANSIT", "OUT_FOR_DELIVERY"), ("DELIVERED", ""))


def packages_of(order: Order) -> list[Package]:
    """What the merchant has shipped, as told; where nothing was, all of it in one package, or of every fourth order
    each line in one of its own."""
    if order.packages:
        return list(order.packages)
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


def with_told(order: Order, told: Sequence[Package]) -> Order:
    """The order with packages that the account was told of, and as many units shipped. Where others, made before,
    would ship more than was ordered, they hold less."""
    left = {line.external_id: line.quantity_ordered for line in order.lines}
    numbers = {package.external_id for package in told}
    others = [package for package in packages_of(order) if package.external_id not in numbers]
    kept = [_cut(package, left) for package in [*told, *others]]
    packages = tuple(package for package in kept if package.contents)
    shipped: Counter[str] = Counter()
    for package in packages:
        shipped.update(dict(package.contents))
    lines = tuple(replace(line, quantity_shipped=shipped[line.external_id]) for line in order.lines)
    return replace(order, lines=lines, packages=packages)


def with_label(order: Order) -> Order:
    """The order with a package of all that is unshipped, whose label was bought from Amazon and is not used yet: its
    units count as unshipped still."""
    contents = tuple(
        (line.external_id, units)
        for line in order.lines
        if (units := line.quantity_ordered - (line.quantity_shipped or 0)) > 0
    )
    if not contents:
        return order
    label = Package(
        external_id=f"9{order.index:08d}",
        carrier="UPS",
        service="UPS Ground",
        tracking_number=f"TBA{order.index:09d}",
        status="PENDING",
        detailed_status="PENDING_PICK_UP",
        packed=order.updated,
        shipped=order.updated,
        contents=contents,
    )
    return replace(order, packages=(*packages_of(order), label))


def _cut(package: Package, left: dict[str, int]) -> Package:
    """The package with no more than what is left, which becomes less."""
    contents = []
    for item, quantity in package.contents:
        taken = min(quantity, left.get(item, 0))
        if taken:
            left[item] -= taken
            contents.append((item, taken))
    return replace(package, contents=tuple(contents))
