"""The packages of an order, on its page and in the answer to who asks for one: those that were shipped here, each with
what the platform knows of it, and those that the platform alone shows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.base.cells import badge, source_badge
from backoffice.shipping.presentation import (
    COLOURS,
    Explanation,
    carrier_of,
    contents_of,
    explain,
    item_name,
    state_badge,
)
from core.format import DASH, format_datetime, plain_words, platform_time
from core.text import isolated
from integrations.registry import channel_label
from integrations.shipping.making import READ
from integrations.shipping.overview import Standing, standing_of
from orders.models import Order, OrderPackage, Shipment
from platforms.models import Source

State = Shipment.State


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """`status` is what the platform says of the package; `href` leads to the shipment, "" where none was made here."""

    badge: SafeString
    carrier: str
    tracking_number: str
    shipped: str
    status: str
    contents: str
    explanation: Explanation | None = None
    href: str = ""
    is_rehearsal: bool = False


def package_rows(order: Order) -> list[PackageRow]:
    """Those that were given up are left out; rehearsals come last. At most eight queries."""
    prefetch_related_objects([order], *READ)
    shipments = [each for each in order.shipments.all() if each.state != State.CANCELLED]
    for shipment in shipments:
        shipment.platform, shipment.order = order.platform, order
    shipments.sort(key=lambda each: (each.is_rehearsal, each.package_number))
    waits = any(each.state == State.QUEUED for each in shipments)
    standing = standing_of(order.platform) if waits else None
    others = {package.external_id: package for package in order.packages.all()}
    rows = [_of_shipment(order, each, _shown(each, others), standing) for each in shipments]
    return [*rows, *_of_platform(order, others.values())]


def _shown(shipment: Shipment, others: dict[str, OrderPackage]) -> OrderPackage | None:
    """The package that the platform shows of it, which is taken out of the others."""
    if shipment.is_rehearsal:
        return None
    if found := others.pop(str(shipment.package_number), None):
        return found
    number = shipment.tracking_number.casefold()
    if shipment.visible_at is None or not number:
        return None
    alike = (name for name, each in others.items() if each.tracking_number.casefold() == number)
    return others.pop(next(alike, ""), None)


def _of_shipment(
    order: Order, shipment: Shipment, shown: OrderPackage | None, standing: Standing | None
) -> PackageRow:
    state = state_badge(shipment)
    return PackageRow(
        badge=state if shipment.source == Source.LIVE else state + source_badge(shipment.source),
        carrier=carrier_of(shipment) or DASH,
        tracking_number=shipment.tracking_number,
        shipped=platform_time(shipment.shipped_at),
        status=_status(shown) if shown else "",
        contents=contents_of(shipment, order),
        explanation=explain(shipment, standing),
        href=reverse("admin:orders_shipment_change", args=[shipment.pk]),
        is_rehearsal=shipment.is_rehearsal,
    )


def _of_platform(order: Order, packages: Iterable[OrderPackage]) -> Iterator[PackageRow]:
    skus = {item.external_id: item for item in order.items.all()}
    channel = {"channel": channel_label(order.platform.kind)}
    shows = badge(_("shown by %(channel)s") % channel, COLOURS[State.CONFIRMED])
    why = _(
        "It was not confirmed from here: its label was bought from %(channel)s, or somebody confirmed it there or with "
        "another program."
    )
    # Of an order that others shipped whole, nobody asks.
    is_asked = order.status != Order.Status.SHIPPED or any(
        not each.is_rehearsal for each in order.shipments.all()
    )
    for package in packages:
        lines = [(entry.get("quantity"), entry.get("item", "")) for entry in package.contents]
        yield PackageRow(
            badge=shows,
            carrier=" ".join(filter(None, [package.carrier, package.shipping_service])) or DASH,
            tracking_number=package.tracking_number,
            shipped=platform_time(package.shipped_at),
            status=_status(package) or DASH,
            explanation=_of_unused(package) or (Explanation(text=why % channel) if is_asked else None),
            contents=", ".join(
                f"{DASH if units is None else units} × {isolated(item_name(skus.get(item), item)) or DASH}"
                for units, item in lines
            )
            or DASH,
        )


def _of_unused(package: OrderPackage) -> Explanation | None:
    if not package.is_unused:
        return None
    words = {"who": package.unused_by or DASH, "at": format_datetime(package.unused_since)}
    return Explanation(text=_("Nobody uses this label: %(who)s said so, %(at)s.") % words)


def _status(package: OrderPackage) -> str:
    return " · ".join(map(plain_words, filter(None, [package.status, package.detailed_status])))
