"""Makes shipments: one, or thousands in one go. Each is judged by rules.py and stored with its entry in the outbox.

make_shipment    one; raises CannotShip
make_shipments   many, with a verdict for each; also as a preview, which stores nothing
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from audit.recording import record_each
from integrations.models import WritingPolicy
from integrations.shipping.labels import say_unused
from integrations.shipping.outbox import put_into_outbox
from integrations.shipping.policy import modes_of
from integrations.shipping.queue import announce_shipping
from integrations.shipping.rules import (
    CannotShip,
    Checked,
    Package,
    Refusal,
    check_lines,
    check_order,
    check_package,
    check_platform,
    read_tracking,
    same_package,
)
from orders.models import Order, Shipment, ShipmentLine
from orders.shipments import left_to_ship, next_number, tell_of_shipments
from platforms.locks import hold_platform

AT_ONCE = 200  # packages in one transaction, unless all are to be made or none
READ = ("items", "packages", "shipments__lines")  # of an order, for the rules


@dataclass(frozen=True, slots=True)
class Wanted:
    """A package that somebody wants to ship of the order with this id (of our row)."""

    order_id: int
    package: Package


@dataclass(slots=True)
class Verdict:
    """What became of one package, in the order of the packages. `refusal` says why it is not shipped; otherwise
    `shipment` is what was made, None in a preview. `lines`: the units that are in it, by item id."""

    order: Order | None
    shipment: Shipment | None = None
    refusal: CannotShip | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return self.refusal is None


class _RollBack(Exception):
    """One of all is refused, and all were to be made or none."""


def make_shipment(order: Order, package: Package, *, who: str, is_draft: bool = False) -> Shipment:
    """Ship a package of an order: a queued shipment, or a draft, which holds its units and is not sent. `who` does it,
    by name. Raises CannotShip; nothing is stored then."""
    with transaction.atomic():
        if package.ships_despite_packages:
            say_unused(order, who=who)
        (verdict,) = make_shipments([Wanted(order.pk, package)], who=who, is_draft=is_draft)
        if verdict.refusal is not None:
            raise verdict.refusal
    if verdict.shipment is None:
        raise LookupError("A package that is not refused is made.")
    return verdict.shipment


def make_shipments(
    wanted: Sequence[Wanted],
    *,
    who: str,
    is_draft: bool = False,
    all_or_none: bool = False,
    is_preview: bool = False,
) -> list[Verdict]:
    """Ship many packages, of any orders of any platforms. A verdict for each, in the order given.

    Several packages of one order are judged one after the other: what is in the first is not left for the second.
    `all_or_none`: where one is refused, none is made, and the verdicts of the others have no shipment. Otherwise each
    is made or refused by itself. `is_preview`: the same verdicts, and nothing is stored.
    """
    if all_or_none and not is_preview:
        return _all_or_none(wanted, who, is_draft)
    if is_preview:  # what the first takes of an order is stored nowhere, so all are judged at one desk
        return _make(wanted, who, is_draft, is_preview=True)
    verdicts: list[Verdict] = []
    for start in range(0, len(wanted), AT_ONCE):
        verdicts += _make(wanted[start : start + AT_ONCE], who, is_draft, is_preview=False)
    return verdicts


def _all_or_none(wanted: Sequence[Wanted], who: str, is_draft: bool) -> list[Verdict]:
    verdicts: list[Verdict] = []
    with suppress(_RollBack), transaction.atomic():
        verdicts = _make(wanted, who, is_draft, is_preview=False)
        if all(verdict.is_good for verdict in verdicts):
            return verdicts
        raise _RollBack
    for verdict in verdicts:
        verdict.shipment = None
    return verdicts


def _make(wanted: Sequence[Wanted], who: str, is_draft: bool, is_preview: bool) -> list[Verdict]:
    """One transaction. It is not repeated where the database fails: the commit may have got through, and without a
    tracking number nothing tells the second package from the first."""
    with transaction.atomic():
        orders = _orders_to_ship({each.order_id for each in wanted}, is_preview=is_preview)
        modes = modes_of({order.platform_id for order in orders.values()})
        desk = _Desk(modes, who, is_draft=is_draft)
        verdicts = [desk.judge(orders.get(each.order_id), each.package) for each in wanted]
        if not is_preview:
            desk.store()
    return verdicts


def _orders_to_ship(ids: Iterable[int], *, is_preview: bool) -> dict[int, Order]:
    """With all that the rules read. Nobody else makes or sees packages of them until the transaction ends."""
    if not is_preview:
        platforms = Order.objects.filter(pk__in=ids).order_by("platform_id")
        for platform_id in platforms.values_list("platform_id", flat=True).distinct():
            hold_platform(platform_id)
    orders = (
        Order.objects.filter(pk__in=ids).select_related("platform").defer("platform__api_config", "payload")
    )
    return {order.pk: order for order in orders.prefetch_related(*READ)}


class _Desk:
    """Packages that are made together. Knows what each takes of its order, so that the next one gets the rest."""

    def __init__(self, modes: Mapping[int, str], who: str, *, is_draft: bool) -> None:
        self._modes = modes
        self._who = who
        self._is_draft = is_draft
        self._left: dict[int, dict[str, int | None]] = {}
        self._numbers: dict[int, list[int]] = {}
        self._known: dict[tuple[int, str], list[tuple[int, Mapping[str, int]]]] = {}  # number, lines
        self._made: list[tuple[Verdict, Checked]] = []

    def judge(self, order: Order | None, package: Package) -> Verdict:
        if order is None:
            return Verdict(None, refusal=CannotShip(Refusal.NO_ORDER))
        try:
            checked, lines = self._check(order, package)
        except CannotShip as refusal:
            return Verdict(order, refusal=refusal)
        verdict = Verdict(order, lines=lines)
        self._take(order, checked, lines)
        self._made.append((verdict, checked))
        verdict.shipment = self._new(order, checked, package)
        return verdict

    def _check(self, order: Order, package: Package) -> tuple[Checked, dict[str, int]]:
        if not package.is_another:  # first: of an order that is shipped by now, it is what explains that
            self._check_made(order, package)
        despite = package.ships_despite_cancellation
        check_order(order, ships_despite_cancellation=despite, is_draft=self._is_draft)
        if not self._is_draft:
            check_platform(order, self._modes[order.platform_id])
        checked = check_package(order, package, is_draft=self._is_draft)
        return checked, check_lines(order, package.lines, self._left_of(order))

    def _check_made(self, order: Order, package: Package) -> None:
        """Raises CannotShip where the package is stored, or among those before."""
        if known := same_package(order, package.tracking_number, package.lines):
            raise CannotShip(Refusal.MADE_ALREADY, shipment=known, number=known.package_number)
        number = read_tracking(package.tracking_number).casefold()
        for made, lines in self._known.get((order.pk, number), ()) if number else ():
            if package.lines is None or package.lines == lines:
                raise CannotShip(Refusal.MADE_ALREADY, number=made)

    def _left_of(self, order: Order) -> dict[str, int | None]:
        if order.pk not in self._left:
            self._left[order.pk] = left_to_ship(order)
        return self._left[order.pk]

    def _take(self, order: Order, checked: Checked, lines: Mapping[str, int]) -> None:
        left = self._left_of(order)
        for item_id, units in lines.items():
            left[item_id] = (left[item_id] or 0) - units
        numbers = self._numbers.setdefault(order.pk, [])
        numbers.append(next_number(order, numbers))
        key = (order.pk, checked.tracking_number.casefold())
        self._known.setdefault(key, []).append((numbers[-1], lines))

    def _new(self, order: Order, checked: Checked, package: Package) -> Shipment:
        """Not stored yet."""
        now = timezone.now()
        mode = self._modes[order.platform_id]
        shipment = Shipment(
            order=order,
            platform=order.platform,
            package_number=self._numbers[order.pk][-1],
            source=order.source,
            made_by=self._who[:150],
            made_at=now,
            despite_cancellation=package.ships_despite_cancellation,
            **checked.columns(),
        )
        if not self._is_draft:
            queue_up(shipment, mode, now)
        return shipment

    def store(self) -> None:
        """All of them, in a fixed number of statements for each platform."""
        verdicts = [verdict for verdict, _checked in self._made]
        store_new([(verdict.shipment, verdict.lines) for verdict in verdicts if verdict.shipment])


def queue_up(shipment: Shipment, mode: str, now: datetime) -> None:
    """Make it wait for its (next) try; the caller stores it, and puts it into the outbox. What is made while a platform
    rehearses is a rehearsal for ever."""
    shipment.state = Shipment.State.QUEUED
    shipment.is_rehearsal = shipment.is_rehearsal or mode == WritingPolicy.Mode.REHEARSAL
    shipment.tries += 1
    shipment.queued_at = now
    shipment.attempted_at = shipment.sent_at = shipment.confirmed_at = None
    shipment.rejected_at = shipment.unverified_at = None
    shipment.error_code = shipment.error_message = shipment.request_id = ""


def store_new(made: Sequence[tuple[Shipment, Mapping[str, int]]]) -> None:
    """Shipments with their lines, entries in the outbox, the audit and the change feed; then the workers are told."""
    if not made:
        return
    Shipment.objects.bulk_create([shipment for shipment, _lines in made])
    _fetch_ids([shipment for shipment, _lines in made])
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, item_external_id=item_id, quantity=units)
        for shipment, lines in made
        for item_id, units in lines.items()
    )
    put_into_outbox([(each, lines) for each, lines in made if each.state == Shipment.State.QUEUED])
    record_each("shipment.made", [(each, _facts(each, lines)) for each, lines in made])
    for platform_id, shipments in _by_platform(shipment for shipment, _lines in made):
        tell_of_shipments(platform_id, shipments)
        if any(shipment.state == Shipment.State.QUEUED for shipment in shipments):
            announce_shipping(platform_id)


def _fetch_ids(shipments: Sequence[Shipment]) -> None:
    """MySQL does not say which ids it gave."""
    if all(shipment.pk for shipment in shipments):
        return
    rows = Shipment.objects.filter(order_id__in={shipment.order_id for shipment in shipments})
    ids = {
        (order_id, number): pk
        for pk, order_id, number in rows.values_list("pk", "order_id", "package_number")
    }
    for shipment in shipments:
        shipment.pk = ids[shipment.order_id, shipment.package_number]


def _facts(shipment: Shipment, lines: Mapping[str, int]) -> dict[str, object]:
    """For the audit."""
    return {
        "order": shipment.order.external_id,
        "package": shipment.package_number,
        "carrier": shipment.carrier_name or shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "units": sum(lines.values()),
        "state": shipment.state,
    }


def _by_platform(shipments: Iterable[Shipment]) -> Iterator[tuple[int, list[Shipment]]]:
    found: dict[int, list[Shipment]] = {}
    for shipment in shipments:
        found.setdefault(shipment.platform_id, []).append(shipment)
    yield from found.items()
