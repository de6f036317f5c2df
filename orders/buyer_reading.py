"""Reads buyer data, and records who read it and why."""

from django.db import transaction

from audit.recording import record
from orders.models import Order, OrderBuyer


@transaction.atomic
def read_buyer(order: Order, *, reason: str = "") -> OrderBuyer | None:
    """What is stored of the order's buyer, None where nothing is.

    The reading is recorded, or nothing is returned: where the entry cannot be written, that error is raised.
    """
    buyer = OrderBuyer.objects.filter(order=order).first()
    if buyer is not None:
        record("buyer_data.read", order, reason=reason)
    return buyer
