"""Sums of what was sold, kept by platform and day, for the report of sales (sales_stored.py).

A day is that of UTC. On the first and the last day of a month, where a month ends in some time zone, sums are kept by
half hour, so that they add up to the months of every zone; where they do not, the orders of that day are read.

Nothing here can be out of date. Whoever writes orders marks their days in the same transaction (`mark_changed`), and a
marked day is read from its orders, until the scheduler has counted it anew (`count_due`). Both hold the platform
meanwhile, so that a day is never counted while its orders change.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from core.database.bulk import BulkInsert, one_of
from core.database.listing import in_order
from core.database.spans import midnight, number_of_span
from orders.models import Order, SalesDay, SalesMonth, SummedLines, SummedOrders
from orders.sales_sums import PAYER, PLACE, Key, Lines, Orders, sums_of_lines, sums_of_orders
from platforms.locks import hold_platform
from platforms.models import Platform, Source

KEPT_DAYS = 25 * 31  # the months of the longest report, and the current one
AT_ONCE = 4  # days that are counted in one transaction, which keeps syncs of the platform waiting
SECONDS = 2.0  # at one turn
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OLDEST, NEWEST = date.min + 2 * DAY, date.max - 2 * DAY  # beyond them, no calendar has the days beside them
# How far zones are from UTC: half hours from 12 hours behind to 14 ahead; and Eucla, Nepal, the Chatham Islands.
OFFSETS = (
    *(HOUR / 2 * number for number in range(-24, 29)),
    *(HOUR * hours for hours in (5.75, 8.75, 12.75, 13.75)),
)

_write_orders = BulkInsert(
    SummedOrders, fields=("platform", "starts_at", *PLACE[1:], *(field.name for field in fields(Orders)))
)
_write_lines = BulkInsert(
    SummedLines,
    fields=("platform", "starts_at", *PLACE[1:], *PAYER, *(field.name for field in fields(Lines))),
)


def mark_changed(platform_id: int, purchases: Iterable[datetime]) -> None:
    """Orders that were purchased at these times have changed, came or went. Within the transaction that writes them,
    which holds the platform."""
    days = {purchase.astimezone(UTC).date() for purchase in purchases}
    if not days:
        return
    quote = connection.ops.quote_name
    among, parameters = one_of(connection, sorted(day.isoformat() for day in days))
    # Without the ORM, which takes several times as long: this is done with every page of a sync.
    sql = (
        f"UPDATE {quote(SalesDay._meta.db_table)} SET {quote('is_counted')} = %s "  # noqa: S608
        f"WHERE {quote('platform_id')} = %s AND {quote('day')} {among} AND {quote('is_counted')} = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [False, platform_id, *parameters, True])


def count_due(*, seconds: float = SECONDS, now: datetime | None = None) -> int:
    """Count days that were marked, or never counted, newest first, for a while. Returns how many were counted.

    Raises DatabaseError.
    """
    end, counted = time.monotonic() + seconds, 0
    last = (now or timezone.now()).astimezone(UTC).date()
    first = last - timedelta(days=KEPT_DAYS - 1)
    for platform_id in _unfinished(first, last):
        for days in _pieces(_due_days(platform_id, first, last), _first_day(platform_id)):
            if time.monotonic() >= end:
                return counted
            _count(platform_id, days)
            counted += len(days)
    return counted


def cuts(day: date) -> list[datetime]:
    """Where the sums of a day begin: with it alone, unless a month begins on it in some zone."""
    begin = midnight(day, UTC)
    months = {begin for begin in (begin, begin + DAY) if begin.day == 1}
    starts = {month - offset for month in months for offset in OFFSETS}
    return sorted({begin, *(start for start in starts if begin <= start < begin + DAY)})


def _unfinished(first: date, last: date) -> list[int]:
    """Platforms of which a day is to be counted. Three queries."""
    counted = dict(
        SalesDay.objects.filter(is_counted=True, day__gte=first, day__lte=last)
        .values_list("platform")
        .annotate(Count("pk"))
    )
    marked = set(SalesDay.objects.filter(is_counted=False).values_list("platform", flat=True).distinct())
    ids = Platform.objects.order_by("pk").values_list("pk", flat=True)
    return [pk for pk in ids if pk in marked or counted.get(pk, 0) < KEPT_DAYS]


def _due_days(platform_id: int, first: date, last: date) -> list[date]:
    """Marked ones, and those of the window that were never counted; newest first."""
    known = dict(SalesDay.objects.filter(platform=platform_id).values_list("day", "is_counted"))
    window = {first + timedelta(days=number) for number in range((last - first).days + 1)}
    marked = {day for day, is_counted in known.items() if not is_counted}
    due = marked | (window - known.keys())
    return sorted((day for day in due if OLDEST <= day <= NEWEST), reverse=True)


def _first_day(platform_id: int) -> date:
    """Of its orders; the last day of the calendar where there are none."""
    purchases = Order.objects.filter(platform=platform_id).order_by("purchased_at")
    purchase = purchases.values_list("purchased_at", flat=True).first()
    return purchase.astimezone(UTC).date() if purchase else date.max


def _pieces(days: Iterable[date], first: date) -> Iterator[list[date]]:
    """Days that follow each other, some at a time, in their order; the newest piece first. Those before the first
    order come in one, since there is nothing to add up."""
    piece: list[date] = []
    for day in days:
        is_full = len(piece) >= (AT_ONCE if day >= first else KEPT_DAYS)
        if piece and (is_full or day + DAY != piece[0] or day < first <= piece[0]):
            yield piece
            piece = []
        piece.insert(0, day)
    if piece:
        yield piece


@transaction.atomic
def _count(platform_id: int, days: Sequence[date]) -> None:
    """Replace the sums of these days, which follow each other, by those of their orders. Those of their months are no
    longer true."""
    hold_platform(platform_id)
    start, end = midnight(days[0], UTC), midnight(days[-1] + DAY, UTC)
    months = SalesMonth.objects.filter(platform=platform_id, is_counted=True)
    months.filter(starts_at__lt=end, ends_at__gt=start).update(is_counted=False)
    for model in (SummedOrders, SummedLines):
        model.objects.filter(platform=platform_id, starts_at__gte=start, starts_at__lt=end).delete()
    orders = Order.objects.filter(platform=platform_id, purchased_at__gte=start, purchased_at__lt=end)
    if orders.exists():
        starts = [start for day in days for start in cuts(day)]
        live = in_order(orders, "source", Source.LIVE).order_by()
        numbered = live.annotate(number=number_of_span("purchased_at", starts[1:]))
        _write_orders(_rows(platform_id, starts, sums_of_orders(numbered)))
        _write_lines(_rows(platform_id, starts, sums_of_lines(numbered)))
    SalesDay.objects.filter(platform=platform_id, day__in=days).delete()
    SalesDay.objects.bulk_create(SalesDay(platform_id=platform_id, day=day, is_counted=True) for day in days)


def _rows(
    platform_id: int, starts: Sequence[datetime], sums: Iterable[tuple[Key, Orders | Lines]]
) -> list[tuple[Any, ...]]:
    return [
        (platform_id, starts[key[0]], *key[2:], *(getattr(found, field.name) for field in fields(found)))
        for key, found in sums
    ]
