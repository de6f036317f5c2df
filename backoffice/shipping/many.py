"""The page on which many orders are shipped: a tracking number for each, a verdict for each, and one button for all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View

from access.confinement import visible_platforms, within
from backoffice.base.cells import source_badge
from backoffice.orders.items import first_picture, thumbnails_of
from backoffice.shipping.forms import INPUT, UNITS, last_used
from backoffice.shipping.presentation import SHIP, carrier_label, item_name
from backoffice.shipping.risk import risk_badge
from backoffice.shipping.shipping import writing_context
from core.format import grouped
from core.text import is_storable, isolated
from integrations.registry import CHANNELS
from integrations.shipping.desk import used_elsewhere
from integrations.shipping.making import READ, Verdict, Wanted, make_shipments
from integrations.shipping.overview import recent_carriers, standings
from integrations.shipping.policy import modes_of
from integrations.shipping.rules import (
    LONGEST,
    CannotShip,
    Package,
    Refusal,
    carriers_of,
    check_lines,
    check_order,
    check_platform,
    read_tracking,
)
from orders.models import Order, OrderItem, Shipment
from orders.risk import leaving, of_platform
from orders.shipments import left_to_ship
from platforms.models import Source

MOST_NAMED = 3  # packages in a reason that many orders have
KEY = "KEY"  # stands for an order's in an address
MOST = 200  # orders; with a form's limit of 1,000 fields, 330 would be too many


def ship_selected(request: HttpRequest, orders: QuerySet[Order]) -> HttpResponse:
    """The action of the list of orders: to the page with the selection, in the order of the list."""
    if not request.user.has_perm(SHIP):
        raise PermissionDenied
    chosen = [str(pk) for pk in orders.values_list("pk", flat=True)[: MOST + 1]]
    if len(chosen) > MOST:
        text = _("No more than %(most)d orders are shipped at once: these are the first of the selection.")
        messages.warning(request, text % {"most": MOST})
    return HttpResponseRedirect(f"{reverse('ship-many')}?orders={','.join(chosen[:MOST])}")


class ForAllForm(forms.Form):
    """What holds for the rows that do not say it."""

    carrier = forms.CharField(
        label=gettext_lazy("Carrier"),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput({**INPUT, "list": "oms-carriers-0"}),
    )
    carrier_name = forms.CharField(
        label=gettext_lazy("Name of the carrier"),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput(INPUT),
        help_text=gettext_lazy("With Other as carrier."),
    )
    service = forms.CharField(
        label=gettext_lazy("Service"), max_length=LONGEST, required=False, widget=forms.TextInput(INPUT)
    )


@dataclass(frozen=True, slots=True)
class Units:
    """How many units of an item are in the package, as they were entered in `field`; `most` are left. `label` says it:
    `of 2 × SKU-1`."""

    item: OrderItem
    field: str
    label: str
    contents: str  # `2 × SKU-1`; "" where nothing of it is left
    entered: str
    most: int

    @property
    def is_all(self) -> bool:
        return self.entered.strip() == str(self.most)

    def read(self) -> int:
        """-1, which no package takes, for what is no number."""
        text = self.entered.strip() or "0"
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


@dataclass(frozen=True, slots=True)
class Words:
    """What the page says in each row, looked up once for all of them: translations, and where an order is."""

    units: str = field(default_factory=lambda: _("of %(most)s × %(item)s"))
    tracking_number: str = field(default_factory=lambda: _("Tracking number of %(name)s"))
    carrier: str = field(default_factory=lambda: _("Carrier of %(name)s"))
    service: str = field(default_factory=lambda: _("Service of %(name)s"))
    href: str = field(default_factory=lambda: reverse("admin:orders_order_change", args=[KEY]))

    def href_of(self, pk: str) -> str:
        return self.href.replace(KEY, pk)

    def labels_of(self, name: str) -> dict[str, str]:
        words = {"name": name}
        texts = {"tracking_number": self.tracking_number, "carrier": self.carrier, "service": self.service}
        return {field: text % words for field, text in texts.items()}


@dataclass(slots=True)
class Line:
    """An order on the page, and what was entered for it. `problem`: why it is not shipped like this; `shipment`: what
    was made, or was there already; `rest`: how many units are left of it then. `left` is `left_to_ship` of the order;
    `labels` are those of its fields."""

    order: Order
    pk: str
    href: str
    labels: Mapping[str, str]
    left: Mapping[str, int | None]
    units: list[Units]
    badge: Any
    source: Any
    picture: Any
    carriers: int  # which list of carriers
    tracking_number: str = ""
    carrier: str = ""
    service: str = ""
    problem: str = ""
    is_good: bool = False
    is_same: bool = False  # another order has the tracking number, which may be meant
    is_known: bool = False
    shipment: Shipment | None = None
    rest: int = 0

    @property
    def contents(self) -> str:
        """`2 × SKU-1, 1 × SKU-2`: what is left of it."""
        return ", ".join(each.contents for each in self.units if each.contents)

    @property
    def is_part(self) -> bool:
        return not all(units.is_all for units in self.units)

    @property
    def in_it(self) -> dict[str, int] | None:
        """Units by the line's id, those that are left out apart; None for all that is left."""
        if not self.is_part:
            return None
        return {each.item.external_id: units for each in self.units if (units := each.read())}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why these orders cannot be shipped here."""

    text: str
    orders: list[Order]


class ShipMany(View):
    """GET shows the orders that `orders` names by id; POST `check` judges what was entered, `ship` ships it."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(SHIP):
            raise PermissionDenied
        self.visible = visible_platforms(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        orders = self._orders(request.GET.get("orders", ""))
        return self._page(request, orders, _lines(orders, {}), ForAllForm(initial=_last_of(orders)))

    def post(self, request: HttpRequest) -> HttpResponse:
        orders = self._orders(request.POST.get("orders", ""))
        lines, form = _lines(orders, request.POST), ForAllForm(request.POST)
        if form.is_valid():
            is_preview = "ship" not in request.POST
            made = self._judge(request, lines, form.cleaned_data, is_preview=is_preview)
            if not is_preview:
                _tell(request, made)
        return self._page(request, orders, lines, form)

    def _orders(self, asked: str) -> list[Order]:
        """With all that the rules read, as they were asked for."""
        ids = [
            int(each)
            for each in asked.split(",")[:MOST]
            if each.isascii() and each.isdigit() and len(each) < 19
        ]
        rows = within(Order.objects.filter(pk__in=ids), self.visible).select_related("platform")
        found = rows.defer("platform__api_config", "payload").prefetch_related(*READ).in_bulk()
        return [found[pk] for pk in dict.fromkeys(ids) if pk in found]

    def _judge(
        self, request: HttpRequest, lines: Iterable[Line], of_all: Mapping[str, str], *, is_preview: bool
    ) -> int:
        """The verdict of each line with a tracking number; how many packages are made."""
        entered = [line for line in lines if read_tracking(line.tracking_number)]
        self._find_same(request, entered)
        free = [line for line in entered if not line.is_same]
        wanted = [Wanted(line.order.pk, _package(line, of_all)) for line in free]
        verdicts = make_shipments(wanted, who=request.user.get_username(), is_preview=is_preview)
        for line, verdict in zip(free, verdicts, strict=True):
            _set_verdict(line, verdict)
        return sum(verdict.is_good for verdict in verdicts)

    def _find_same(self, request: HttpRequest, entered: Sequence[Line]) -> None:
        """Mark those whose tracking number another order has, here or stored, unless somebody says that it is meant."""
        numbers = [read_tracking(line.tracking_number) for line in entered]
        used = used_elsewhere([number for number in numbers if is_storable(number)], self.visible)
        for line, number in zip(entered, numbers, strict=True):
            used.setdefault(number, {})[line.order.pk] = line.order.external_id
        for line, number in zip(entered, numbers, strict=True):
            others = [name for pk, name in used[number].items() if pk != line.order.pk]
            if others and f"same-{line.order.pk}" not in request.POST:
                text = _("Order %(order)s has this tracking number already. Was it scanned twice?")
                line.is_same, line.problem = True, text % {"order": others[0]}

    def _page(
        self, request: HttpRequest, orders: Sequence[Order], lines: Sequence[Line], form: ForAllForm
    ) -> HttpResponse:
        made = [line for line in lines if line.shipment]
        modes = modes_of({order.platform_id for order in orders})
        waiting = [line for line in lines if not line.shipment]
        refusals = {line.order.pk: _refusal_of(line, modes) for line in waiting}
        platforms = {order.platform_id: order.platform for order in orders}
        context = {
            **admin.site.each_context(request),
            "title": _("Ship orders"),
            "orders": ",".join(str(order.pk) for order in orders),
            "form": form,
            "lines": [line for line in waiting if refusals[line.order.pk] is None],
            "made": made,
            "left_out": _left_out([line.order for line in waiting], refusals),
            "left_out_count": sum(1 for refusal in refusals.values() if refusal),
            "carriers": carrier_lists(orders),
            "notes": [
                writing_context(request, standing)
                for standing in standings(list(platforms.values())).values()
                if standing.is_rehearsal or not standing.is_on
            ],
        }
        return TemplateResponse(request, "shipping/many.html", context)


def _left_out(orders: Iterable[Order], refusals: Mapping[int, CannotShip | None]) -> list[LeftOut]:
    """By reason, that of most orders first. Packages that were not made here are part of a reason, and of each order:
    some are named."""
    found: dict[str, tuple[CannotShip, list[Order], list[str]]] = {}
    for order in orders:
        if refusal := refusals.get(order.pk):
            packages = str(refusal.names.get("packages", ""))
            rest = CannotShip(refusal.code, **refusal.names | {"packages": ""})
            group = found.setdefault(f"{refusal.code} {rest}", (rest, [], []))
            group[1].append(order)
            group[2].append(packages)
    groups = [
        LeftOut(str(CannotShip(rest.code, **rest.names | {"packages": _some(packages)})), those)
        for rest, those, packages in found.values()
    ]
    return sorted(groups, key=lambda each: -len(each.orders))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + ("…" if len(names) > MOST_NAMED else "")


def _refusal_of(line: Line, modes: Mapping[int, str]) -> CannotShip | None:
    """Why all that is left of its order cannot be shipped now; None where it can."""
    order = line.order
    try:
        check_order(order)
        check_platform(order, modes[order.platform_id])
        check_lines(order, None, line.left)
    except CannotShip as refusal:
        return refusal
    return None


def _lines(orders: Sequence[Order], data: Mapping[str, Any]) -> list[Line]:
    """What is the same in many rows is looked up once: two thirds of the page are these rows."""
    leavings, places = leaving({order.platform_id for order in orders}, timezone.now()), _places(orders)
    words, now, thumbnails, lines = Words(), timezone.now(), thumbnails_of(orders), []
    for order in orders:
        pk, left = str(order.pk), left_to_ship(order)
        risk = of_platform(leavings, order.platform_id).risk(order.ship_by)
        line = Line(
            order=order,
            pk=pk,
            href=words.href_of(pk),
            labels=words.labels_of(order.external_id),
            left=left,
            units=_units(order, left, data, words.units),
            badge=risk_badge(risk, order.ship_by, now),
            source="" if order.source == Source.LIVE else source_badge(order.source),
            picture=first_picture(order, thumbnails),
            carriers=places[_site(order)],
            tracking_number=str(data.get(f"tracking_number-{pk}", "")),
            carrier=str(data.get(f"carrier-{pk}", "")),
            service=str(data.get(f"service-{pk}", "")),
        )
        lines.append(line)
    return lines


def _units(order: Order, left: Mapping[str, int | None], data: Mapping[str, Any], label: str) -> list[Units]:
    """All that is left, unless something else was entered. The page sends each line of an order of which a part is
    shipped: pressed twice, that is the same package again, whatever is left by then, and is not made twice."""
    items = order.items.all()
    is_part = bool(data) and any(f"{UNITS}{item.pk}" in data for item in items)
    found = []
    for item in items:
        most = left.get(item.external_id) or 0
        entered = str(data.get(f"{UNITS}{item.pk}", "")) if is_part else str(most)
        if most or entered.strip("0 "):
            name = isolated(item_name(item, item.external_id))
            words = label % {"most": most, "item": name}
            contents = f"{most} × {name}" if most else ""
            found.append(Units(item, f"{UNITS}{item.pk}", words, contents, entered, most))
    return found


def _site(order: Order) -> tuple[str, str]:
    return order.platform.kind, order.marketplace_id


def _places(orders: Iterable[Order]) -> dict[tuple[str, str], int]:
    return {site: place for place, site in enumerate(dict.fromkeys(map(_site, orders)))}


def carrier_lists(orders: Iterable[Order]) -> list[list[str]]:
    """What is suggested as carrier, for each marketplace of the orders."""
    lists = []
    for kind, site in _places(orders):
        channel = CHANNELS.get(kind)
        known = [str(carrier.label) for carrier in carriers_of(channel, site)] if channel else []
        others = [channel.other_carrier] if channel and channel.other_carrier else []
        lists.append([*sorted(known, key=str.casefold), *others])
    return lists


def _last_of(orders: Sequence[Order]) -> dict[str, str]:
    """The carrier that was used last for the platform of the first order."""
    for order in orders[:1]:
        last = last_used(order, recent_carriers(order.platform_id))
        return last and {**last, "carrier": carrier_label(order.platform.kind, last["carrier"])}
    return {}


def _package(line: Line, of_all: Mapping[str, str]) -> Package:
    return Package(
        carrier=line.carrier.strip() or of_all["carrier"],
        carrier_name=of_all["carrier_name"],
        service=line.service.strip() or of_all["service"],
        tracking_number=line.tracking_number,
        lines=line.in_it,
    )


def _set_verdict(line: Line, verdict: Verdict) -> None:
    refusal = verdict.refusal
    line.is_good = verdict.is_good
    line.problem = str(refusal or "")
    line.is_known = refusal is not None and refusal.code == Refusal.MADE_ALREADY
    shipment = refusal.shipment if refusal is not None else verdict.shipment
    line.shipment = shipment if shipment and shipment.pk else None
    if verdict.is_good:
        line.rest = sum(each.most for each in line.units) - sum(verdict.lines.values())


def _tell(request: HttpRequest, made: int) -> None:
    if not made:
        messages.warning(request, _("Nothing was shipped."))
        return
    text = ngettext("%(n)s order was shipped.", "%(n)s orders were shipped.", made)
    messages.success(request, text % {"n": grouped(made)})
