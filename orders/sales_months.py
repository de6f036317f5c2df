"""Sums of what was sold, kept by platform and month, of the time zones in which the report of sales was looked at.

A report of a year would have to add up ten thousand sums of days and their half hours; of months, it reads what it
shows. They are sums of the days' sums (sales_days.py), and true as long as all these days are counted: who counts a day
anew says that its months are to be counted anew, in the same transaction.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from core.database.bulk import BulkInsert
from core.database.spans import midnight
from core.dates import ForgivingZone
from core.zones import zone_named
from orders.models import MonthLines, MonthOrders, SalesMonth, SalesZone
from orders.sales_days import KEPT_DAYS, SECONDS, cuts
from orders.sales_stored import Span, split, stored_lines, stored_orders
from orders.sales_sums import PAYER, PLACE, Lines, Orders
from platforms.locks import hold_platform
from platforms.models import Platform

MOST_ZONES = 8  # those that were asked for last
FORGOTTEN_AFTER = timedelta(days=90)

_write_orders = BulkInsert(
    MonthOrders, fields=("month", *PLACE[1:], *(field.name for field in fields(Orders)))
)
_write_lines = BulkInsert(
    MonthLines, fields=("month", *PLACE[1:], *PAYER, *(field.name for field in fields(Lines)))
)


def remember_zone(zone: ForgivingZone) -> None:
    """Somebody looks at months of this zone: their sums are kept from now on. One query, two once a day."""
    today = timezone.now().astimezone(UTC).date()
    if SalesZone.objects.filter(name=zone.key, asked_on=today).exists():
        return
    # The report itself needs none of it.
    with suppress(DatabaseError), transaction.atomic():
        SalesZone.objects.update_or_create(name=zone.key, defaults={"asked_on": today})


def count_due_months(*, seconds: float = SECONDS, now: datetime | None = None) -> int:
    """Count months that were never counted, or of which a day was counted since, for a while; newest first. Returns
    how many were counted.

    Raises DatabaseError.
    """
    end, counted = time.monotonic() + seconds, 0
    unwanted = _keep(now or timezone.now())
    due = SalesMonth.objects.filter(is_counted=False).exclude(pk__in=unwanted)
    for month in due.order_by("-starts_at", "pk"):
        if time.monotonic() >= end:
            break
        counted += _count(month)
    return counted


def _keep(now: datetime) -> list[int]:
    """Have a row for each month that is over, by platform, in the zones that were asked for; and no other. Returns
    those that go at the next turn, when no report reads their sums any more."""
    months = set(_months(now))
    platforms = Platform.objects.values_list("pk", flat=True)
    wanted = {(platform, *month) for platform in platforms for month in months}
    rows = SalesMonth.objects.values_list("pk", "platform_id", "starts_at", "ends_at", "is_counted")
    known = {(platform, start, end): (pk, is_counted) for pk, platform, start, end, is_counted in rows}
    unwanted = [known[month] for month in known.keys() - wanted]
    going = [pk for pk, is_counted in unwanted if is_counted]
    SalesMonth.objects.filter(pk__in=[pk for pk, is_counted in unwanted if not is_counted]).delete()
    SalesMonth.objects.filter(pk__in=going).update(is_counted=False)
    SalesMonth.objects.bulk_create(
        (
            SalesMonth(platform_id=platform, starts_at=start, ends_at=end, is_counted=False)
            for platform, start, end in wanted - known.keys()
        ),
        batch_size=500,
    )
    return going


def _months(now: datetime) -> Iterator[Span]:
    """In UTC."""
    today = now.astimezone(UTC).date()
    zones = SalesZone.objects.filter(asked_on__gte=today - FORGOTTEN_AFTER).order_by("-asked_on", "-pk")
    oldest = midnight(today - timedelta(days=KEPT_DAYS - 2), UTC)
    for name in zones.values_list("name", flat=True)[:MOST_ZONES]:
        zone, number = ForgivingZone(str(zone_named(name))), today.year * 12 + today.month
        days = (date(month // 12, month % 12 + 1, 1) for month in range(number - KEPT_DAYS // 28, number))
        for start, end in pairwise(midnight(day, zone).astimezone(UTC) for day in days):
            if (
                oldest <= start
                and end <= now
                and all(moment in cuts(moment.date()) for moment in (start, end))
            ):
                yield start, end


@transaction.atomic
def _count(month: SalesMonth) -> bool:
    """Replace the sums of this month by those of its days; False where some of these are to be counted first."""
    hold_platform(month.platform_id)
    ids, starts = [month.platform_id], [month.starts_at]
    found = split(ids, starts, month.ends_at)
    if found.others:
        return False
    for model in (MonthOrders, MonthLines):
        model.objects.filter(month=month).delete()
    _write_orders(_rows(month, stored_orders(ids, found, starts)))
    _write_lines(_rows(month, stored_lines(ids, found, starts)))
    SalesMonth.objects.filter(pk=month.pk).update(is_counted=True)
    return True


def _rows(month: SalesMonth, sums: Any) -> list[tuple[Any, ...]]:
    return [
        (month.pk, *key[2:], *(getattr(found, field.name) for field in fields(found))) for key, found in sums
    ]
