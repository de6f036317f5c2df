"""Estimates how many pages a run will have: at its start, in the way of its stream, and while it runs."""

import math
from datetime import datetime
from typing import NamedTuple

from django.db.models import Min, QuerySet

from core.database.listing import in_order
from integrations.models import StreamState, SyncLog
from orders.models import Order

COMPLETE = (*SyncLog.GOOD, SyncLog.Status.FALLBACK)
RECENT = 20  # runs that a guess looks back on
ALIKE = 10  # windows up to so many times longer or shorter are compared
FULL_PAGE = 100  # records, where no run had a second page


class _Run(NamedTuple):
    """An earlier orders sync. It read `fetched` records of a window of `seconds`."""

    seconds: float
    fetched: int
    pages: int


def guess_like_last_run(log: SyncLog, source: str) -> int | None:
    """As many as in the newest complete run of the same request; None if there was none."""
    sweeps = _earlier(log, source).values_list("skus", "pages")[:RECENT]
    return next((pages for skus, pages in sweeps if pages and skus == log.skus), None)


def guess_by_window(log: SyncLog, source: str) -> int | None:
    """By the length of the orders window, once it is settled; None if nothing is known."""
    runs = _earlier_windows(log, source)
    records = _guess_orders(log, source, runs)
    return None if records is None else max(1, math.ceil(records / _records_of_a_page(runs)))


def guess_orders(log: SyncLog, source: str) -> int | None:
    """About how many orders a settled window has; None if nothing is known."""
    return _guess_orders(log, source, _earlier_windows(log, source))


def _guess_orders(log: SyncLog, source: str, runs: list[_Run]) -> int | None:
    if log.window_start is None or log.window_end is None:
        return None
    records = _guess_records(log, source, log.window_start, log.window_end, runs)
    return None if records is None else round(records)  # a window that is a second longer has no order more


def _earlier_windows(log: SyncLog, source: str) -> list[_Run]:
    columns = _earlier(log, source).values_list("window_start", "window_end", "fetched", "pages")[:RECENT]
    return [
        _Run((end - start).total_seconds(), fetched, pages)
        for start, end, fetched, pages in columns
        if start is not None and end is not None
    ]


def _earlier(log: SyncLog, source: str) -> QuerySet[SyncLog]:
    """Complete runs of the same stream, newest first."""
    return SyncLog.objects.filter(
        platform=log.platform_id, kind=log.kind, source=source, status__in=COMPLETE, window_by=log.window_by
    ).order_by("-pk")


def _guess_records(
    log: SyncLog, source: str, start: datetime, end: datetime, runs: list[_Run]
) -> float | None:
    """By windows that were about as long; where there was none, by what is stored of this window and what came since.

    An order that changed three times is listed once: a month holds fewer orders than its hours added up.
    """
    seconds = (end - start).total_seconds()
    alike = [run for run in runs if seconds / ALIKE <= run.seconds <= seconds * ALIKE]
    if alike:
        return _per_second(alike) * seconds
    stored = stored_in(log.platform_id, source, log.window_by, start, end).count() * _share_unread(
        log, start, end
    )
    complete_until = StreamState.of(log.platform, log.kind).watermark or start
    new_from = min(max(start, complete_until), end)
    new = _per_second(runs) * (end - new_from).total_seconds()
    return max(stored, new) if runs or stored else None


def stored_in(platform_id: int, source: str, by: str, start: datetime, end: datetime) -> QuerySet[Order]:
    """The stored orders of a window."""
    time = "platform_updated_at" if by == SyncLog.WindowBy.UPDATED else "purchased_at"
    # By the time, of which there are few orders, and not by platform and source, which most of them may share.
    found = in_order(Order.objects.filter(**{f"{time}__gte": start, f"{time}__lt": end}), "source", source)
    return in_order(found, "platform_id", platform_id, nothing=0)


def _share_unread(log: SyncLog, start: datetime, end: datetime) -> float:
    """How many times more than is stored a window may hold, since it begins before anything that was read."""
    known = [
        SyncLog.objects.filter(platform=log.platform_id, kind=log.kind, status__in=COMPLETE).aggregate(
            first=Min("window_start")
        )["first"],
        Order.objects.filter(platform=log.platform_id, purchased_at__isnull=False)
        .order_by("purchased_at")
        .values_list("purchased_at", flat=True)
        .first(),
    ]
    first = min((moment for moment in known if moment is not None), default=start)
    return (end - start) / (end - first) if start < first < end else 1.0


def _per_second(runs: list[_Run]) -> float:
    seconds = sum(run.seconds for run in runs)
    return sum(run.fetched for run in runs) / seconds if seconds > 0 else 0.0


def records_per_second(log: SyncLog, source: str) -> float | None:
    """How many records change in a second, by earlier runs of this platform and stream; None where there was none."""
    return _per_second(_earlier_windows(log, source)) or None


def records_of_a_page(log: SyncLog, source: str) -> float:
    """The usual number of records on a page of this platform and stream, by earlier runs."""
    columns = _earlier(log, source).values_list("fetched", "pages")[:RECENT]
    return _records_of_a_page([_Run(0.0, fetched, pages) for fetched, pages in columns])


def _records_of_a_page(runs: list[_Run]) -> float:
    """The usual number of records on a page, from runs of several pages; the last page of each is shorter."""
    return max((run.fetched / run.pages for run in runs if run.pages > 1 and run.fetched), default=FULL_PAGE)


def pages_expected(log: SyncLog) -> int | None:
    """The estimated number of pages of the run, None if unknown. While it is open, at least one more than was read."""
    if log.pages_expected is None or not log.is_open:
        return log.pages_expected
    return max(log.pages_expected, log.pages + 1)
