"""Shipments for people: the state as a badge, and as sentences that say what it means and what to do."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.base.cells import badge, label_of
from core.format import DASH, format_datetime
from core.text import isolated
from integrations.protocol import Carrier
from integrations.registry import CHANNELS, channel_label
from integrations.shipping.overview import Standing
from integrations.shipping.reading_back import NOT_READ, NOT_SHOWN
from integrations.shipping.rules import Refusal
from orders.models import Order, OrderItem, Shipment
from orders.shipments import SHOWN_OTHERWISE, VANISHED

SHIP = "orders.ship_order"
SEE = "orders.view_shipment"
State = Shipment.State
COLOURS: dict[str, str] = {
    State.QUEUED: "info",
    State.SENT: "warning",
    State.CONFIRMED: "success",
    State.REJECTED: "danger",
    State.UNVERIFIED: "danger",
}
SHORT: dict[str, Promise] = {
    State.DRAFT: gettext_lazy("Nothing is sent before somebody ships it."),
    State.QUEUED: gettext_lazy("It waits to be sent."),
    State.SENT: gettext_lazy("The platform took it; it is confirmed once the platform shows the package."),
    State.CONFIRMED: gettext_lazy(
        "The platform shows this package, with this tracking number and these units."
    ),
    State.REJECTED: gettext_lazy("The platform did not take it."),
    State.UNVERIFIED: gettext_lazy("It was sent, and the platform does not show it."),
    State.REHEARSED: gettext_lazy("A rehearsal: nothing was sent."),
    State.CANCELLED: gettext_lazy("It was given up, and is not sent."),
}
PAUSES: dict[str, Promise] = {
    "hourly_limit": gettext_lazy("the limit of an hour is used up"),
    "rate_limited": gettext_lazy("the platform's quota is used up"),
    "throttled": gettext_lazy("the platform's quota is used up"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`text` says how it stands, `advice` what to do, "" where nothing is to be done."""

    text: str
    advice: str = ""
    request_id: str = ""


def state_badge(shipment: Shipment) -> SafeString:
    """With a second one for a rehearsal that still waits."""
    shown = badge(
        label_of(State, shipment.state), COLOURS.get(shipment.state, ""), title=SHORT.get(shipment.state, "")
    )
    if shipment.is_rehearsal and shipment.state != State.REHEARSED:
        shown += badge(_("rehearsal"), title=SHORT[State.REHEARSED])
    return shown


def explain(shipment: Shipment, standing: Standing | None) -> Explanation:
    """`standing` is that of its platform; None: it is not known what holds it up."""
    how = {
        State.DRAFT: _of_draft, State.QUEUED: _of_queued, State.SENT: _of_sent, State.CONFIRMED: _of_confirmed,
        State.REJECTED: _of_rejected, State.UNVERIFIED: _of_unverified,
    }.get(shipment.state)  # type: ignore[call-overload]  # fmt: skip
    return how(shipment, standing) if how else Explanation(text=str(SHORT.get(shipment.state, "")))


def _channel(shipment: Shipment) -> str:
    return channel_label(shipment.platform.kind)


def _of_draft(_shipment: Shipment, _standing: Standing | None) -> Explanation:
    return Explanation(text=str(SHORT[State.DRAFT]), advice=_("Add what is missing, and ship it."))


def _of_queued(shipment: Shipment, standing: Standing | None) -> Explanation:
    if standing and (hold := holdup(standing)):
        return Explanation(text=hold)
    if shipment.error_code:
        text = _("%(channel)s did not answer. It is told again by itself, under the same package number.")
        words = text % {"channel": _channel(shipment)}
        return Explanation(text=f"{words} {shipment.error_message}", request_id=shipment.request_id)
    return Explanation(text=str(SHORT[State.QUEUED]))


def holdup(standing: Standing) -> str:
    """Why nothing is sent to a platform at the moment, as a sentence; "" where nothing holds it up."""
    names = {"platform": standing.platform}
    if standing.stop:
        return stop_line(standing)
    if not standing.platform.is_active:
        return _("It waits: platform %(platform)s is inactive.") % names
    if not standing.is_on:
        return _("It waits: writing to platform %(platform)s is off.") % names
    if standing.paused_until:
        until = format_datetime(standing.paused_until)
        why = str(PAUSES.get(standing.pause_code, standing.pause_message or standing.pause_code))
        return _("It waits until %(until)s: %(why)s") % {"until": until, "why": why}
    return ""


def stop_line(standing: Standing) -> str:
    if standing.stop is None:
        return ""
    words = {"at": format_datetime(standing.stop.changed_at), "who": standing.stop.changed_by or DASH}
    text = _("All writing to platforms was stopped by %(who)s, %(at)s.") % words
    return f"{text} {standing.stop.reason}".strip()


def stopped_line(standing: Standing) -> str:
    """For an alert: writing is stopped, and shipments of a platform wait."""
    return f"{stop_line(standing)} {waiting_line(standing.waiting)}"


def unsent_line(standing: Standing) -> str:
    """For an alert: shipments of a platform have waited for long."""
    why = holdup(standing) or _("See whether the workers run.")
    return f"{waiting_line(standing.waiting)} {why}"


def waiting_line(count: int) -> str:
    return ngettext("%(n)d shipment waits to be sent.", "%(n)d shipments wait to be sent.", count) % {
        "n": count
    }


def _of_sent(shipment: Shipment, _standing: Standing | None) -> Explanation:
    channel = _channel(shipment)
    if shipment.error_code:
        text = _("%(channel)s says that the order is shipped already. OMS looks whether by this package.")
        return Explanation(text=text % {"channel": channel}, request_id=shipment.request_id)
    text = _("%(channel)s took it, %(at)s. It is confirmed once a sync sees the package there.")
    return Explanation(text=text % {"channel": channel, "at": format_datetime(shipment.sent_at)})


def _of_confirmed(shipment: Shipment, _standing: Standing | None) -> Explanation:
    text = _("%(channel)s shows this package. Seen %(at)s.")
    words = {"channel": _channel(shipment), "at": format_datetime(shipment.confirmed_at)}
    return Explanation(text=text % words)


def _of_rejected(shipment: Shipment, _standing: Standing | None) -> Explanation:
    text = _refusal(shipment) or shipment.error_message or str(SHORT[State.REJECTED])
    return Explanation(text=text, advice=advice_for(shipment), request_id=shipment.request_id)


def _refusal(shipment: Shipment) -> str:
    """The sentence of our own rules in the reader's language, where these refused it and it needs no more names."""
    names = {"channel": _channel(shipment), "platform": str(shipment.platform)}
    if shipment.request_id or shipment.error_code not in Refusal.values:
        return ""
    with suppress(KeyError):
        return str(Refusal(shipment.error_code).label) % names
    return ""


def advice_for(shipment: Shipment) -> str:
    """What the channel advises about a refusal."""
    channel = CHANNELS.get(shipment.platform.kind)
    return str(channel.shipment_advice.get(shipment.error_code, "")) if channel else ""


def _of_unverified(shipment: Shipment, _standing: Standing | None) -> Explanation:
    channel = _channel(shipment)
    names = {"channel": channel, "at": format_datetime(shipment.sent_at or shipment.attempted_at)}
    look = _(
        "Look at the order on %(channel)s. If the package is not there, send it again: under the same number, that "
        "never makes a second one."
    )
    again = _("Correct the tracking number here, or send it again to have %(channel)s show what you shipped.")
    texts = {
        NOT_SHOWN: (_("%(channel)s was told %(at)s, and does not show the package."), look),
        NOT_READ: (
            _("It was sent %(at)s, and no sync has read the orders since."),
            _("See why the syncs of the platform stand still; the next good one settles it."),
        ),
        VANISHED: (_("%(channel)s showed this package, and does not any more."), look),
        SHOWN_OTHERWISE: (_("%(channel)s shows this package otherwise: %(shown)s"), again),
    }
    if shipment.error_code in texts:
        text, advice = texts[shipment.error_code]
        return Explanation(text=text % (names | {"shown": shown_words(shipment)}), advice=advice % names)
    unknown = _("Nobody knows whether %(channel)s has it.") % names
    text = f"{unknown} {shipment.error_message}".strip()
    return Explanation(text=text, advice=look % names, request_id=shipment.request_id)


def shown_words(shipment: Shipment) -> str:
    """What the platform shows instead: `00340434…, 2 units`."""
    units = sum(max(0, units) for units in shipment.shown.get("lines", {}).values())
    number = str(shipment.shown.get("tracking_number") or _("no tracking number"))
    return _("%(number)s, units: %(units)s.") % {"number": number, "units": units}


def carrier_label(kind: str, code: str, name: str = "") -> str:
    """The carrier as people know it."""
    channel = CHANNELS.get(kind)
    if name and (channel is None or not code or code == channel.other_carrier):
        return name
    known = known_carriers(kind).get(code)
    return str(known.label) if known else code


_by_code: dict[str, tuple[Sequence[Carrier], Mapping[str, Carrier]]] = {}


def known_carriers(kind: str) -> Mapping[str, Carrier]:
    """Those of a channel by their codes, made once: each row of a list asks for the name of one of 200."""
    channel = CHANNELS.get(kind)
    if channel is None:
        return {}
    carriers, by_code = _by_code.get(kind, ((), {}))
    if carriers is not channel.carriers:
        by_code = {carrier.code: carrier for carrier in channel.carriers}
        _by_code[kind] = (channel.carriers, by_code)
    return by_code


def carrier_of(shipment: Shipment) -> str:
    """`DHL Paket`, with the service where it has one; "" for a draft without."""
    label = carrier_label(shipment.platform.kind, shipment.carrier, shipment.carrier_name)
    return " ".join(filter(None, [label, shipment.service]))


def contents_of(shipment: Shipment, order: Order) -> str:
    """`2 × SKU-1, 1 × SKU-2`. Reads the lines, and the order's items."""
    items = {item.external_id: item for item in order.items.all()}
    lines = [(line.quantity, line.item_external_id) for line in shipment.lines.all()]
    return (
        ", ".join(f"{units} × {isolated(item_name(items.get(item_id), item_id))}" for units, item_id in lines)
        or DASH
    )


def item_name(item: OrderItem | None, item_id: str) -> str:
    return (item.sku or item.title or item_id) if item else item_id
