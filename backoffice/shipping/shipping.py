"""The page on which an order is shipped: what is in the package, and who carries it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.shipping.forms import PackageForm
from backoffice.shipping.presentation import SHIP, stop_line
from core.format import format_datetime
from integrations.registry import channel_label
from integrations.shipping.labels import say_unused, say_used, unused_of
from integrations.shipping.making import READ, make_shipment
from integrations.shipping.overview import Standing, standing_of
from integrations.shipping.rules import CannotShip, check_order, nothing_left, package_names
from orders.models import Order, Shipment
from orders.shipments import held_by_others, left_to_ship


def order_to_ship(order: Order) -> Order:
    """The same with all that the rules read."""
    rows = Order.objects.select_related("platform").defer("platform__api_config", "payload")
    return rows.prefetch_related(*READ).get(pk=order.pk)


def why_not(order: Order, draft: Shipment | None = None) -> str:
    """Why the seller cannot ship this order, as a sentence; "" where he can, whatever writing is set to. What is in the
    draft counts as left."""
    try:
        check_order(order, ships_despite_cancellation=True)
    except CannotShip as refusal:
        return str(refusal)
    if any(units is None or units for units in left_to_ship(order, without=draft).values()):
        return ""
    return (
        str(nothing_left(order)) if order.items.all() else _("The platform reported no line of this order.")
    )


def ship_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """GET asks for a package, POST ships it; with `draft`, it is kept and not sent."""
    found: Order | None = model_admin.get_object(request, unquote(object_id))
    if not request.user.has_perm(SHIP) or not model_admin.has_view_permission(request, found):
        raise PermissionDenied
    if found is None:
        raise Http404
    order = order_to_ship(found)
    if request.method == "POST" and {"unused", "used"} & request.POST.keys():
        return _decide_labels(request, order)
    refusal, left = why_not(order), left_to_ship(order)
    form = PackageForm(request.POST if request.method == "POST" else None, order=order, left=left)
    if request.method == "POST" and not refusal and form.is_valid():
        is_draft = "draft" in request.POST
        try:
            package = form.package(is_another="another" in request.POST)
            shipment = make_shipment(order, package, who=request.user.get_username(), is_draft=is_draft)
        except CannotShip as problem:
            form.refuse(problem)
        else:
            messages.success(request, made_line(shipment))
            return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order.pk]))
    standing = standing_of(order.platform)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Ship %(order)s") % {"order": order.external_id},
        "opts": model_admin.opts,
        "original": order,
        "form": form,
        "refusal": refusal,
        **_labels(order),
        **writing_context(request, standing),
    }
    return TemplateResponse(request, "shipping/ship.html", context, status=422 if form.errors else 200)


def _labels(order: Order) -> dict[str, Any]:
    """Packages of others that hold units of an order which can be shipped otherwise, and those that are not used."""
    try:
        check_order(order, ships_despite_cancellation=True)
    except CannotShip:
        return {}
    unused, held = unused_of(order), held_by_others(order)
    said = {(each.unused_by, format_datetime(each.unused_since)) for each in unused}
    return {
        "held": package_names(held),
        "unused": package_names(unused),
        "said": ", ".join(f"{who}, {at}" for who, at in sorted(said)),
        "channel": channel_label(order.platform.kind),
    }


def _decide_labels(request: HttpRequest, order: Order) -> HttpResponse:
    """Labels of others are not used, or are after all; then the page again."""
    if "unused" in request.POST:
        packages = say_unused(order, who=request.user.get_username())
        text = _("Nobody uses %(packages)s: what is in it can be shipped here.")
    else:
        packages = say_used(order)
        text = _("%(packages)s holds its units again.")
    if packages:
        messages.success(request, text % {"packages": package_names(packages)})
    else:
        messages.info(request, _("Nothing was changed."))
    return HttpResponseRedirect(reverse("admin:orders_order_ship", args=[order.pk]))


def writing_context(request: HttpRequest, standing: Standing) -> dict[str, Any]:
    """What a page on which packages are made says of writing to the platform."""
    return {
        "standing": standing,
        "stopped": stop_line(standing),
        "may_switch": request.user.has_perm("integrations.change_writingpolicy"),
    }


def made_line(shipment: Shipment) -> str:
    """What was made, for a message."""
    name = shipment.tracking_number or shipment.package_number
    words = {"order": shipment.order.external_id, "package": name}
    if shipment.state == Shipment.State.DRAFT:
        return _("%(order)s: draft %(package)s is kept, and not sent.") % words
    if shipment.is_rehearsal:
        return _("%(order)s: rehearsal of %(package)s. Nothing is sent.") % words
    return _("%(order)s: shipped as %(package)s, and waits to be sent.") % words


def units_left_line(order: Order) -> str:
    """How much of an order is left to ship now, "" where nothing is. Reads the order anew."""
    left = [units or 0 for units in left_to_ship(order_to_ship(order)).values()]
    text = ngettext("%(n)d unit is left to ship.", "%(n)d units are left to ship.", sum(left))
    return text % {"n": sum(left)} if sum(left) else ""
