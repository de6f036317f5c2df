"""Reading again what was read: orders may become visible hours after the update time that they carry, and a window that
begins where the last one ended never asks for them. Two to twelve hours are reported,
https://github.com/jlevers/selling-partner-api/issues/763

at_no_cost    a regular sync of a small account: as far back as its page has room for, for which no call is made more
fits          whether regular syncs do so; for all others schedule/look_backs.py starts runs of their own
"""

from datetime import datetime, timedelta

from django.conf import settings

from integrations.models import SyncLog
from integrations.sync.estimates import records_of_a_page
from orders.listing import in_order
from orders.models import Order
from platforms.models import Platform, Source

# Of a page: the rest is for orders that are new, or become visible.
FILLED = 0.8


def recent() -> timedelta:
    """How far to look back all the time; 0: not at all."""
    return timedelta(hours=settings.ORDERS_LOOK_BACK_HOURS)


def far() -> timedelta:
    """How far to look back now and then; 0: not at all."""
    return timedelta(days=settings.ORDERS_LOOK_BACK_DAYS)


def at_no_cost(log: SyncLog, start: datetime, end: datetime) -> datetime:
    """From when an incremental window reads: earlier than `start` where that makes no call more."""
    earlier = end - recent()
    if log.kind != SyncLog.Kind.ORDERS or not recent() or earlier >= start:
        return start
    return earlier if fits(log.platform, log.kind, earlier) else start


def fits(platform: Platform, kind: str, since: datetime) -> bool:
    """Whether all that is stored since then fits on one page beside what is new."""
    updated = SyncLog(platform=platform, kind=kind, window_by=SyncLog.WindowBy.UPDATED)
    room = int(FILLED * records_of_a_page(updated, Source.LIVE))
    found = in_order(Order.objects.filter(platform_updated_at__gte=since), "source", Source.LIVE)
    stored = in_order(found, "platform_id", platform.pk, nothing=0).order_by()
    return len(stored.values_list("pk", flat=True)[: room + 1]) <= room
