"""The status of an order as a badge, in lists and on pages."""

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.base.cells import badge, label_of
from orders.models import Order

COLOURS: dict[str, str] = {
    Order.Status.PENDING: "info",
    Order.Status.UNSHIPPED: "warning",
    Order.Status.PARTIALLY_SHIPPED: "warning",
    Order.Status.SHIPPED: "success",
    Order.Status.UNFULFILLABLE: "danger",
}


def state_badges(order: Order) -> SafeString:
    """With a second one where the buyer asks to cancel."""
    status = label_of(Order.Status, order.status)
    shown = badge(status, COLOURS.get(order.status, ""), title=order.platform_status)
    if order.buyer_requested_cancellation:
        shown += badge(_("cancel?"), "danger", title=_("The buyer asks to cancel."))
    return shown
