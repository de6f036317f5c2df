"""The action of the list of orders that makes a pick list of a selection."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.format import grouped
from orders.models import Order, PickList
from orders.packing import MOST, make_list

PACK = "orders.pack_order"


def pick_selected(request: HttpRequest, orders: QuerySet[Order]) -> HttpResponse | None:
    """The action of the list of orders: a pick list of the selection, or messages that say why there is none."""
    if not request.user.has_perm(PACK):
        raise PermissionDenied
    chosen = list(orders.order_by("ship_by", "pk")[: MOST + 1])
    if len(chosen) > MOST:
        text = _("A pick list takes %(most)d orders at most. Choose fewer, such as those that are due first.")
        messages.error(request, text % {"most": MOST})
        return None
    made = make_list(chosen, request.user.get_username())
    for pick in made.elsewhere:
        text = _("%(order)s is on pick list %(list)s of %(who)s already, and was left out.")
        words = {"order": pick.order.external_id, "list": pick.pick_list_id, "who": pick.pick_list.made_by}
        messages.warning(request, text % words)
    if made.not_to_ship:
        text = ngettext(
            "%(count)s order was left out: there is nothing for you to ship.",
            "%(count)s orders were left out: there is nothing for you to ship.",
            len(made.not_to_ship),
        )
        messages.warning(request, text % {"count": grouped(len(made.not_to_ship))})
    return to_list(made.pick_list) if made.pick_list else None


def to_list(pick_list: PickList) -> HttpResponse:
    return HttpResponseRedirect(page_of(pick_list))


def page_of(pick_list: PickList) -> str:
    return reverse("admin:orders_picklist_change", args=[pick_list.pk])
