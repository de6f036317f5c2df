"""When regular syncs are so far behind that lists have to make orders known: the rule, in one place.

A regular sync waits for quota, and reading what has changed would take more than TOLERATED, or nothing is known of what
has changed for as long. A list is then here in minutes. What takes less, regular syncs bring in time by themselves.

Once lists make orders known, little is unknown since they do. So they go on as long as there is more than LEFT to read,
or to know: otherwise each would end the need for the next one, and the last one's age would be all that counts.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.models import StreamState, SyncLog
from integrations.sync.estimates import records_of_a_page, records_per_second
from integrations.sync.forecast import quota_of
from integrations.sync.windows import OVERLAP
from platforms.models import Platform, Source

ORDERS = SyncLog.Kind.ORDERS
LIMIT = timedelta(minutes=60)  # within which each order is to be known
TOLERATED = timedelta(minutes=30)  # the rest is for the list
LEFT = timedelta(minutes=10)  # while a catch-up is open


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What regular syncs have before them. `known_until`: all that changed before is here, as lists know it at least.
    `pages` are not read yet, and the quota makes it take `takes` to read them; None where nobody can tell.
    `is_waiting`: a regular sync waits for quota."""

    known_until: datetime
    pages: int | None
    takes: timedelta | None
    is_waiting: bool

    def is_behind(self, now: datetime, *, is_open: bool = False) -> bool:
        """`is_open`: a catch-up is, so the question is whether it needs another list."""
        tolerated = LEFT if is_open else TOLERATED
        is_long = self.takes is not None and self.takes > tolerated
        return self.is_waiting and (is_long or now - self.known_until > tolerated)


def backlog_of(platform: Platform, now: datetime | None = None) -> Backlog | None:
    """As things stand; None as long as no orders were read. A few queries; no call."""
    now = now or timezone.now()
    key = SyncLog.open_key_of(platform.pk, ORDERS)
    run = SyncLog.objects.filter(open_key=key, is_incremental=True).select_related("platform").first()
    known_until = known_of(StreamState.of(platform, ORDERS), run)
    if known_until is None:
        return None
    pages = _pages(platform, run, known_until, now)
    quota = quota_of(platform, ORDERS)
    takes = None if pages is None or quota is None else max(0, pages - quota.at_once) * quota.every
    is_waiting = run is not None and run.status == SyncLog.Status.WAITING
    return Backlog(known_until=known_until, pages=pages, takes=takes, is_waiting=is_waiting)


def known_of(state: StreamState, run: SyncLog | None) -> datetime | None:
    """Until when orders are known. While the first sync of all reads, this is where its window ends: what lies in it
    is history."""
    if state.watermark is not None:
        return max(state.watermark, state.known_until or state.watermark)
    if state.known_until is not None:
        return state.known_until
    return run.window_end - OVERLAP if run is not None and run.window_end is not None else None


def _pages(platform: Platform, run: SyncLog | None, known_until: datetime, now: datetime) -> int | None:
    """What the open run has before it, where it brings what is not known, and what has changed since."""
    updated = SyncLog(platform=platform, kind=ORDERS, window_by=SyncLog.WindowBy.UPDATED)
    rate = records_per_second(updated, Source.LIVE)
    if rate is None:
        return None
    left, unread_from = 0, known_until
    if run is not None and run.window_end is not None and run.window_end > known_until:
        left = max(1, (run.pages_expected or 0) - run.pages)
        unread_from = run.window_end
    since = max(0.0, (now - unread_from).total_seconds()) * rate
    return left + math.ceil(since / records_of_a_page(updated, Source.LIVE))
