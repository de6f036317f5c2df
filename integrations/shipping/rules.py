"""Whether an order can be shipped as somebody wants it. Each reason not to has a code and a sentence.

Nothing here reads the database, beyond what was prefetched, or writes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.format import Text, format_datetime
from core.text import is_storable, isolated_all
from integrations.channel import Channel
from integrations.models import WritingPolicy
from integrations.protocol import Carrier
from integrations.registry import CHANNELS, channel_label
from orders.models import Order, OrderPackage, Shipment
from orders.shipments import held_by_others, packages_of_others

# This machine's clock may be ahead of the platform's: what was shipped right now is not in the future for that.
# What is sent is brought back to the platform's time (sending.py).
CLOCKS_DIFFER = timedelta(minutes=5)
LONGEST = 255  # characters of a carrier's name, a service, a tracking number


class Refusal(models.TextChoices):
    """Why a shipment is not made. The labels are sentences; names in them are filled in by CannotShip."""

    NO_ORDER = "no_order", _("No such order is stored.")
    CHANNEL_CANNOT = "channel_cannot", _("OMS cannot tell %(channel)s of shipments.")
    PLATFORM_INACTIVE = "platform_inactive", _("Platform %(platform)s is inactive: OMS sends nothing to it.")
    WRITING_OFF = (
        "writing_off",
        _("Writing to platform %(platform)s is off: OMS only reads from it. A manager can switch it on."),
    )
    PLATFORM_SHIPS = (
        "platform_ships",
        _("%(channel)s ships this order from its own stock; it takes no shipment from the seller."),
    )
    CANCELLED = "cancelled", _("The order is cancelled. Do not ship it.")
    NOT_PAID = "not_paid", _("The order is pending: it is not paid for yet. Do not ship it.")
    UNFULFILLABLE = "unfulfillable", _("%(channel)s says that this order cannot be fulfilled.")
    SHIPPED = "shipped", _("All of the order is shipped already.")
    NOTHING_LEFT = (
        "nothing_left",
        _("Nothing is left to ship: all of it is in shipments that %(channel)s does not show yet."),
    )
    CONFIRMS_ITSELF = (
        "confirms_itself",
        _(
            "The order is of %(program)s: its label is bought from %(channel)s, which confirms the shipment itself and "
            "takes no confirmation. There is nothing to send."
        ),
    )
    PLATFORM_CARRIES = (
        "platform_carries",
        _(
            "The order is of %(program)s: a carrier of %(channel)s collects the parcel, and %(channel)s confirms the "
            "shipment itself. Confirming it is not for the seller; arrange the collection on %(channel)s."
        ),
    )
    SHIPPED_ELSEWHERE = (
        "shipped_elsewhere",
        _(
            "All of the order is shipped already, and not from here: %(packages)s. The label was bought from "
            "%(channel)s, or somebody confirmed the package elsewhere; %(channel)s does not say which."
        ),
    )
    IN_OTHER_PACKAGES = (
        "in_other_packages",
        _(
            "Nothing is left to ship: %(channel)s shows packages that were not made here: %(packages)s. Perhaps the "
            "label was bought from %(channel)s, which confirms the shipment itself then. Shipping it here would be a "
            "second parcel, unless nobody uses that label: say so on the page on which the order is shipped."
        ),
    )
    CANCELLATION_ASKED = (
        "cancellation_asked",
        _(
            "The buyer asks to cancel this order. Cancel it on %(channel)s, or say that it is shipped all the same."
        ),
    )
    KNOWN_BY_REPORT = (
        "known_by_report",
        _(
            "Only a report has told of this order so far, without the ids of its lines. It can be shipped once OMS has "
            "fetched it whole, which it does by itself."
        ),
    )
    MADE_ALREADY = (
        "made_already",
        _("This package is known already: shipment %(number)s has the same tracking number and lines."),
    )
    UNKNOWN_LINE = "unknown_line", _("The order has no line %(item)s.")
    NO_LINES = "no_lines", _("Nothing is in the package.")
    BAD_QUANTITY = "bad_quantity", _("Of %(item)s, the quantity must be a whole number above 0.")
    TOO_MANY = "too_many", _("Of %(item)s, %(left)s are left to ship, and not %(wanted)s.")
    QUANTITY_UNKNOWN = (
        "quantity_unknown",
        _(
            "%(channel)s does not say how many units of %(item)s are left to ship. Fetch the order again first."
        ),
    )
    CARRIER_MISSING = "carrier_missing", _("Say which carrier has the package.")
    CARRIER_UNKNOWN = (
        "carrier_unknown",
        _(
            "%(channel)s knows no carrier %(carrier)s. Choose one that it knows, or %(other)s with the carrier's name."
        ),
    )
    CARRIER_NAME_MISSING = (
        "carrier_name_missing",
        _("With %(other)s as carrier, the carrier's name is needed, too."),
    )
    TRACKING_MISSING = "tracking_missing", _("The tracking number is missing.")
    BAD_TEXT = "bad_text", _("%(field)s is too long, or holds characters that cannot be sent.")
    TOO_EARLY = "too_early", _("The ship time is before %(first)s, the earliest that %(channel)s takes.")
    IN_THE_FUTURE = (
        "in_the_future",
        _("The ship time is in the future. Say when the package was handed over."),
    )
    NOT_A_DRAFT = "not_a_draft", _("This shipment is no draft any more.")
    IS_CLOSED = "is_closed", _("This shipment is %(state)s; it is not sent.")
    UNDER_WAY = (
        "under_way",
        _(
            "This shipment is on its way to %(channel)s, or there already. It can be corrected, not cancelled."
        ),
    )
    REHEARSING = (
        "rehearsing",
        _("Platform %(platform)s rehearses: what was made for real cannot be sent now."),
    )
    NOTHING_CHANGED = "nothing_changed", _("Nothing is different from what the shipment says already.")


class CannotShip(Exception):
    """`code` is stable. `field`: the input that is wrong, "" where it is the order. `str()` is a sentence in the
    reader's language. `shipment` is that of MADE_ALREADY."""

    def __init__(self, code: Refusal, field: str = "", /, **names: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.shipment: Shipment | None = names.get("shipment")
        self.names = names

    def __str__(self) -> str:
        return str(self.code.label) % isolated_all(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What somebody wants to ship: all of a draft may be empty but its lines.

    carrier          a code of the channel's carriers; upper and lower case count as the same
    carrier_name     where the carrier has no code
    shipped_at       aware; None: now
    lines            units by the line's id on the platform; None: all that is left
    ships_despite_cancellation  somebody was asked, and ships although the buyer asks to cancel
    ships_despite_packages  the labels of others that hold units of the order are not used (labels.py)
    is_another       a second package with the same tracking number and lines is meant
    """

    carrier: str = ""
    carrier_name: str = ""
    service: str = ""
    tracking_number: str = ""
    shipped_at: datetime | None = None
    lines: Mapping[str, int] | None = None
    ships_despite_cancellation: bool = False
    ships_despite_packages: bool = False
    is_another: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A package as it can be stored and sent: texts trimmed, the carrier by its code, the lines by name."""

    carrier: str
    carrier_name: str
    service: str
    tracking_number: str
    shipped_at: datetime | None  # None of a draft that has none
    lines: Mapping[str, int] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """Of Shipment."""
        names = ("carrier", "carrier_name", "service", "tracking_number", "shipped_at")
        return {name: getattr(self, name) for name in names}


def channel_of(order: Order) -> Channel:
    """Raises CannotShip where it takes no shipments. Reads `platform`."""
    channel = CHANNELS.get(order.platform.kind)
    if channel is None or not channel.confirms_shipments:
        raise CannotShip(Refusal.CHANNEL_CANNOT, channel=channel_label(order.platform.kind))
    return channel


def check_order(order: Order, *, ships_despite_cancellation: bool = False, is_draft: bool = False) -> None:
    """Raises CannotShip where the order itself is not to be shipped, whatever is in the package. Reads `platform`; of
    an order that is shipped, `packages` and `shipments`, too."""
    names = {"channel": channel_label(order.platform.kind), "platform": str(order.platform)}
    channel = channel_of(order)
    if order.fulfilled_by == Order.FulfilledBy.PLATFORM:
        raise CannotShip(Refusal.PLATFORM_SHIPS, **names)
    refused = {
        Order.Status.CANCELLED: Refusal.CANCELLED,
        Order.Status.PENDING: Refusal.NOT_PAID,
        Order.Status.UNFULFILLABLE: Refusal.UNFULFILLABLE,
        Order.Status.SHIPPED: Refusal.SHIPPED,
    }
    if order.status == Order.Status.SHIPPED and (others := packages_of_others(order)):
        raise CannotShip(Refusal.SHIPPED_ELSEWHERE, **names, packages=package_names(others))
    if found := refused.get(Order.Status(order.status)):
        raise CannotShip(found, **names)
    if of_program := refusing_program(channel, order.programs):
        code, program = of_program
        raise CannotShip(code, **names, program=program)
    if order.buyer_requested_cancellation and not (ships_despite_cancellation or is_draft):
        raise CannotShip(Refusal.CANCELLATION_ASKED, "ships_despite_cancellation", **names)
    if order.completeness == Order.Completeness.REPORT:  # it has no ids of lines
        raise CannotShip(Refusal.KNOWN_BY_REPORT, **names)


def refusing_program(channel: Channel, programs: Iterable[Any]) -> tuple[Refusal, Text] | None:
    """Why orders of one of these programs are not for the seller to confirm, and the name of the program; None where
    they are: the channel sells the label, or its carrier collects, and it confirms the shipment itself."""
    for each in programs:
        if each in channel.label_programs:
            return Refusal.CONFIRMS_ITSELF, channel.label_programs[each]
        if each in channel.carrier_programs:
            return Refusal.PLATFORM_CARRIES, channel.carrier_programs[each]
    return None


def check_platform(order: Order, mode: str) -> None:
    """Raises CannotShip where nothing is sent to the platform; `mode` is its writing policy's."""
    names = {"platform": str(order.platform)}
    if not order.platform.is_active:
        raise CannotShip(Refusal.PLATFORM_INACTIVE, **names)
    if mode == WritingPolicy.Mode.OFF:
        raise CannotShip(Refusal.WRITING_OFF, **names)


def check_package(order: Order, package: Package, *, is_draft: bool = False) -> Checked:
    """The package as it is to be sent, but for its lines. Raises CannotShip."""
    channel = channel_of(order)
    tracking_number = _text(read_tracking(package.tracking_number), "tracking_number")
    service = _text(package.service.strip(), "service")
    if is_draft and not package.carrier.strip():
        carrier, carrier_name = "", _text(package.carrier_name.strip(), "carrier_name")
    else:
        carrier, carrier_name = check_carrier(order, package)
    if not is_draft and not tracking_number:
        raise CannotShip(Refusal.TRACKING_MISSING, "tracking_number")
    shipped_at = package.shipped_at
    if not is_draft or shipped_at is not None:
        shipped_at = _ship_time(order, channel, shipped_at)
    return Checked(
        carrier=carrier,
        carrier_name=carrier_name,
        service=service,
        tracking_number=tracking_number,
        shipped_at=shipped_at,
    )


def read_tracking(text: str) -> str:
    """A tracking number as it is stored, of what somebody typed or a file has: without any space."""
    return "".join(text.split())


def check_lines(
    order: Order, wanted: Mapping[str, int] | None, left: Mapping[str, int | None]
) -> dict[str, int]:
    """The units that go into the package, by item id; `left` is `left_to_ship` of the order. Raises CannotShip."""
    names = {"channel": channel_label(order.platform.kind)}
    if wanted is None:
        unknown = [item_id for item_id, units in left.items() if units is None]
        if unknown:
            raise CannotShip(Refusal.QUANTITY_UNKNOWN, "lines", item=_item_name(order, unknown[0]), **names)
        lines = {item_id: units for item_id, units in left.items() if units}
        if not lines:
            raise nothing_left(order)
        return lines
    if not wanted:
        raise CannotShip(Refusal.NO_LINES, "lines")
    for item_id, units in wanted.items():
        if item_id not in left:
            raise CannotShip(Refusal.UNKNOWN_LINE, "lines", item=item_id)
        item, here = _item_name(order, item_id), left[item_id]
        if isinstance(units, bool) or not isinstance(units, int) or units < 1:
            raise CannotShip(Refusal.BAD_QUANTITY, "lines", item=item)
        if here is None:
            raise CannotShip(Refusal.QUANTITY_UNKNOWN, "lines", item=item, **names)
        if units > here:
            if not any(left.values()) and held_by_others(order):
                raise nothing_left(order)
            raise CannotShip(Refusal.TOO_MANY, "lines", item=item, left=here, wanted=units)
    return dict(wanted)


def nothing_left(order: Order) -> CannotShip:
    """Why nothing of an order is left to ship that the platform does not call shipped. Reads `items`, `packages` and
    `shipments`."""
    names = {"channel": channel_label(order.platform.kind)}
    if others := held_by_others(order):
        return CannotShip(Refusal.IN_OTHER_PACKAGES, **names, packages=package_names(others))
    return CannotShip(Refusal.NOTHING_LEFT, **names)


def package_names(packages: Iterable[OrderPackage]) -> str:
    """`UPS 1Z1, DHL`: as somebody finds them on the platform."""
    names = (" ".join(filter(None, [each.carrier, str(each)])) for each in packages)
    return ", ".join(names)


def check_carrier(order: Order, package: Package) -> tuple[str, str]:
    """The carrier's code and name as they are sent; with a code that the channel knows there is no name, such as that
    of the carrier before. Raises CannotShip."""
    channel = channel_of(order)
    names = {"channel": channel.label, "other": channel.other_carrier}
    wanted, name = package.carrier.strip(), _text(package.carrier_name.strip(), "carrier_name")
    if not wanted:
        raise CannotShip(Refusal.CARRIER_MISSING, "carrier")
    if channel.other_carrier and wanted.casefold() == channel.other_carrier.casefold():
        if not name:
            raise CannotShip(Refusal.CARRIER_NAME_MISSING, "carrier_name", **names)
        return channel.other_carrier, name
    carrier = find_carrier(channel, wanted, order.marketplace_id)
    if carrier is None:
        raise CannotShip(Refusal.CARRIER_UNKNOWN, "carrier", carrier=wanted[:LONGEST], **names)
    return carrier.code, ""


def carriers_of(channel: Channel, site: str) -> list[Carrier]:
    """Those that the channel knows by a code in this marketplace."""
    return [carrier for carrier in channel.carriers if not carrier.sites or site in carrier.sites]


def find_carrier(channel: Channel, wanted: str, site: str) -> Carrier | None:
    """The carrier with this code, or with this label, whatever the case of the letters."""
    text, known = wanted.strip().casefold(), carriers_of(channel, site)
    by_code = (carrier for carrier in known if carrier.code.casefold() == text)
    by_label = (carrier for carrier in known if str(carrier.label).casefold() == text)
    return next(by_code, None) or next(by_label, None)


def same_package(
    order: Order, tracking_number: str, lines: Mapping[str, int] | None, *, without: Shipment | None = None
) -> Shipment | None:
    """A shipment of the order that is this very package: made twice, or imported twice. Reads `shipments`, `lines`."""
    number = read_tracking(tracking_number).casefold()
    for shipment in order.shipments.all() if number else ():
        if shipment.tracking_number.casefold() != number or shipment.state in Shipment.CLOSED:
            continue
        if without is not None and shipment.pk == without.pk:
            continue
        if lines is None or lines == {line.item_external_id: line.quantity for line in shipment.lines.all()}:
            return shipment
    return None


def _ship_time(order: Order, channel: Channel, wanted: datetime | None) -> datetime:
    now = timezone.now()
    first, last = channel.ship_times(order.purchased_at, now)
    if wanted is None:
        return max(first, min(now, last))
    if wanted < first:
        names = {"first": format_datetime(first), "channel": channel.label}
        raise CannotShip(Refusal.TOO_EARLY, "shipped_at", **names)
    if wanted > last + CLOCKS_DIFFER:
        raise CannotShip(Refusal.IN_THE_FUTURE, "shipped_at")
    return wanted


def _text(value: str, field: str) -> str:
    if len(value) > LONGEST or not is_storable(value) or not value.isprintable():
        label = Shipment._meta.get_field(field).verbose_name  # type: ignore[union-attr]  # it is no relation
        raise CannotShip(Refusal.BAD_TEXT, field, field=label)
    return value


def _item_name(order: Order, item_id: str) -> str:
    """As people know the line: its SKU, where it has one."""
    return next((str(item) for item in order.items.all() if item.external_id == item_id), item_id)
