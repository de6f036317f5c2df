"""The shipping desk: what waits for a tracking number, the most urgent first, and who has it in hand.

waiting   packed orders of which something is left to ship, and drafts
take      an order in hand: nobody else is offered it for a while; prune_claims: once a day
let_go    somebody else may take it
used_by   whose tracking number it is already; used_elsewhere, of many
risks     how many orders will be late, and how many of them are packed
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from integrations.models import WritingPolicy
from integrations.registry import CHANNELS
from integrations.shipping.making import READ
from integrations.shipping.rules import refusing_program
from orders.listing import of_visible
from orders.models import DeskClaim, Order, OrderItem, OrderPackage, Pick, Shipment, ShipmentLine
from orders.risk import ORDERED, Leaving, Risk, leaving, of_platform, risk_filter
from orders.shipments import left_to_ship
from platforms.models import Platform, Source

HELD_FOR = timedelta(minutes=10)
MOST = 500  # that are looked at; more are counted as so many
Visible = Collection[int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An order that waits for a tracking number: packed, with something left to ship, or with a draft, whose id is
    `draft`."""

    order_id: int
    external_id: str
    platform_id: int
    marketplace_id: str
    source: str
    ship_by: datetime | None
    risk: Risk
    leaving: Leaving
    packed_by: str = ""
    draft: int | None = None
    held_by: str = ""  # somebody's who has it in hand now

    def is_free_for(self, who: str) -> bool:
        return self.held_by in ("", who)


def waiting(visible: Visible, now: datetime | None = None) -> list[Waiting]:
    """Of these platforms (None: of all), the most urgent first. Five queries; ten where some have packages already."""
    now = now or timezone.now()
    leavings = leaving(visible, now)
    held = dict(DeskClaim.objects.filter(until__gt=now).values_list("order_id", "held_by"))
    platforms = served(visible)
    rows = {**_packed(platforms), **_drafts(platforms)}
    found = [
        Waiting(
            order_id=pk,
            risk=of_platform(leavings, row["platform_id"]).risk(row["ship_by"]),
            leaving=of_platform(leavings, row["platform_id"]),
            held_by=held.get(pk, ""),
            **row,
        )
        for pk, row in rows.items()
    ]
    return sorted(found, key=lambda each: (ORDERED.index(each.risk), each.ship_by or now, each.order_id))


COLUMNS = ("external_id", "platform_id", "marketplace_id", "source", "ship_by")


def served(visible: Visible) -> list[int]:
    """Of these platforms, those that are told of shipments, or rehearse it."""
    kinds = [kind for kind, channel in CHANNELS.items() if channel.confirms_shipments]
    rows = Platform.objects.filter(is_active=True, kind__in=kinds).exclude(writing=None)
    rows = rows.exclude(writing__mode=WritingPolicy.Mode.OFF)
    return [pk for pk in rows.values_list("pk", flat=True) if visible is None or pk in visible]


def _packed(platforms: Collection[int]) -> dict[int, dict[str, Any]]:
    orders = packed_orders(platforms).order_by("ship_by", "pk")
    begun = Exists(OrderPackage.objects.filter(order=OuterRef("pk")))
    columns: Any = orders.values(
        "pk", *COLUMNS, "packed_by", "programs", kind=F("platform__kind"), begun=begun
    )
    rows = {row.pop("pk"): row for row in columns[:MOST]}
    held = _held_elsewhere([pk for pk, row in rows.items() if row.pop("begun")])
    return {
        pk: row
        for pk, row in rows.items()
        if not refusing_program(CHANNELS[row.pop("kind")], row.pop("programs")) and pk not in held
    }


def _held_elsewhere(order_ids: Collection[int]) -> set[int]:
    """Of these orders, those of which packages that the platform shows hold all that it calls unshipped."""
    orders = Order.objects.filter(pk__in=order_ids).defer("payload").prefetch_related(*READ)
    return {order.pk for order in orders if not any(units != 0 for units in left_to_ship(order).values())}


def _drafts(platforms: Collection[int]) -> dict[int, dict[str, Any]]:
    drafts = Shipment.objects.filter(state=Shipment.State.DRAFT, platform__in=platforms)
    columns: dict[str, Any] = {
        name: F(f"order__{name}") for name in COLUMNS if name not in ("platform_id", "source")
    }
    pick = Pick.objects.filter(open_key=OuterRef("order"), packed_at__isnull=False)
    columns["packed_by"] = Coalesce(Subquery(pick.values("packed_by")[:1]), Value(""))
    rows: Any = list(
        drafts.order_by("pk").values("order_id", "platform_id", "source", draft=F("pk"), **columns)[:MOST]
    )
    return {row.pop("order_id"): row for row in reversed(rows)}


def packed_orders(visible: Visible) -> QuerySet[Order]:
    """Orders that are packed, that the seller has to ship, and of which more is left than is in packages of ours that
    the platform does not show yet. Those to ship are few, an index has them; of each, the rest is looked up."""
    pick = Pick.objects.filter(open_key=OuterRef("pk"), packed_at__isnull=False)
    items = OrderItem.objects.filter(order=OuterRef("pk")).order_by().values("order")
    units = items.annotate(units=Sum(Coalesce("quantity_left", "quantity_ordered", 1))).values("units")
    lines = ShipmentLine.objects.filter(
        shipment__order=OuterRef("pk"),
        shipment__visible_at__isnull=True,
        shipment__is_rehearsal=False,
        shipment__state__in=Shipment.RESERVING,
    )
    reserved = lines.order_by().values("shipment__order").annotate(units=Sum("quantity")).values("units")
    orders = of_visible(Order.objects.to_ship(), visible).alias(
        units=Coalesce(Subquery(units), 0), reserved=Coalesce(Subquery(reserved), 0)
    )
    orders = orders.filter(Exists(pick), units__gt=F("reserved"))
    orders = orders.annotate(
        packed_by=Subquery(pick.values("packed_by")[:1]), packed_at=Subquery(pick.values("packed_at")[:1])
    )
    return orders.exclude(_is_rehearsed())


def _is_rehearsed() -> Q:
    """On a platform that rehearses, what was rehearsed since it was packed is done."""
    rehearsing = WritingPolicy.objects.filter(mode=WritingPolicy.Mode.REHEARSAL).values("platform")
    rehearsals = Shipment.objects.filter(
        order=OuterRef("pk"), is_rehearsal=True, made_at__gte=OuterRef("packed_at")
    ).exclude(state=Shipment.State.CANCELLED)
    return Q(Exists(rehearsals), platform__in=rehearsing)


def take(order_id: int, who: str, *, from_others: bool = False, now: datetime | None = None) -> bool:
    """Have an order in hand for HELD_FOR from now on; False where somebody else has it, unless it is taken from him."""
    now = now or timezone.now()
    mine = DeskClaim.objects.filter(order=order_id)
    free = mine if from_others else mine.filter(Q(until__lte=now) | Q(held_by=who))
    if free.update(held_by=who[:150], until=now + HELD_FOR):
        return True
    try:
        with transaction.atomic():
            DeskClaim.objects.create(order_id=order_id, held_by=who[:150], until=now + HELD_FOR)
    except IntegrityError:  # somebody has it
        return False
    return True


def let_go(order_id: int, who: str) -> None:
    DeskClaim.objects.filter(order=order_id, held_by=who[:150]).delete()


def prune_claims() -> int:
    """Forget who had orders in hand yesterday: many were shipped elsewhere, and nobody lets go of these."""
    return DeskClaim.objects.filter(until__lt=timezone.now() - timedelta(days=1)).delete()[0]


def first_for(who: str, queue: Sequence[Waiting], later: Collection[int] = ()) -> Waiting | None:
    """Take the most urgent one that nobody else has in hand, and that is not put off (`later`)."""
    mine = [each for each in queue if each.is_free_for(who) and each.order_id not in later]
    return next((each for each in mine if take(each.order_id, who)), None)


def used_by(tracking_number: str, order: Order, visible: Visible) -> str:
    """The id of another order that has a package with this tracking number already; "" where none has."""
    number = "".join(tracking_number.split())
    if not number:
        return ""
    ours = Shipment.objects.filter(tracking_number=number).exclude(state__in=Shipment.CLOSED)
    theirs = OrderPackage.objects.filter(tracking_number=number)
    for rows in (ours, theirs):
        found = rows.exclude(order=order.pk)
        if visible is not None:
            found = found.filter(order__platform__in=visible)
        if name := found.values_list("order__external_id", flat=True).first():
            return str(name)
    return ""


def used_elsewhere(numbers: Collection[str], visible: Visible) -> dict[str, dict[int, str]]:
    """The orders that have a package with one of these tracking numbers: their ids on the platform by ours. Two
    queries."""
    ours = Shipment.objects.filter(tracking_number__in=numbers).exclude(state__in=Shipment.CLOSED)
    theirs = OrderPackage.objects.filter(tracking_number__in=numbers)
    found: dict[str, dict[int, str]] = {}
    for rows in (ours, theirs):
        seen = rows if visible is None else rows.filter(order__platform__in=visible)
        for number, pk, name in seen.values_list("tracking_number", "order_id", "order__external_id"):
            found.setdefault(number, {})[pk] = name
    return found


def risks(visible: Visible, now: datetime | None = None) -> dict[Risk, int]:
    """How many orders the seller has to ship, by risk. Live ones alone. Two queries."""
    now = now or timezone.now()
    leavings = leaving(visible, now)
    orders = of_visible(Order.objects.to_ship().filter(source=Source.LIVE), visible)
    counts = orders.aggregate(
        **{risk.value: Count("external_id", filter=risk_filter(risk, leavings)) for risk in Risk}
    )
    return {risk: counts[risk.value] for risk in Risk}
