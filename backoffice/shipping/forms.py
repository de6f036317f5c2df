"""What is asked of a package: carrier, tracking number, ship time, and what is in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.pictures import Thumbnails
from core.markup import joined, markup
from integrations.registry import CHANNELS
from integrations.shipping.overview import recent_carriers
from integrations.shipping.rules import LONGEST, CannotShip, Package, Refusal, carriers_of
from orders.models import Order, OrderItem, Shipment

UNITS = "units-"
INPUT = {"class": "oms-input", "autocomplete": "off", "spellcheck": "false"}
CLOCK = "%Y-%m-%dT%H:%M"  # as fields of the type datetime-local have it
MOST_RECENT = 5
Choices = list[tuple[str, Any]]


class CarrierSelect(forms.Select):
    """Marks the choice with which a name is asked for, too."""

    other = ""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if self.other and str(value) == self.other:
            option["attrs"]["data-other"] = True
        return option

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        """What Django's four templates make of each of 200 carriers, which is a sixth of the desk's page."""
        widget = context["widget"]
        groups = joined(_group(name, options) for name, options, _place in widget["optgroups"])
        text = '<select name="{}"{}>{}\n</select>'
        return markup(text, widget["name"], _attributes(widget["attrs"]), groups)


def _group(name: str | None, options: Iterable[Mapping[str, Any]]) -> SafeString:
    made = joined(map(_option, options))
    return markup('\n  <optgroup label="{}">{}\n  </optgroup>', name, made) if name else made


def _option(option: Mapping[str, Any]) -> SafeString:
    text = '\n<option value="{}"{}>{}</option>'
    return markup(text, str(option["value"]), _attributes(option["attrs"]), option["label"])


def _attributes(attributes: Mapping[str, Any]) -> SafeString:
    """Those that are on; as Django's attrs.html, in their order."""
    made = (
        markup(" {}", name) if value is True else markup(' {}="{}"', name, str(value))
        for name, value in attributes.items()
        if value is not False
    )
    return joined(made)


class PackageForm(forms.Form):
    """One package of `order`. `left` offers its lines, filled in with what is left, or with what is in `shipment`;
    without it, the package has no lines to choose."""

    tracking_number = forms.CharField(
        label=gettext_lazy("Tracking number"),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput(INPUT),
    )
    carrier = forms.CharField(
        label=gettext_lazy("Carrier"),
        max_length=64,
        required=False,
        widget=CarrierSelect({"class": "oms-input"}),
    )
    carrier_name = forms.CharField(
        label=gettext_lazy("Name of the carrier"),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput(INPUT),
    )
    service = forms.CharField(
        label=gettext_lazy("Service"),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput({**INPUT, "list": "oms-services"}),
    )
    shipped_at = forms.DateTimeField(
        label=gettext_lazy("Shipped at"),
        required=False,
        widget=forms.DateTimeInput({**INPUT, "type": "datetime-local"}, format=CLOCK),
        help_text=gettext_lazy("Empty: now."),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        order: Order,
        left: Mapping[str, int | None] | None = None,
        shipment: Shipment | None = None,
        **options: Any,
    ) -> None:
        used = recent_carriers(order.platform_id)
        options["initial"] = _initial(shipment) if shipment and shipment.carrier else last_used(order, used)
        if shipment is not None:
            options["initial"] |= {"tracking_number": shipment.tracking_number}
        super().__init__(data, **options)
        if shipment is not None and shipment.shipped_at is not None:
            self.fields["shipped_at"].help_text = gettext_lazy("Empty: as it is.")
        self.order = order
        self._shipped_at = shipment.shipped_at if shipment else None
        if shipment is None or left is not None:  # it is the next thing to enter
            self.fields["tracking_number"].widget.attrs["x-init"] = "$nextTick(() => $el.focus())"
        self._items = [] if left is None else _offered(order, left, shipment)
        select: Any = self.fields["carrier"].widget
        channel = CHANNELS.get(order.platform.kind)
        select.choices, select.other = _carrier_choices(order, used), channel.other_carrier if channel else ""
        self.services = _services(order, used)
        for item, units, most in self._items:
            self.fields[f"{UNITS}{item.pk}"] = _units_field(units, most)
        if order.buyer_requested_cancellation:
            self.fields["ships_despite_cancellation"] = forms.BooleanField(
                label=gettext_lazy("Ship it although the buyer asks to cancel"), required=False
            )

    def clean_shipped_at(self) -> datetime | None:
        """The field shows minutes: a time that nobody touched stays what it is, to the second."""
        given: datetime | None = self.cleaned_data["shipped_at"]
        known = self._shipped_at
        is_untouched = known is not None and given == known.replace(second=0, microsecond=0)
        return known if is_untouched else given

    @property
    def lines(self) -> Iterator[tuple[OrderItem, Any, int | None]]:
        """Each line that can be in the package: the item with its picture, its field, and how many units may be in
        it."""
        platform = self.order.platform
        thumbnails = Thumbnails((platform, item.asin) for item, _units, _most in self._items)
        for item, _units, most in self._items:
            item.picture = thumbnails.of(platform, item.asin)  # type: ignore[attr-defined]
            yield item, self[f"{UNITS}{item.pk}"], most

    def package(self, *, is_another: bool = False) -> Package:
        """Of valid data. Lines of 0 units are not in the package; without lines to choose, `lines` is None."""
        values = self.cleaned_data
        chosen = {item.external_id: values[f"{UNITS}{item.pk}"] or 0 for item, _units, _most in self._items}
        return Package(
            carrier=values["carrier"],
            carrier_name=values["carrier_name"],
            service=values["service"],
            tracking_number=values["tracking_number"],
            shipped_at=values["shipped_at"],
            lines={item_id: units for item_id, units in chosen.items() if units} if chosen else None,
            ships_despite_cancellation=bool(values.get("ships_despite_cancellation")),
            is_another=is_another,
        )

    def refuse(self, refusal: CannotShip) -> None:
        """Show at its field why the package is not made."""
        self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal))
        self.is_made_already = refusal.code == Refusal.MADE_ALREADY

    # The form then offers to do it all the same.
    is_made_already = False  # a package that looks the same is there already
    is_of_another = False  # another order has the tracking number


def _initial(shipment: Shipment) -> dict[str, Any]:
    names = ("carrier", "carrier_name", "service")
    shipped = {"shipped_at": timezone.localtime(shipment.shipped_at)} if shipment.shipped_at else {}
    return {name: getattr(shipment, name) for name in names} | shipped


def last_used(order: Order, used: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """The carrier of the last shipment, where this marketplace knows it."""
    known = _codes(order)
    for code, name, service in used:
        if code in known:
            return {"carrier": code, "carrier_name": name, "service": service}
    return {}


def _codes(order: Order) -> dict[str, str]:
    """The carriers of the order's marketplace: label by code."""
    channel = CHANNELS.get(order.platform.kind)
    if channel is None:
        return {}
    codes = {carrier.code: str(carrier.label) for carrier in carriers_of(channel, order.marketplace_id)}
    return codes | ({channel.other_carrier: _("Other, by its name")} if channel.other_carrier else {})


def _carrier_choices(order: Order, used: Sequence[tuple[str, str, str]]) -> Choices:
    """Those that were used last come first."""
    known = _codes(order)
    recent = [code for code in dict.fromkeys(code for code, _name, _service in used) if code in known]
    everyone = sorted(known.items(), key=lambda entry: entry[1].casefold())
    groups: Choices = [("", _("choose…"))]
    if recent:
        groups.append((_("Used last"), [(code, known[code]) for code in recent[:MOST_RECENT]]))
    return [*groups, (_("All carriers"), everyone)] if recent else [*groups, *everyone]


def _services(order: Order, used: Sequence[tuple[str, str, str]]) -> list[str]:
    """To be suggested: those of the last shipments, and those that the channel knows."""
    channel = CHANNELS.get(order.platform.kind)
    known = [name for carrier in (channel.carriers if channel else ()) for name in carrier.services]
    return list(dict.fromkeys(filter(None, [*(service for _code, _name, service in used), *known])))


def _offered(
    order: Order, left: Mapping[str, int | None], shipment: Shipment | None
) -> list[tuple[OrderItem, int, int | None]]:
    """Each line of which something may be in the package, how many units are filled in, and how many there may be."""
    packed = {line.item_external_id: line.quantity for line in shipment.lines.all()} if shipment else None
    offered = []
    for item in order.items.all():
        most = left.get(item.external_id)
        units = (packed or {}).get(item.external_id, 0) if packed is not None else most or 0
        if most is None or most or units:
            offered.append((item, units, most))
    return offered


def _units_field(units: int, most: int | None) -> forms.IntegerField:
    limits = {"min": 0, **({} if most is None else {"max": most})}
    widget = forms.NumberInput({**INPUT, **limits, "inputmode": "numeric"})
    return forms.IntegerField(min_value=0, required=False, initial=units, widget=widget)
