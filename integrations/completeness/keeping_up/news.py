"""What a list by order date says that is newer than what is stored: of its orders, hardly any is.

Such a list is read again and again, with all orders of its span. So they are told apart by their times alone, before
anything else is made of their rows.
"""

from collections.abc import Sequence
from datetime import datetime

from integrations.completeness.history.listing import Listed
from integrations.models import CatchUp
from orders.models import Order
from orders.records import ReportedLine
from platforms.models import Source


def news_of(catch_up: CatchUp, listed: Listed) -> Listed:
    """Those of these orders that changed since the catch-up began, and of which no version is stored that is as new, by
    whole seconds. One query at most. What changed before is left to audits, since no catch-up fetches it in full; rows
    that say too little are left to lists by last update."""
    since, changed = catch_up.window_start, dict[str, datetime]()
    for order_id, rows in listed.items():
        at = _last_change(rows) if rows else None
        if at is not None and at >= since:
            changed[order_id] = at
    if not changed:
        return {}
    stored = Order.objects.filter(
        platform=catch_up.platform_id, source=Source.LIVE, external_id__in=list(changed)
    )
    for order_id, at in stored.order_by().values_list("external_id", "platform_updated_at"):
        if at is not None and changed[order_id].replace(microsecond=0) <= at.replace(microsecond=0):
            del changed[order_id]
    return {order_id: listed[order_id] for order_id in changed}


def _last_change(rows: Sequence[ReportedLine]) -> datetime | None:
    times = [row.updated_at for row in rows if row.updated_at is not None]
    return max(times, default=None)
