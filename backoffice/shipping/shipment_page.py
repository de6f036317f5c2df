"""The page of a shipment."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.base.cells import source_badge
from backoffice.base.pictures import Thumbnails
from backoffice.shipping.acting import form_of
from backoffice.shipping.forms import PackageForm
from backoffice.shipping.presentation import SHIP, carrier_label, carrier_of, explain, item_name, state_badge
from backoffice.shipping.shipping import order_to_ship, why_not, writing_context
from core.format import DASH, format_datetime
from core.text import isolated
from integrations.models import OutboxEntry
from integrations.shipping.overview import standing_of
from orders.models import Order, OrderItem, Shipment
from platforms.models import Source

State = Shipment.State
TIMES = ("made_at", "queued_at", "attempted_at", "sent_at", "visible_at", "confirmed_at", "rejected_at",
         "unverified_at", "checked_at", "cancelled_at")  # fmt: skip
MOST_TRIES = 20


def page_of(request: HttpRequest, shipment: Shipment, form: PackageForm | None = None) -> dict[str, Any]:
    """What the template needs. `form`: what somebody entered, and was refused."""
    order = order_to_ship(shipment.order)
    standing = standing_of(order.platform)
    shipment.platform = order.platform
    may_ship = request.user.has_perm(SHIP)
    is_open = shipment.state not in Shipment.CLOSED
    is_draft = shipment.state == State.DRAFT
    refusal = why_not(order, shipment) if is_draft else ""
    return {
        "shipment": shipment,
        "order": order,
        "state": state_badge(shipment),
        "source": "" if shipment.source == Source.LIVE else source_badge(shipment.source),
        "explanation": explain(shipment, standing),
        "facts": list(facts(shipment)),
        "contents": list(contents(shipment, order)),
        "tries": list(tries(request, shipment, order)),
        "may_ship": may_ship,
        "form": (form or form_of(shipment, order=order)) if may_ship and is_open and not refusal else None,
        "refusal": refusal,
        "is_draft": is_draft,
        "can_retry": shipment.state in (State.REJECTED, State.UNVERIFIED),
        "can_cancel": shipment.state in (State.DRAFT, State.QUEUED, State.REJECTED),
        "asks_to_cancel": order.buyer_requested_cancellation,
        **writing_context(request, standing),
    }


def facts(shipment: Shipment) -> Iterator[tuple[str, Any]]:
    yield _("Package number"), shipment.package_number
    yield _("Carrier"), carrier_of(shipment) or DASH
    yield _("Tracking number"), shipment.tracking_number or DASH
    yield _("Shipped"), format_datetime(shipment.shipped_at)
    yield _("Made by"), shipment.made_by or DASH
    for name in TIMES:
        if moment := getattr(shipment, name):
            label = Shipment._meta.get_field(name).verbose_name  # type: ignore[union-attr]  # no relation
            yield str(capfirst(label)), format_datetime(moment)
    if shipment.request_id:
        yield _("Request id"), shipment.request_id


def contents(shipment: Shipment, order: Order) -> Iterator[dict[str, Any]]:
    items = {item.external_id: item for item in order.items.all()}
    lines = [(line, items.get(line.item_external_id)) for line in shipment.lines.all()]
    thumbnails = Thumbnails((order.platform, item.asin if item else "") for _line, item in lines)
    for line, item in lines:
        yield {
            "picture": thumbnails.of(order.platform, item.asin if item else ""),
            "title": (item.title if item else "") or item_name(item, line.item_external_id),
            "sku": item.sku if item else "",
            "units": line.quantity,
        }


def tries(request: HttpRequest, shipment: Shipment, order: Order) -> Iterator[dict[str, Any]]:
    """What was sent, or would be, newest first; for those who may see it."""
    if not request.user.has_perm("integrations.view_outboxentry"):
        return
    items = {item.external_id: item for item in order.items.all()}
    entries: list[OutboxEntry] = list(shipment.entries.order_by("-number")[:MOST_TRIES])
    for entry in entries:
        yield {
            "number": entry.number,
            "state": entry.get_state_display(),
            "at": format_datetime(entry.attempted_at or entry.finished_at),
            "attempts": entry.attempts,
            "error": entry.error_message,
            "request_id": entry.request_id,
            "content": list(content_of(entry.content, order.platform.kind, items)),
        }


def content_of(
    content: Mapping[str, Any], kind: str, items: Mapping[str, OrderItem]
) -> Iterator[tuple[str, str]]:
    """What the platform is told, with the names that people know."""
    carrier = carrier_label(kind, content.get("carrier", ""), content.get("carrier_name", ""))
    yield _("Package number"), str(content.get("package_number", DASH))
    yield (
        _("Carrier"),
        f"{carrier} ({content.get('carrier', '')})" if carrier != content.get("carrier") else carrier,
    )
    if content.get("service"):
        yield _("Service"), content["service"]
    yield _("Tracking number"), content.get("tracking_number") or DASH
    yield _("Shipped"), _moment(content.get("shipped_at"))
    lines = content.get("lines", {}).items()
    yield (
        _("Contents"),
        ", ".join(f"{units} × {isolated(item_name(items.get(item), item))}" for item, units in lines) or DASH,
    )


def _moment(text: str | None) -> str:
    try:
        return format_datetime(datetime.fromisoformat(text or ""))
    except ValueError:  # none, or written by another version
        return text or DASH
