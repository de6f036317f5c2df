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
    """With more where the buyer asks to cancel, and where the order, or what is newest of it, is known by a report
    alone."""
    status = label_of(Order.Status, order.status)
    shown = badge(status, COLOURS.get(order.status, ""), title=order.platform_status)
    if order.buyer_requested_cancellation:
        shown += badge(_("cancel?"), "danger", title=_("The buyer asks to cancel."))
    if order.completeness == Order.Completeness.REPORT:
        shown += badge(
            _("known by report alone"),
            "",
            title=_("Known by a report of the platform alone: details follow."),
        )
    elif not order.is_full:
        title = _("The status is from a report of the platform, newer than the details: these follow.")
        shown += badge(_("newer by report"), "", title=title)
    return shown
