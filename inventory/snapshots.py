"""Stores once an hour what is in stock, so that each day keeps its last state.

A day is one in UTC. The last copy of a day counts; a day on which nothing ran has no rows, which charts show as a
gap. Rows are kept for KEPT_DAYS.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connections, router, transaction
from django.db.models import Count, DateField, Max, Min, Q, Sum, Value
from django.utils import timezone

from inventory.models import InventoryItem, StockDay, StockSnapshot
from platforms.models import Source

HISTORY_DAYS = 30
KEPT_DAYS = 400
EVERY = timedelta(hours=1)
AT_ONCE = 10_000  # ids in one transaction, so that a sync need not wait for all of them

COLUMNS = ("item_id", "day", "available", "total")

Series = list[int | None]


def today() -> date:
    return timezone.now().astimezone(UTC).date()


def take_due_snapshots() -> int:
    """Store today's stock if the last copy is an hour old or older; the first time of a day, delete old rows.

    Returns how many rows of stock were stored. Safe to call at any time, and from several processes.
    """
    day = today()
    latest: datetime | None = StockDay.objects.filter(day=day).aggregate(latest=Max("taken_at"))["latest"]
    if latest is not None and timezone.now() - latest < EVERY:
        return 0
    written = take_snapshots(day)
    if written and latest is None:
        prune_snapshots(day - timedelta(days=KEPT_DAYS))
    return written


def take_snapshots(day: date) -> int:
    """Make the snapshots of `day` equal to what is in stock now, of all live rows that the platforms list.

    The database copies the rows itself, ten thousand ids at a time. Returns how many there were.
    """
    span = InventoryItem.objects.business().order_by().aggregate(first=Min("pk"), last=Max("pk"))
    if span["first"] is None:
        return 0
    now = timezone.now()
    for first in range(span["first"], span["last"] + 1, AT_ONCE):
        _copy(day, first, first + AT_ONCE)
    sums = (
        InventoryItem.objects.business()
        .order_by()
        .values("platform_id", "marketplace_id")
        .annotate(skus=Count("pk"), units=Sum("available"), all_units=Sum("total"))
    )
    days = [
        StockDay(
            day=day, taken_at=now, platform_id=row["platform_id"], marketplace_id=row["marketplace_id"],
            skus=row["skus"], available=row["units"], total=row["all_units"],
        )
        for row in sums
    ]  # fmt: skip
    connection = connections[router.db_for_write(StockDay)]
    names_key = connection.features.supports_update_conflicts_with_target  # MySQL knows by itself
    StockDay.objects.bulk_create(
        days,
        update_conflicts=True,
        update_fields=["skus", "available", "total", "taken_at"],
        unique_fields=["day", "platform", "marketplace_id"] if names_key else None,
    )
    return sum(day.skus for day in days)


def prune_snapshots(before: date) -> int:
    """Delete snapshots of before that day, day by day. Returns how many rows of stock that were."""
    old = StockSnapshot.objects.filter(day__lt=before).order_by()
    days = list(old.values_list("day", flat=True).distinct())
    deleted = sum(StockSnapshot.objects.filter(day=day).delete()[0] for day in days)
    StockDay.objects.filter(day__lt=before).delete()
    return deleted


def histories(ids: Collection[int], *, days: int = HISTORY_DAYS) -> dict[int, Series]:
    """Units available of these rows at the end of each of the last days, today last; None where nothing was
    stored. One query; rows without any snapshot are left out."""
    end = today()
    start = end - timedelta(days=days - 1)
    found: dict[int, Series] = defaultdict(lambda: [None] * days)
    rows = StockSnapshot.objects.filter(item__in=ids, day__gte=start, day__lte=end).order_by()
    for item, day, available in rows.values_list("item_id", "day", "available"):
        found[item][(day - start).days] = available
    return dict(found)


def units_by_day(days: int = HISTORY_DAYS) -> dict[tuple[int, str], dict[date, int]]:
    """Units available by day, for each platform id and marketplace. Never add them up over marketplaces."""
    found: dict[tuple[int, str], dict[date, int]] = defaultdict(dict)
    rows = StockDay.objects.filter(day__gt=today() - timedelta(days=days))
    for platform, marketplace, day, units in rows.values_list(
        "platform_id", "marketplace_id", "day", "available"
    ):
        if units is not None:
            found[platform, marketplace][day] = units
    return dict(found)


def _copy(day: date, first: int, end: int) -> None:
    """The rows of stock whose ids are in this range, as one INSERT … SELECT; those gone on that day have 0 units."""
    begin = datetime.combine(day, time.min, UTC)
    items = InventoryItem.objects.filter(
        Q(gone_at__isnull=True) | Q(gone_at__gte=begin), source=Source.LIVE, pk__gte=first, pk__lt=end
    )
    copied = (
        items.order_by().annotate(on=Value(day, DateField())).values_list("pk", "on", "available", "total")
    )
    using = router.db_for_write(StockSnapshot)
    connection = connections[using]
    select, parameters = copied.using(using).query.get_compiler(using).as_sql()
    columns = ", ".join(connection.ops.quote_name(name) for name in COLUMNS)
    table = connection.ops.quote_name(StockSnapshot._meta.db_table)
    insert = f"INSERT INTO {table} ({columns}) {select} {_on_conflict(connection)}"
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute(insert, parameters)


def _on_conflict(connection: Any) -> str:
    units = [connection.ops.quote_name(name) for name in COLUMNS[2:]]
    if connection.vendor == "mysql":  # MySQL 8's alias for the new row does not go with SELECT
        return f"ON DUPLICATE KEY UPDATE {', '.join(f'{name} = VALUES({name})' for name in units)}"
    keys = ", ".join(connection.ops.quote_name(name) for name in COLUMNS[:2])
    return f"ON CONFLICT ({keys}) DO UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in units)}"
