"""The page of an order: how it stands, what was bought, the money, the packages, and what the team says of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.base.cells import badge, link_to, money, pretty_json, source_badge
from backoffice.base.channels import fulfilment_name, site_flag, site_name
from backoffice.orders.amounts import sum_badge, sum_cells
from backoffice.orders.items import items_to_show, line_rows
from backoffice.orders.packages import package_rows
from backoffice.orders.status import state_badges
from backoffice.orders.team import team_of
from backoffice.orders.timeline import timeline
from backoffice.packing.picking import PACK
from backoffice.privacy.erasing import ERASE
from backoffice.shipping.presentation import SEE as SEE_SHIPMENTS
from backoffice.shipping.presentation import SHIP
from backoffice.shipping.shipping import why_not
from core.dates import is_meant
from core.format import countdown, format_datetime, plain_words, platform_time
from integrations.lookup.order_facts import beside_lines, seller_page, seller_pages
from integrations.shipping.making import READ
from orders.amounts import sum_up
from orders.models import Order, OrderBuyer
from platforms.models import Source

SEE_BUYER = "orders.view_orderbuyer"
SOON = 24  # hours


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: Any


def page_of(request: HttpRequest, order: Order) -> dict[str, Any]:
    """What the template needs. The order comes with its platform; items and packages are read once."""
    prefetch_related_objects([order], *READ)
    items = list(order.items.all())
    found = sum_up(order, items, beside_lines(order))
    return {
        "order": order,
        "heading": heading(order),
        "total": money(order.total, order.currency),
        "lines": line_rows(order, items),
        "parts": list(parts_of(order, items)),
        "sum": found,
        "verdict": sum_badge(found),
        "amounts": sum_cells(found, order.currency),
        "shipping": shipping_of(order),
        "facts": list(facts(order)),
        "team": team_of(request, order),
        "timeline": timeline(order),
        "payload": pretty_json(order.payload),
        "page_links": list(links(order)),
        "buyer_links": buyer_links(request, order),
        "may_pick": order.is_to_ship and request.user.has_perm(PACK),
        "may_see_shipments": request.user.has_perm(SEE_SHIPMENTS),
        **ship_button(request, order),
        "may_see_stock": request.user.has_perm("inventory.view_inventoryitem"),
    }


def heading(order: Order) -> dict[str, Any]:
    """Badges, and what is known at a glance."""
    badges = [state_badges(order)]
    if order.source != Source.LIVE:
        badges.append(source_badge(order.source))
    if clock := due_badge(order):
        badges.append(clock)
    return {
        "badges": badges,
        "site": site_flag(order.platform, order.marketplace_id),
        "ships": fulfilment_name(order.platform, order.fulfilled_by, order.get_fulfilled_by_display()),
        "bought": platform_time(order.purchased_at),
    }


def due_badge(order: Order) -> Any:
    """`37 h late`, `in 5 h`, while the seller has to ship the order; "" otherwise."""
    if order.ship_by is None or not is_meant(order.ship_by) or not order.is_to_ship:
        return ""
    now = timezone.now()
    hours = (order.ship_by - now).total_seconds() / 3600
    colour = "danger" if hours < 0 else "warning" if hours < SOON else "info"
    return badge(countdown(order.ship_by, now), colour, title=format_datetime(order.ship_by))


def shipping_of(order: Order) -> dict[str, Any]:
    """What somebody who asks for a parcel is told."""
    return {
        "promise": list(promise(order)),
        "packages": package_rows(order),
        "by_platform": order.fulfilled_by == Order.FulfilledBy.PLATFORM,
        "items": [(units, item.title or item.sku) for units, item in items_to_show(order)],
    }


def ship_button(request: HttpRequest, order: Order) -> dict[str, Any]:
    """For those who may ship: whether there is something to ship, or else why there is not, where one might expect
    it."""
    if not request.user.has_perm(SHIP):
        return {"may_ship": False}
    refusal = why_not(order)
    return {
        "may_ship": True,
        "can_ship": not refusal,
        "cannot_ship": refusal if order.status in Order.OPEN else "",
    }


def promise(order: Order) -> Iterator[Fact]:
    """What support is asked about: when it has to leave, when it has to be there."""
    yield Fact(_("Ship by"), platform_time(order.ship_by))
    yield Fact(_("Promised until"), platform_time(order.deliver_by))
    if order.service_level:
        yield Fact(_("Service"), plain_words(order.service_level))


def _known_from(order: Order) -> str:
    """Of an order whose newest version was never fetched."""
    if order.completeness == Order.Completeness.REPORT:
        return _(
            "a report of the platform alone; when to ship it, its packages and its buyer are not known yet"
        )
    return _(
        "its status and its units from a report of the platform, stored %(at)s; everything else is from before, and is "
        "being fetched"
    ) % {"at": format_datetime(order.synced_at)}


def facts(order: Order) -> Iterator[Fact]:
    """What is nowhere else on the page; nothing for what is empty."""
    yield Fact(_("Platform"), order.platform)
    if order.marketplace_id:
        yield Fact(_("Marketplace"), site_name(order.platform, order.marketplace_id))
    if order.platform_status and order.platform_status.lower() != order.status:
        yield Fact(_("Status on the platform"), plain_words(order.platform_status))
    yield Fact(_("Changed on the platform"), platform_time(order.platform_updated_at))
    yield Fact(_("Stored"), format_datetime(order.synced_at))
    if not order.is_full:
        yield Fact(_("Known from"), _known_from(order))
    if order.buyer_requested_cancellation:
        yield Fact(_("Cancellation"), _("the buyer asks to cancel"))
    if order.invoice_status:
        yield Fact(_("Invoice"), plain_words(order.invoice_status))
    if order.programs:
        yield Fact(_("Programs"), ", ".join(plain_words(str(program)) for program in order.programs))
    if order.replaced_order_id:
        replaced = Order.objects.filter(
            platform=order.platform_id, external_id=order.replaced_order_id
        ).first()
        yield Fact(_("Replaces order"), link_to(replaced) if replaced else order.replaced_order_id)


def parts_of(order: Order, items: list[Any]) -> Iterator[Fact]:
    """Sums of what the lines report beside their totals, in the order's currency; only what each line says, but for
    cancelled ones, which have neither amounts nor a currency."""
    bought = [item for item in items if item.quantity_ordered != 0]
    for name, label in (
        ("tax", _("of which tax")),
        ("shipping", _("of which shipping")),
        ("discount", _("discounts")),
    ):
        values = [getattr(item, name) for item in bought]
        if any(values) and None not in values and {item.currency for item in bought} == {order.currency}:
            yield Fact(label, money(sum(values), order.currency))


def links(order: Order) -> Iterator[dict[str, Any]]:
    if address := seller_page(order):
        title = _("Open in %(pages)s") % {"pages": seller_pages(order)}
        yield {"title": title, "url": address, "icon": "open_in_new", "away": True}
    ask = f"{reverse('where-is-my-order')}?{urlencode({'id': order.external_id})}"
    yield {"title": _("Compare with the platform"), "url": ask, "icon": "travel_explore", "away": False}


def buyer_links(request: HttpRequest, order: Order) -> list[dict[str, Any]]:
    """To the pages that read and that erase the buyer's data, for those who may. Notes are erased as well."""
    allowed = [each for each in (SEE_BUYER, ERASE) if request.user.has_perm(each)]
    has_data = bool(allowed) and OrderBuyer.objects.filter(order=order).exists()
    shown = {
        SEE_BUYER: (_("Buyer data"), "orders_order_buyer", "person"),
        ERASE: (_("Erase buyer data"), "orders_order_erase", "person_remove"),
    }
    return [
        {
            "title": shown[each][0],
            "url": reverse(f"admin:{shown[each][1]}", args=[order.pk]),
            "icon": shown[each][2],
        }
        for each in allowed
        if has_data or (each == ERASE and order.notes.exists())
    ]
