"""What people do about a shipment that is made: send a draft, change it, correct it, try again, give it up."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.model_admin import safe_next
from backoffice.shipping.forms import PackageForm
from backoffice.shipping.shipping import order_to_ship
from integrations.shipping.correcting import cancel_draft, correct_tracking, queue_draft, retry_shipment
from integrations.shipping.rules import CannotShip, Package
from orders.models import Order, Shipment
from orders.shipments import left_to_ship

State = Shipment.State
# With what is in the form; of a draft that is kept, and of a correction, the lines do not count.
WITH_FORM: dict[str, Callable[[Shipment, Package], Shipment]] = {
    "send": queue_draft,
    "correct": correct_tracking,
}
DONE = {
    "send": gettext_lazy("The shipment waits to be sent."),
    "correct": gettext_lazy("The shipment is corrected, and sent again under its number."),
    "keep": gettext_lazy("The draft is kept, and not sent."),
    "retry": gettext_lazy("The shipment is sent again, under its number."),
    "cancel": gettext_lazy("The shipment is given up. Its units are left to ship again."),
    "delete": gettext_lazy("The draft is deleted."),
}


def act(request: HttpRequest, shipment: Shipment) -> HttpResponse | PackageForm:
    """Do what the form asks for: the page again, or the form with the reason why it was refused."""
    action = request.POST.get("action", "")
    if action in WITH_FORM:
        form = form_of(shipment, request.POST)
        if not form.is_valid():
            return form
        try:
            done = WITH_FORM[action](shipment, form.package())
        except CannotShip as refusal:
            form.refuse(refusal)
            return form
        is_kept = action == "correct" and done.state == State.DRAFT
        return _done(request, shipment, "keep" if is_kept else action)
    try:
        if action == "retry":
            retry_shipment(shipment, ships_despite_cancellation="ships_despite_cancellation" in request.POST)
        elif action == "cancel":
            cancel_draft(shipment)
        else:
            messages.error(request, _("Nothing was changed."))
            return _page(request, shipment)
    except CannotShip as refusal:
        messages.error(request, str(refusal))
        return _page(request, shipment)
    return _done(
        request, shipment, "delete" if action == "cancel" and shipment.state == State.DRAFT else action
    )


def form_of(shipment: Shipment, data: object = None, order: Order | None = None) -> PackageForm:
    """A draft has lines to choose, too."""
    order = order or order_to_ship(shipment.order)
    left = left_to_ship(order, without=shipment) if shipment.state == State.DRAFT else None
    return PackageForm(data, order=order, left=left, shipment=shipment)


def _done(request: HttpRequest, shipment: Shipment, action: str) -> HttpResponse:
    messages.success(request, f"{shipment}: {DONE[action]}")
    return _page(request, shipment)


def _page(request: HttpRequest, shipment: Shipment) -> HttpResponse:
    return HttpResponseRedirect(
        safe_next(request) or reverse("admin:orders_shipment_change", args=[shipment.pk])
    )
