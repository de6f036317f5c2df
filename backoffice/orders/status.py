"""The status of an order as a badge, in lists and on pages."""

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.base.cells import badge
from orders.models import Order

COLOURS = {
    Order.Status.PENDING: "info",
    Order.Status.UNSHIPPED: "warning",
    Order.Status.PARTIALLY_SHIPPED: "warning",
    Order.Status.SHIPPED: "success",
    Order.Status.UNFULFILLABLE: "danger",
}


def state_badges(order: Order) -> SafeString:
    """With a second one where the buyer asks to cancel."""
    colour = COLOURS.get(Order.Status(order.status), "") if order.status in Order.Status.values else ""
    shown = badge(order.get_status_display(), colour, title=order.platform_status)
    if order.buyer_requested_cancellation:
        shown += badge(_("cancel?"), "danger", title=_("The buyer asks to cancel."))
    return shown
