"""Shipments against what the platform shows: units that are left, numbers of packages, and which ones are proven.

A shipment is confirmed here and nowhere else: where an order is stored, and the platform shows the package.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from feed.models import Change
from feed.recording import Changed, add_changes
from orders.models import Order, OrderPackage, Shipment, ShipmentLine

# Small numbers are those of people and of other programs, whose packages the platform may not show us yet: telling it
# of a package under a number that it knows would change that package.
FIRST_NUMBER = 1001
VANISHED, SHOWN_OTHERWISE = "vanished", "shown_otherwise"  # error codes of a shipment

Units = Mapping[str, int]  # by item id
State = Shipment.State


@dataclass(frozen=True, slots=True)
class Seen:
    """Ids of the shipments of which reading an order changed something. `otherwise`: the platform shows their package,
    with another tracking number or other units; `vanished`: they were confirmed, and it shows them no more."""

    confirmed: list[int] = field(default_factory=list)
    otherwise: list[int] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)


def left_to_ship(order: Order, *, without: Shipment | None = None) -> dict[str, int | None]:
    """Units of each line, by item id, that may still be put into a package; None where the platform does not say.

    That is what the platform says is left, and no more than no package has that it shows: a label that somebody bought
    holds units before they count as shipped. From that, what is in packages of ours that it does not show yet (but not
    in `without`). Reads `items`, `packages` and `shipments` with their `lines`: prefetch them for several orders.
    """
    reserved: dict[str, int] = {}
    for shipment in order.shipments.all():
        is_hidden = shipment.visible_at is None and not shipment.is_rehearsal
        if is_hidden and shipment.state in Shipment.RESERVING and shipment.pk != (without and without.pk):
            for line in shipment.lines.all():
                reserved[line.item_external_id] = reserved.get(line.item_external_id, 0) + line.quantity
    unpacked = _unpacked(order)
    left: dict[str, int | None] = {}
    for item in order.items.all():
        unsent, rest = item.quantity_left, unpacked.get(item.external_id)
        if rest is not None:
            unsent = rest if unsent is None else min(unsent, rest)
        here = reserved.get(item.external_id, 0)
        left[item.external_id] = None if unsent is None else max(0, unsent - here)
    return left


def _unpacked(order: Order) -> dict[str, int]:
    """Units of each line that no package has that the platform shows, where it says how many were ordered."""
    shown: dict[str, int] = {}
    for package in filter(_holds_units, order.packages.all()):
        for item_id, units in _contents(package.contents).items():
            shown[item_id] = shown.get(item_id, 0) + max(0, units)
    return {
        item.external_id: item.quantity_ordered - shown.get(item.external_id, 0)
        for item in order.items.all()
        if item.quantity_ordered is not None
    }


def held_by_others(order: Order) -> list[OrderPackage]:
    """Those of `packages_of_others` with units that the platform does not count as shipped. Reads `items`, too."""
    unpacked = _unpacked(order)
    held = {
        item.external_id
        for item in order.items.all()
        if (rest := unpacked.get(item.external_id)) is not None
        and (item.quantity_left is None or item.quantity_left > rest)
    }
    return [package for package in packages_of_others(order) if held & _contents(package.contents).keys()]


def packages_of_others(order: Order) -> list[OrderPackage]:
    """Packages that the platform shows and that were not told from here: somebody bought a label from the platform,
    confirmed them on its pages, or another program did; it does not say which. Not those that were cancelled. Reads
    `packages` and `shipments`."""
    ours = [each for each in order.shipments.all() if each.told_at is not None and not each.is_rehearsal]
    numbers = {str(shipment.package_number) for shipment in ours}
    tracking = {_bare(shipment.tracking_number) for shipment in ours}
    return [
        package
        for package in filter(_holds_units, order.packages.all())
        if package.external_id not in numbers and _bare(package.tracking_number) not in tracking
    ]


def _holds_units(package: OrderPackage) -> bool:
    """Whether its units leave with it; a package may be cancelled, or its label alone, or it is not used."""
    return "CANCELLED" not in package.all_status.upper() and not package.is_unused


def next_number(order: Order, more: Collection[int] = ()) -> int:
    """A number that no package of this order has or had, neither of ours, nor of those that the platform shows, nor
    one of `more`. Reads `packages` and `shipments`."""
    shown = {package.external_id.lstrip("0") for package in order.packages.all()}
    own = [shipment.package_number for shipment in order.shipments.all()]
    number = max([FIRST_NUMBER, *(used + 1 for used in (*own, *more))])
    while str(number) in shown:
        number += 1
    return number


def see_packages(
    platform_id: int, updated: Mapping[int, datetime], *, is_late: bool = False, now: datetime | None = None
) -> Seen:
    """Compare the shipments of these orders with the packages that were just read and stored, in that transaction.

    `updated`: by the order's id, when the platform says it changed last. `is_late`: what was read is so much later
    than the last attempt that the platform shows it as it is; otherwise what it showed before proves nothing.
    One query where none of the orders has a shipment that was sent.
    """
    sent = Shipment.objects.select_for_update().filter(
        ~Q(state__in=Shipment.CLOSED), order_id__in=list(updated), told_at__isnull=False, is_rehearsal=False
    )
    shipments = list(sent.order_by("pk"))
    return _see(platform_id, shipments, updated, is_late, now or timezone.now()) if shipments else Seen()


def _see(
    platform_id: int,
    shipments: Sequence[Shipment],
    updated: Mapping[int, datetime],
    is_late: bool,
    now: datetime,
) -> Seen:
    units = units_of(shipments)
    packages = _matches(shipments, units)
    seen, visible, shown = Seen(), list[int](), dict[int, dict[str, Any]]()
    for shipment in shipments:
        package = packages.get(shipment.pk)
        if package is None:
            if shipment.state == State.CONFIRMED and shipment.visible_at is not None:
                seen.vanished.append(shipment.pk)
            continue
        if shipment.visible_at is None:
            visible.append(shipment.pk)
        if not _is_same(shipment, units[shipment.pk], package):
            found = {"tracking_number": package.tracking_number, "lines": _contents(package.contents)}
            if found != shipment.shown or shipment.state == State.CONFIRMED:
                shown[shipment.pk] = found
                seen.otherwise.append(shipment.pk)
        elif _is_provable(shipment) and (is_late or _is_news(shipment, updated[shipment.order_id])):
            seen.confirmed.append(shipment.pk)
    _store(seen, visible, shown, now)
    _tell(platform_id, shipments, {*seen.confirmed, *seen.otherwise, *seen.vanished, *visible})
    return seen


def is_shown_as_sent(shipment: Shipment) -> bool | None:
    """Whether what is stored of the platform's packages shows its content, or another one; None: not this package."""
    units = units_of([shipment])
    package = _matches([shipment], units).get(shipment.pk)
    return None if package is None else _is_same(shipment, units[shipment.pk], package)


def units_of(shipments: Iterable[Shipment]) -> dict[int, dict[str, int]]:
    """What is in each, by its id: units by item id. One query."""
    units: dict[int, dict[str, int]] = {shipment.pk: {} for shipment in shipments}
    lines = ShipmentLine.objects.filter(shipment_id__in=list(units))
    for shipment_id, item_id, quantity in lines.values_list("shipment_id", "item_external_id", "quantity"):
        units[shipment_id][item_id] = quantity
    return units


def _packages_by_order(shipments: Iterable[Shipment]) -> dict[int, dict[str, OrderPackage]]:
    by_order: dict[int, dict[str, OrderPackage]] = {shipment.order_id: {} for shipment in shipments}
    for package in OrderPackage.objects.filter(order_id__in=list(by_order)):
        by_order[package.order_id][package.external_id] = package
    return by_order


def _matches(shipments: Sequence[Shipment], units: Mapping[int, Units]) -> dict[int, OrderPackage]:
    """The package of each that is shown, by the shipment's id: the one with its number. Where the platform names
    packages otherwise, one that is the same in all else, each for one shipment."""
    free = _packages_by_order(shipments)
    found = {}
    for shipment in shipments:
        if package := free[shipment.order_id].pop(str(shipment.package_number), None):
            found[shipment.pk] = package
    for shipment in shipments:
        if shipment.pk in found or not shipment.tracking_number:
            continue
        others = free[shipment.order_id]
        same = (name for name in others if _is_same(shipment, units[shipment.pk], others[name]))
        if name := next(same, None):
            found[shipment.pk] = others.pop(name)
    return found


def _is_same(shipment: Shipment, content: Units, package: OrderPackage) -> bool:
    """Letters and digits of the tracking number alone count: platforms show it with spaces and hyphens, or without."""
    is_same_number = _bare(package.tracking_number) == _bare(shipment.tracking_number)
    return is_same_number and _contents(package.contents) == content


def _bare(tracking_number: str) -> str:
    return "".join(filter(str.isalnum, tracking_number)).casefold()


def _is_provable(shipment: Shipment) -> bool:
    """Whether it is open, and the platform was called with its present content."""
    return shipment.state in Shipment.UNCONFIRMED and shipment.attempted_at is not None


def _is_news(shipment: Shipment, updated: datetime) -> bool:
    return shipment.proof_after is None or updated >= shipment.proof_after


def _contents(contents: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Units by item id; an entry that does not say how many counts as -1, which equals nothing that is shipped."""
    units: dict[str, int] = {}
    for entry in contents:
        quantity = entry.get("quantity")
        number = quantity if isinstance(quantity, int) else -1
        units[str(entry.get("item", ""))] = units.get(str(entry.get("item", "")), 0) + number
    return units


def _store(seen: Seen, visible: list[int], shown: Mapping[int, dict[str, Any]], now: datetime) -> None:
    rows = Shipment.objects
    if visible:
        rows.filter(pk__in=visible).update(visible_at=now)
    if seen.confirmed:
        rows.filter(pk__in=seen.confirmed).update(
            state=State.CONFIRMED, confirmed_at=now, error_code="", error_message="", shown={},
            rejected_at=None, unverified_at=None,
        )  # fmt: skip
    for pk, found in shown.items():  # few: somebody changed them on the platform
        rows.filter(pk=pk).update(shown=found)
    for code, pks in ((SHOWN_OTHERWISE, seen.otherwise), (VANISHED, seen.vanished)):
        rows.filter(pk__in=pks, state=State.CONFIRMED).update(
            state=State.UNVERIFIED, unverified_at=now, confirmed_at=None, error_code=code, error_message="",
        )  # fmt: skip


def _tell(platform_id: int, shipments: Iterable[Shipment], changed: Collection[int]) -> None:
    """The change feed."""
    if changed:
        tell_of_shipments(platform_id, [shipment for shipment in shipments if shipment.pk in changed])


def tell_of_shipments(
    platform_id: int, shipments: Sequence[Shipment], fields: Iterable[str] = ("state",)
) -> None:
    """Note in the change feed that these became different, in the transaction that does it."""
    ids = {shipment.order_id for shipment in shipments}
    names = dict(Order.objects.filter(pk__in=ids).values_list("pk", "external_id"))
    told = [Changed(shipment.pk, names.get(shipment.order_id, ""), tuple(fields)) for shipment in shipments]
    add_changes(Change.Kind.SHIPMENT_CHANGED, platform_id, told)
