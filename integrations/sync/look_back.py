"""Reading again what was read: orders may become visible hours after the update time that they carry, and a window that
begins where the last one ended never asks for them. Two to twelve hours are reported,
https://github.com/jlevers/selling-partner-api/issues/763

at_no_cost    a regular sync of a small account: as far back as its page has room for, for which no call is made more
fits          whether regular syncs do so; for all others schedule/look_backs.py starts runs of their own
late_lines    what was not read again for too long, since no quota was free
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.database.listing import in_order
from core.format import format_datetime, grouped
from integrations.models import StreamState, SyncLog
from integrations.registry import channel_label
from integrations.sync.datasets import credentials_since
from integrations.sync.estimates import records_of_a_page
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


def span_of(lane: str) -> timedelta:
    return recent() if lane == SyncLog.Lane.RECENT else far()


def done_until(state: StreamState, lane: str, log: SyncLog | None) -> datetime:
    """Up to when look-backs of this lane have read again. `log` is the last of them, None where there was none or
    regular syncs did it. Without any: since when the platform has its credentials."""
    entry = state.look_backs.get(lane, {})
    if log is not None and log.status in SyncLog.GOOD and log.window_end is not None:
        return log.window_end
    if entry:
        return datetime.fromisoformat(entry.get("done", entry["at"]))
    return max(state.platform.created_at, credentials_since(state.platform))


def late_lines(platform: Platform) -> Iterator[str]:
    """For each lane whose last look-back is longer ago than it reaches back, so that orders slip through: since when,
    why, and what to do. Nothing where nothing is synced by schedule. Two queries where all is well."""
    state, now = StreamState.of(platform, SyncLog.Kind.ORDERS), timezone.now()
    is_listed = state.known_until is not None  # lists read it again
    if state.watermark is None or is_listed or not platform.is_active or state.interval_minutes == 0:
        return
    ids = [entry.get("log") for entry in state.look_backs.values()]
    logs = SyncLog.objects.defer("checkpoint", "notes").in_bulk([pk for pk in ids if pk])
    for lane in (SyncLog.Lane.RECENT, SyncLog.Lane.FAR):
        log = logs.get(state.look_backs.get(lane, {}).get("log", 0))
        done, span = done_until(state, lane, log), span_of(lane)
        if not span or now - done <= span:
            continue
        if lane == SyncLog.Lane.RECENT and fits(platform, state.stream, state.watermark - span):
            continue
        yield _late_line(platform, span, done, log)


def _late_line(platform: Platform, span: timedelta, done: datetime, log: SyncLog | None) -> str:
    days, hours = span.days, int(span.total_seconds() // 3600)
    length = ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    if days > 1:
        length = ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    text = _(
        "Orders of the last %(span)s were read again for the last time at %(done)s, so orders that %(channel)s has "
        "listed late since then may be missing. They are read with the calls that regular syncs leave, and with one in "
        "twenty at least. If this stays, sync orders less often, or sync that time span by hand."
    )
    words = {"span": length, "done": format_datetime(done), "channel": channel_label(platform.kind)}
    if log is None or not log.is_open:
        return text % words
    standing = ngettext(
        "Sync #%(id)s reads them, and has read %(pages)s page so far.",
        "Sync #%(id)s reads them, and has read %(pages)s pages so far.",
        log.pages,
    )
    return f"{text % words} {standing % {'id': log.pk, 'pages': grouped(log.pages)}}"


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
