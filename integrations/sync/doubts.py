"""When an answer without any order is not believed: platforms have answered so for several marketplaces at once while
they listed orders for each alone (docs/decisions/0012-an-empty-answer-is-doubted.md).

Two signs, both cheap:

    contradiction   orders are stored that were updated (or created) in the window; they do not vanish from it
    silence         by earlier syncs, EXPECTED orders should have come since the last one came, or twice, four times as
                    many: at each of these moments once, so a shop that is closed costs a handful of calls in all
"""

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from core.database.listing import in_order
from integrations.models import SyncLog
from orders.models import Order
from platforms.models import Source

EXPECTED = 10  # by chance, none of ten comes once in 22,000 times
LOOKED_AT = 200  # earlier syncs: two days at an interval of 15 minutes
LEAST_KNOWN = timedelta(hours=12)  # so long orders must have been synced


class _Run(NamedTuple):
    start: datetime
    end: datetime
    news: int  # new and changed orders


def doubted_from(log: SyncLog, parts: Collection[str]) -> datetime | None:
    """From when on these parts of the scope are asked one by one if they have no order together; None: that is
    believed. `log` has a settled window.
    """
    if log.window_start is None or log.window_end is None:
        return None
    if _has_stored(log, parts, log.window_start, log.window_end):
        return log.window_start
    silent_since = _silent_since(log, log.window_end) if log.is_incremental else None
    return None if silent_since is None else min(silent_since, log.window_start)


def _has_stored(log: SyncLog, parts: Collection[str], start: datetime, end: datetime) -> bool:
    time = "platform_updated_at" if log.window_by == SyncLog.WindowBy.UPDATED else "purchased_at"
    # By the time, of which there are few orders, and not by what most orders share.
    in_window = Order.objects.filter(**{f"{time}__gte": start, f"{time}__lt": end}, marketplace_id__in=parts)
    live = in_order(in_window, "source", Source.LIVE)
    return in_order(live, "platform_id", log.platform_id, nothing=0).order_by().exists()


def _silent_since(log: SyncLog, now: datetime) -> datetime | None:
    """The end of the last run that brought orders, if this silence is just getting odd."""
    columns = ("window_start", "window_end", "created", "updated")
    rows = SyncLog.objects.filter(
        platform=log.platform_id, kind=log.kind, status__in=SyncLog.GOOD, source=Source.LIVE, is_incremental=True,
        pk__lt=log.pk,
    ).order_by("-pk").values_list(*columns)[:LOOKED_AT]  # fmt: skip
    runs = [_Run(start, end, new + changed) for start, end, new, changed in rows if start and end]
    loud = [run for run in runs if run.news]
    if not loud or loud[0].end - min(run.start for run in runs) < LEAST_KNOWN:
        return None
    since = loud[0].end
    span = since - min(run.start for run in loud)
    per_second = sum(run.news for run in loud) / span.total_seconds()
    before = max(run.end for run in runs)
    is_new = _oddness(per_second, now - since) > _oddness(per_second, before - since)
    return since if is_new else None


def _oddness(per_second: float, silence: timedelta) -> int:
    """0 where fewer than EXPECTED orders should have come in this time, then 1, 2 for twice as many, and so on."""
    expected = per_second * max(silence.total_seconds(), 0.0)
    return 0 if expected < EXPECTED else 1 + int(math.log2(expected / EXPECTED))
