"""Webhooks and their deliveries in words and badges."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.base.cells import badge, display_of
from core.format import DASH, format_datetime
from webhooks.models import Delivery, Endpoint

STATE_COLOURS: dict[str, str] = {
    Delivery.State.DELIVERED: "success",
    Delivery.State.FAILED: "danger",
    Delivery.State.PENDING: "info",
}
# By the first word of a change's kind.
PAGES = {
    "order": "orders_order",
    "stock": "inventory_inventoryitem",
    "failure": "integrations_syncfailure",
    "sync": "integrations_synclog",
    "platform": "platforms_platform",
}
SENDER = "manage.py run_webhooks"


def is_silent(endpoint: Endpoint) -> bool:
    """Whether it is on, and no process sends for it, by the database's clock (EndpointAdmin.get_queryset)."""
    return bool(getattr(endpoint, "unattended", False))


def endpoint_badge(endpoint: Endpoint) -> SafeString:
    if not endpoint.is_active:
        by_hand = endpoint.off_reason in ("", Endpoint.Off.BY_HAND)
        return badge(_("off"), "" if by_hand else "danger")
    if is_silent(endpoint):
        return badge(_("nobody sends"), "danger")
    return badge(_("failing"), "warning") if endpoint.failing_since else badge(_("ok"), "success")


def endpoint_sentence(endpoint: Endpoint) -> str:
    """What is the matter with it, and what to do; "" where it works."""
    if not endpoint.is_active:
        reason = endpoint.get_off_reason_display() or Endpoint.Off.BY_HAND.label
        words = {"time": format_datetime(endpoint.switched_off_at), "reason": reason}
        return (
            _("It is switched off since %(time)s: %(reason)s.") % words
            + " "
            + _(
                "What it was to be told waits for it. Repair the receiver, send a test, and set it to active."
            )
        )
    if is_silent(endpoint):
        text = _("No process sends for it, so everything waits. Start: %(command)s")
        return text % {"command": SENDER}
    if endpoint.failing_since is None:
        return ""
    words = {"since": format_datetime(endpoint.failing_since), "next": format_datetime(endpoint.paused_until)}
    return _(
        "Nothing has been delivered since %(since)s. It is tried again, next at %(next)s; after three days it is "
        "switched off."
    ) % words  # fmt: skip


def delivery_badge(delivery: Delivery) -> SafeString:
    return badge(display_of(delivery, "state"), STATE_COLOURS.get(delivery.state, ""))


def subject_of(delivery: Delivery) -> SafeString | str:
    """The order id, SKU or name that it is about, with a link to that."""
    if not delivery.external_id:
        return DASH
    what, _colon, pk = delivery.object_key.partition(":")
    if what not in PAGES:
        return delivery.external_id
    href = reverse(f"admin:{PAGES[what]}_change", args=[pk])
    return format_html('<a class="oms-link" href="{}">{}</a>', href, delivery.external_id)


def outcome_of(delivery: Delivery) -> SafeString | str:
    """Status and problem of the last attempt."""
    if not delivery.attempts and delivery.status is None and not delivery.problem:
        return DASH
    if not delivery.problem:
        return str(delivery.status or DASH)
    problem = capfirst(display_of(delivery, "problem"))
    return format_html('{}<span class="oms-when">{}</span>', problem, delivery.status or "")
