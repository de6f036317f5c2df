"""Reads buyer data, and records in the admin's history who read it and why."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction

from orders.models import Order, OrderBuyer

READ = "Read buyer data."


@transaction.atomic
def read_buyer(order: Order, *, user_id: int, reason: str = "") -> OrderBuyer | None:
    """What is stored of the order's buyer, None where nothing is.

    The reading is recorded, or nothing is returned: where the entry cannot be written, that error is raised.
    """
    buyer = OrderBuyer.objects.filter(order=order).first()
    if buyer is not None:
        LogEntry.objects.log_actions(
            user_id=user_id,
            queryset=[order],
            action_flag=CHANGE,
            change_message=f"{READ} Reason: {reason}" if reason else READ,
            single_object=True,
        )
    return buyer
