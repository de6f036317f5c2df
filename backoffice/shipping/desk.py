"""The shipping desk: one packed order after the other, the most urgent first. Type or scan the tracking number: Enter
ships the order and shows the next one."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from access.confinement import visible_platforms, within
from backoffice.base.cells import source_badge
from backoffice.base.channels import channels_in_use, site_flag
from backoffice.orders.status import state_badges
from backoffice.shipping.acting import form_of
from backoffice.shipping.forms import PackageForm
from backoffice.shipping.presentation import SHIP, explain
from backoffice.shipping.risk import SHORT, risk_badge, risk_line, ship_by_line
from backoffice.shipping.shipping import made_line, order_to_ship, units_left_line, why_not, writing_context
from core.database.counting import count_up_to
from core.text import is_storable
from integrations.shipping import desk
from integrations.shipping.correcting import queue_draft
from integrations.shipping.desk import Waiting
from integrations.shipping.making import make_shipment
from integrations.shipping.overview import standing_of
from integrations.shipping.rules import CannotShip, read_tracking
from orders.listing import of_visible
from orders.models import Order, Shipment
from orders.risk import Risk
from orders.shipments import left_to_ship
from platforms.models import Platform, Source

LATER = "oms_desk_later"  # in the session: orders that were put off
MOST_LATER, MOST_SHOWN, MOST_COUNTED = 200, 12, 999
MOST_BACK, MOST_REASONS = 20, 5  # shipments that came back, and what is said of them
State = Shipment.State
LISTS: dict[str, tuple[Promise, str, dict[str, str]]] = {
    "to_ship": (gettext_lazy("To ship"), "admin:orders_order_changelist", {"to_ship": "any"}),
    "packed": (gettext_lazy("Packed"), "shipping-desk", {}),
    "sent": (gettext_lazy("Sent, not confirmed"), "admin:orders_shipment_changelist", {"state__in": State.SENT}),
    "rejected": (gettext_lazy("Rejected"), "admin:orders_shipment_changelist", {"state__in": State.REJECTED}),
    "unverified": (gettext_lazy("Unverified"), "admin:orders_shipment_changelist", {"state__in": State.UNVERIFIED}),
}  # fmt: skip


class ShippingDesk(View):
    """GET shows the next order, or the one that `order` names; POST does what was pressed, and shows the next one."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(SHIP):
            raise PermissionDenied
        self.who = request.user.get_username()
        self.visible = visible_platforms(request)
        self._read = cache(
            lambda pk: order_to_ship(Order(pk=pk))
        )  # as it was when the next one was looked for
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        queue = desk.waiting(self.visible)
        asked = request.GET.get("order", "")
        current = self._asked(queue, asked) if asked else self._next(request, queue)
        if asked and current is None:
            self._tell_gone(request)
            return _to_desk()
        return self._page(request, queue, current)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "again" in request.POST:
            request.session[LATER] = []
            return _to_desk()
        queue = desk.waiting(self.visible)
        current = self._asked(queue, request.POST.get("order", ""), takes_over="take" in request.POST)
        if current is None:
            self._tell_gone(request)
            return _to_desk()
        if "take" in request.POST:
            return _to_desk(current.order_id)
        if "later" in request.POST:
            return self._put_off(request, current)
        if not current.is_free_for(self.who):
            words = {"order": current.external_id, "who": current.held_by}
            messages.warning(request, _("%(order)s: %(who)s has it in hand. Nothing was shipped.") % words)
            return _to_desk()
        if answer := self._scanned(request, queue, request.POST.get("tracking_number", "")):
            return answer
        return self._ship(request, queue, current)

    def _tell_gone(self, request: HttpRequest) -> None:
        """It does not wait any more: it was shipped by whoever asks, who clicked twice, or by somebody else."""
        order, number = request.POST.get("order", ""), read_tracking(request.POST.get("tracking_number", ""))
        mine = within(Shipment.objects.filter(made_by=self.who, tracking_number=number), self.visible)
        is_asked = order.isascii() and order.isdigit() and is_storable(number) and number
        found = mine.filter(order=int(order[:18])).select_related("order").last() if is_asked else None
        if found is not None:
            messages.success(request, made_line(found))
            return
        messages.warning(request, _("This order does not wait at the desk any more. Nothing was shipped."))

    def _asked(self, queue: Sequence[Waiting], asked: str, *, takes_over: bool = False) -> Waiting | None:
        """The one with this id, in hand of who asks, unless somebody else has it."""
        current = next((each for each in queue if str(each.order_id) == asked), None)
        if current is not None and (takes_over or current.is_free_for(self.who)):
            desk.take(current.order_id, self.who, from_others=takes_over)
        return current

    def _next(self, request: HttpRequest, queue: Sequence[Waiting]) -> Waiting | None:
        """The most urgent one, in hand of who asks. What turns out to have nothing left is passed over."""
        passed = list(request.session.get(LATER, ()))
        while current := desk.first_for(self.who, queue, passed):
            if current.draft or not why_not(self._read(current.order_id)):
                return current
            desk.let_go(current.order_id, self.who)
            passed.append(current.order_id)
        return None

    def _put_off(self, request: HttpRequest, current: Waiting) -> HttpResponse:
        desk.let_go(current.order_id, self.who)
        put_off = [*request.session.get(LATER, ()), current.order_id]
        request.session[LATER] = put_off[-MOST_LATER:]
        return _to_desk()

    def _scanned(self, request: HttpRequest, queue: Sequence[Waiting], code: str) -> HttpResponse | None:
        """The page of another order, where its id was scanned into the field; an order's id is no tracking number."""
        code = code.strip()
        found = next((each for each in queue if each.external_id == code), None)
        if found is not None:
            return _to_desk(found.order_id)
        if not any(
            channel.read_order_id(code) == code.upper() for channel in channels_in_use(request) if code
        ):
            return None
        messages.error(request, f"{code}: {self._why_not_here(code)}")
        return _to_desk(request.POST.get("order", ""))

    def _why_not_here(self, external_id: str) -> str:
        orders = within(Order.objects.filter(external_id=external_id.upper()), self.visible)
        order = orders.filter(platform__in=list(Platform.objects.values_list("pk", flat=True))).first()
        if order is None:
            return _("no such order is stored. Nothing was shipped.")
        return why_not(order_to_ship(order)) or _("it is not packed yet. Nothing was shipped.")

    def _ship(self, request: HttpRequest, queue: Sequence[Waiting], current: Waiting) -> HttpResponse:
        order = order_to_ship(Order(pk=current.order_id))
        draft = Shipment.objects.get(pk=current.draft) if current.draft else None
        form = _form(order, draft, request.POST)
        if form.is_valid() and not self._is_of_another(request, order, form):
            try:
                shipment = self._made(request, order, current, form)
            except CannotShip as refusal:
                form.refuse(refusal)
            else:
                return self._shipped(request, order, shipment)
        return self._page(request, queue, current, order=order, form=form)

    def _is_of_another(self, request: HttpRequest, order: Order, form: PackageForm) -> bool:
        """Whether the tracking number is another order's already, and nobody says that this is meant."""
        if "same_number" in request.POST:
            return False
        other = desk.used_by(form.cleaned_data["tracking_number"], order, self.visible)
        if other:
            text = _("Order %(order)s has this tracking number already. Was it scanned twice?")
            form.add_error("tracking_number", text % {"order": other})
            form.is_of_another = True
        return bool(other)

    def _made(self, request: HttpRequest, order: Order, current: Waiting, form: PackageForm) -> Shipment:
        """Raises CannotShip."""
        package = form.package(is_another="another" in request.POST)
        if current.draft:
            return queue_draft(Shipment.objects.get(pk=current.draft), package)
        return make_shipment(order, package, who=self.who)

    def _shipped(self, request: HttpRequest, order: Order, shipment: Shipment) -> HttpResponse:
        """To the next order; or to the same one, where something of it is left."""
        shipment.order = order
        left = "" if shipment.is_rehearsal else units_left_line(order)
        messages.success(request, f"{made_line(shipment)} {left}".strip())
        if left:
            return _to_desk(order.pk)
        desk.let_go(order.pk, self.who)
        return _to_desk()

    def _page(
        self,
        request: HttpRequest,
        queue: Sequence[Waiting],
        current: Waiting | None,
        order: Order | None = None,
        form: PackageForm | None = None,
    ) -> HttpResponse:
        put_off = request.session.get(LATER, ())
        context = {
            **admin.site.each_context(request),
            "title": _("Shipping desk"),
            "lists": list(self._lists(len(queue))),
            "is_capped": len(queue) >= desk.MOST,
            "may_switch": request.user.has_perm("integrations.change_writingpolicy"),
            "risks": self._risks(),
            "following": self._following(queue, current),
            "put_off": sum(1 for each in queue if each.order_id in put_off),
            "held": sum(1 for each in queue if not each.is_free_for(self.who)),
            "back": self._back(),
        }
        if current is None:
            context["served"] = bool(desk.served(self.visible))
        else:
            order = order or self._read(current.order_id)
            context |= self._current(request, current, order, form)
        status = 422 if form is not None and form.errors else 200
        return TemplateResponse(request, "shipping/desk.html", context, status=status)

    def _following(self, queue: Sequence[Waiting], current: Waiting | None) -> list[dict[str, Any]]:
        """What comes next; of each, who else has it in hand."""
        return [
            _row(each) | {"held_by": "" if each.is_free_for(self.who) else each.held_by}
            for each in queue[: MOST_SHOWN + 1]
            if each != current
        ][:MOST_SHOWN]

    def _current(
        self, request: HttpRequest, current: Waiting, order: Order, form: PackageForm | None
    ) -> dict[str, Any]:
        draft = Shipment.objects.get(pk=current.draft) if current.draft else None
        return {
            "current": _row(current),
            "refusal": why_not(order, draft) if draft else "",  # what is packed has something left
            "is_mine": current.is_free_for(self.who),
            "order": order,
            "badges": [
                state_badges(order),
                *([] if order.source == Source.LIVE else [source_badge(order.source)]),
            ],
            "site": site_flag(order.platform, order.marketplace_id),
            "ship_by": ship_by_line(order.platform, order.marketplace_id, current.ship_by),
            "risk_line": risk_line(current.risk, current.leaving, current.ship_by),
            "form": form or _form(order, draft),
            **writing_context(request, standing_of(order.platform)),
        }

    def _lists(self, packed: int) -> Iterator[dict[str, Any]]:
        to_ship, _is_all = count_up_to(of_visible(Order.objects.to_ship(), self.visible), MOST_COUNTED)
        counts = {"to_ship": to_ship, "packed": packed}
        for state in (State.SENT, State.REJECTED, State.UNVERIFIED):
            rows = within(Shipment.objects.filter(state=state), self.visible)
            counts[state], _is_all = count_up_to(rows.order_by(), MOST_COUNTED)
        for name, (label, route, query) in LISTS.items():
            count = counts[name]
            yield {
                "label": label,
                "address": f"{reverse(route)}?{urlencode(query)}" if query else reverse(route),
                "count": f"{number_format(min(count, MOST_COUNTED))}{'+' if count > MOST_COUNTED else ''}",
                "is_current": name == "packed",
                "is_alarming": name in ("rejected", "unverified") and count > 0,
            }

    def _risks(self) -> list[dict[str, Any]]:
        counts = desk.risks(self.visible)
        orders = reverse("admin:orders_order_changelist")
        return [
            {
                "label": SHORT[risk],
                "risk": risk.value,
                "count": counts[risk],
                "address": f"{orders}?risk={risk.value}",
            }
            for risk in (Risk.LATE, Risk.MISSES, Risk.DUE, Risk.LATER)
        ]

    def _back(self) -> list[dict[str, Any]]:
        """What came back from the platform, newest first: shipments with the same explanation, and it once."""
        rows = within(Shipment.objects.filter(state__in=(State.REJECTED, State.UNVERIFIED)), self.visible)
        rows = rows.filter(is_rehearsal=False).select_related("order", "platform").order_by("-pk")
        found: dict[Any, dict[str, Any]] = {}
        for shipment in rows.defer("platform__api_config", "order__payload")[:MOST_BACK]:
            explanation = explain(shipment, None)
            key = (shipment.state, explanation.text, explanation.advice)
            group = found.setdefault(key, {"explanation": explanation, "shipments": []})
            group["shipments"].append(shipment)
        return list(found.values())[:MOST_REASONS]


def _form(order: Order, draft: Shipment | None, data: Any = None) -> PackageForm:
    if draft is not None:
        return form_of(draft, data, order=order)
    return PackageForm(data, order=order, left=left_to_ship(order))


def _row(each: Waiting) -> dict[str, Any]:
    return {"waiting": each, "badge": risk_badge(each.risk, each.ship_by)}


def _to_desk(order: int | str = "") -> HttpResponse:
    query = f"?order={order}" if order else ""
    return HttpResponseRedirect(f"{reverse('shipping-desk')}{query}")
