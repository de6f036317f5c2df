"""What needs attention: orders, records that were not stored, stock; in a fixed number of queries."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import BooleanField, Count, ExpressionWrapper, Min, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from access.confinement import Visible, within
from backoffice.completeness.presentation import Proven
from backoffice.models import AlertMessage
from core.format import grouped
from integrations.models import SyncFailure
from inventory.listing import of_platforms
from inventory.models import InventoryItem
from orders.listing import of_visible
from orders.models import Order, Shipment
from orders.shipping import Deadline, deadline_filters, due_within
from platforms.models import Source
from webhooks.endpoints import endpoints_within
from webhooks.leases import unattended_filter
from webhooks.models import Delivery, Endpoint
from webhooks.queue import number_of

# How much a number stands out when it is not 0.
ALARM, NOTICE, CALM = "alarm", "notice", "calm"
FAILURES_NAMED = 5
# Orders are counted by a column that is never NULL, and that no index holds: SQLite, which takes every status to be
# as frequent as any other, would rather read a million entries of an index that holds all columns that are asked for
# than look up the few orders that are still open.
COUNTED = "external_id"
# One SKU is listed in several marketplaces, each a row of stock.
SKUS_AND_LISTINGS = {"skus": Count("sku", distinct=True), "listings": Count("pk")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number, what it counts, and the list of exactly these rows."""

    label: str | Promise
    count: int
    href: str
    icon: str
    tone: str = CALM
    hint: str | Promise = ""

    @property
    def shown(self) -> str:
        return grouped(self.count)

    @property
    def sentence(self) -> str:
        """ "Overdue: 12 – should have left already", in the active language."""
        counted = f"{self.label}: {self.shown}"
        return f"{counted} – {self.hint}" if self.hint else counted

    @property
    def look(self) -> str:
        return self.tone if self.count else "nothing"


TO_SHIP = {
    Deadline.OVERDUE: (_("Overdue"), "alarm", ALARM, _("should have left already")),
    Deadline.TODAY: (_("Today"), "today", NOTICE, _("have to leave before midnight")),
    Deadline.TOMORROW: (_("Tomorrow"), "event_upcoming", CALM, _("have to leave tomorrow")),
    Deadline.LATER: (_("Later"), "date_range", CALM, _("have more time")),
    Deadline.UNKNOWN: (_("Without a date"), "event_busy", NOTICE, _("the platform named no time")),
}


def orders(source: Source, visible: Visible) -> tuple[list[Tile], list[Tile]]:
    """Orders of this source to ship, by ship-by time; and those that are due within hours, where there are any, and
    whose buyers ask to cancel. Two queries."""
    counted = of_visible(Order.objects.business(source), visible)
    hours = settings.ALERTS_DUE_HOURS
    counts = counted.to_ship().aggregate(
        **{str(name): Count(COUNTED, filter=condition) for name, condition in deadline_filters().items()},
        soon=Count(COUNTED, filter=due_within(timedelta(hours=hours))),
    )
    asked = counted.cancellation_asked().aggregate(count=Count(COUNTED))
    tiles = [
        to_ship_tile(name, counts[name], source)
        for name in TO_SHIP
        if counts[name] or name != Deadline.UNKNOWN
    ]
    cancellations = Tile(
        label=_("Buyers ask to cancel"),
        count=asked["count"],
        icon="remove_shopping_cart",
        tone=ALARM,
        hint=_("and it is not too late"),
        href=list_of(
            "orders_order",
            buyer_requested_cancellation__exact=1,
            status__in="pending,unshipped,partially_shipped",
            source__exact=source,
        ),
    )
    soon = [due_tile(hours, counts["soon"], source)] if counts["soon"] else []
    return tiles, [*soon, cancellations]


def to_ship_tile(name: Deadline, count: int, source: Source, **filters: Any) -> Tile:
    label, icon, tone, hint = TO_SHIP[name]
    href = list_of("orders_order", to_ship=name, source__exact=source, **filters)
    return Tile(label=label, count=count, icon=icon, tone=tone, hint=hint, href=href)


def due_tile(hours: int, count: int, source: Source, **filters: Any) -> Tile:
    """Orders that will be late within ALERTS_DUE_HOURS."""
    return Tile(
        label=lazy(_due_within, str)(
            hours
        ),  # a lazy text that % is applied to would be in the language of now
        count=count,
        icon="alarm",
        tone=NOTICE,
        hint=_("have to leave by then"),
        href=list_of("orders_order", to_ship="soon", source__exact=source, **filters),
    )


def _due_within(hours: int) -> str:
    return ngettext("Due within %(n)d hour", "Due within %(n)d hours", hours) % {"n": hours}


def failures(visible: Visible) -> tuple[Tile, list[SyncFailure]]:
    """How many records wait to be replayed or dismissed, and the newest of them. Two queries."""
    waiting = within(SyncFailure.objects.open(), visible)
    tile = failures_tile(waiting.count())
    newest = waiting.select_related("platform").defer("payload", "platform__api_config")[:FAILURES_NAMED]
    return tile, list(newest)


def failures_tile(count: int, **filters: Any) -> Tile:
    return Tile(
        label=_("Records not stored"),
        count=count,
        icon="error",
        tone=ALARM,
        hint=_("to be replayed or dismissed"),
        href=list_of("integrations_syncfailure", **filters),
    )


SHIPMENTS = {
    Shipment.State.REJECTED: (_("Shipments rejected"), _("the platform did not take them")),
    Shipment.State.UNVERIFIED: (_("Shipments unverified"), _("sent, and the platform does not show them")),
}


@dataclass(frozen=True, slots=True)
class Unshipped:
    """Live shipments that somebody has to look at, as tiles by platform and state, and since when the one that waits
    longest does, by platform."""

    tiles: dict[tuple[int, str], Tile]
    waiting_since: dict[int, datetime]


def shipments(platform_ids: Collection[int]) -> Unshipped:
    """Only where there are any. One query."""
    states = [*SHIPMENTS, Shipment.State.QUEUED]
    rows = Shipment.objects.filter(state__in=states, is_rehearsal=False, source=Source.LIVE)
    counted = rows.filter(platform__in=platform_ids).order_by().values_list("platform_id", "state")
    found = Unshipped({}, {})
    for pk, state, count, since in counted.annotate(Count("pk"), Min("queued_at")):
        if state == Shipment.State.QUEUED:
            found.waiting_since[pk] = since
        else:
            found.tiles[pk, state] = _shipments_tile(pk, Shipment.State(state), count)
    return found


def _shipments_tile(platform_id: int, state: Shipment.State, count: int) -> Tile:
    label, hint = SHIPMENTS[state]
    href = list_of("orders_shipment", state__in=state, platform__id__exact=platform_id)
    return Tile(label=label, count=count, icon="local_shipping", tone=ALARM, hint=hint, href=href)


def open_days(proofs: Collection[Proven]) -> list[Tile]:
    """Days of which some orders could not be brought in line with the platform's list; only where there are any. No
    query."""
    some = [proven for proven in proofs if proven.open_days]
    tile = Tile(
        label=_("Open days"),
        count=sum(proven.open_days for proven in some),
        icon="event_busy",
        tone=ALARM,
        hint=_("not all orders could be brought in line"),
        href=some[0].href if len(some) == 1 else reverse("order-completeness"),
    )
    return [tile] if some else []


def webhooks(visible: Visible) -> list[Tile]:
    """Webhooks that were switched off by themselves or have no sender, and messages given up; only where there are any.
    One query, one more for a reader who is confined."""
    found = _all_webhooks().all() if visible is None else _webhooks_within(visible)
    is_off, is_silent, given_up = map(sum, zip(*found, strict=True)) if found else (0, 0, 0)
    tiles = [
        Tile(
            label=_("Webhooks switched off"),
            count=is_off,
            icon="webhook",
            tone=ALARM,
            hint=_("nothing could be delivered"),
            href=list_of("webhooks_endpoint", is_active__exact=0),
        ),
        Tile(
            label=_("Webhooks without a sender"),
            count=is_silent,
            icon="webhook",
            tone=ALARM,
            hint=_("run_webhooks is not running"),
            href=list_of("webhooks_endpoint", is_active__exact=1),
        ),
        Tile(
            label=_("Deliveries given up"),
            count=given_up,
            icon="outbox",
            tone=ALARM,
            hint=_("to be replayed"),
            href=list_of("webhooks_delivery", state__exact=Delivery.State.FAILED),
        ),
    ]
    return [tile for tile in tiles if tile.count]


@cache
def _all_webhooks() -> QuerySet[Endpoint, Any]:
    """Made once: to make it takes longer than to read it."""
    return _states_of(Endpoint.objects.all(), None)


def _webhooks_within(visible: Collection[int]) -> QuerySet[Endpoint, Any]:
    return _states_of(Endpoint.objects.filter(pk__in=endpoints_within(visible)), visible)


def _states_of(endpoints: QuerySet[Endpoint], visible: Visible) -> QuerySet[Endpoint, Any]:
    """Of each: whether it was switched off by itself, whether nobody sends for it, and how many were given up."""
    by_itself = Q(is_active=False) & ~Q(off_reason__in=("", Endpoint.Off.BY_HAND))
    flags = [ExpressionWrapper(each, BooleanField()) for each in (by_itself, unattended_filter())]
    return endpoints.order_by().values_list(*flags, number_of(Delivery.State.FAILED, visible))


def alerts(visible: Visible) -> list[Tile]:
    """E-mails about alerts that could not be sent; only where there are any. One query, none where e-mail is off.

    Nor for a reader who is confined: they may be about any platform."""
    is_asked = settings.EMAIL_IS_ON and visible is None
    count = AlertMessage.objects.unsent().count() if is_asked else 0
    tile = Tile(
        label=_("Alert e-mails not sent"),
        count=count,
        icon="unsubscribe",
        tone=ALARM,
        hint=_("the mail server did not take them"),
        href=reverse("my-alerts"),
    )
    return [tile] if count else []


def stock(source: Source, visible: Visible) -> list[Tile]:
    """SKUs of this source that are low or out of stock, and listings that ended. Two queries."""
    counted = InventoryItem.objects.filter(source=source)
    if visible is not None:
        counted = of_platforms(counted, visible)
    low = counted.low(source).order_by().aggregate(**SKUS_AND_LISTINGS)
    return [
        low_stock_tile(low["skus"], low["listings"], source),
        Tile(
            label=_("Gone"),
            count=counted.gone().count(),
            icon="visibility_off",
            hint=_("listings of SKUs that ended, one for each marketplace"),
            href=list_of("inventory_inventoryitem", listed="no", source__exact=source),
        ),
    ]


def low_stock_tile(skus: int, listings: int, source: Source, **filters: Any) -> Tile:
    """How many SKUs; the list that it leads to has a row for each marketplace, of which there may be more."""
    return Tile(
        label=_("Low or out of stock"),
        count=skus,
        icon="production_quantity_limits",
        tone=NOTICE,
        hint=lazy(_in_listings, str)(listings) if listings > skus else _("SKUs that are listed"),
        href=list_of("inventory_inventoryitem", stock="low", source__exact=source, **filters),
    )


def _in_listings(count: int) -> str:
    text = ngettext(
        "SKUs, in %(n)s listing of a marketplace", "SKUs, in %(n)s listings of marketplaces", count
    )
    return text % {"n": grouped(count)}


def list_of(model: str, **filters: Any) -> str:
    """The address of a list of the admin, filtered: to be bookmarked."""
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address
