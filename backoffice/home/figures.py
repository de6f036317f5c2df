"""What the charts of the home page show, counted in the database: orders of one source, cancelled ones left out.

Days are those of the active time zone. An order whose total is not known counts as an order, never as 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import Count, Q, QuerySet, Sum, Value
from django.db.models.functions import Concat
from django.utils import timezone

from access.confinement import Visible
from inventory.snapshots import units_by_day
from orders.listing import of_visible
from orders.models import Order, OrderItem, OrderQuerySet
from platforms.models import Source

DAYS = 30
BEST_SELLERS = 10
KEPT_SECONDS = 300

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Sales:
    """Of one platform on one day in one currency. `unknown` orders have no total, and belong to currency ""."""

    day: date
    platform_id: int
    currency: str
    orders: int
    revenue: Decimal | None
    unknown: int


def last_days(count: int = DAYS) -> list[date]:
    """Today, and the days before it; oldest first."""
    today = timezone.localdate()
    return [today - timedelta(days=back) for back in reversed(range(count))]


def sales(source: Source) -> list[Sales]:
    """Orders and revenue of the last 30 days. One query: a range of the index for each day, so that a day is what
    it is in this time zone, however many hours it has."""
    zone = timezone.get_current_timezone()
    days = last_days()
    ends = [*days[1:], days[-1] + timedelta(days=1)]
    first, *others = [
        _sales_between(
            _sold(source, datetime.combine(day, time.min, zone)),
            datetime.combine(end, time.min, zone),
            position,
        )
        for position, (day, end) in enumerate(zip(days, ends, strict=True))
    ]
    rows = first.union(*others, all=True)
    return [
        Sales(
            days[row["day"]],
            row["platform_id"],
            row["currency"],
            row["count"],
            row["revenue"],
            row["unknown"],
        )
        for row in rows
    ]


def _sales_between(sold: QuerySet[Order], end: datetime, position: int) -> QuerySet[Order, Any]:
    return (
        sold.filter(purchased_at__lt=end)
        .order_by()
        .values("platform_id", "currency")
        .annotate(
            day=Value(position),
            count=Count("pk"),
            revenue=Sum("total"),
            unknown=Count("pk", filter=Q(total__isnull=True)),
        )
        .values("day", "platform_id", "currency", "count", "revenue", "unknown")
    )


def best_sellers(source: Source, visible: Visible) -> list[tuple[str, int]]:
    """The SKUs that sold most units in the last 30 days, with how many."""
    start = datetime.combine(last_days()[0], time.min, timezone.get_current_timezone())
    # By an expression, so that no database reads all items in the order of their SKUs instead of those of 30 days.
    sold = of_visible(_sold(source, start), visible)
    units = (
        OrderItem.objects.filter(order__in=sold.order_by().values("pk"))
        .exclude(sku="")
        .annotate(name=Concat("sku", Value("")))
        .order_by()
        .values("name")
        .annotate(units=Sum("quantity_ordered"))
        .filter(units__gt=0)
        .order_by("-units", "name")
    )
    return [(row["name"], row["units"]) for row in units[:BEST_SELLERS]]


def stock_by_day() -> list[tuple[tuple[int, str], dict[date, int]]]:
    """Units available by day (UTC), for each platform id and marketplace, most units first; [] as long as nothing was
    written down. Never added up: the same unit is listed in several marketplaces."""
    return sorted(units_by_day(DAYS).items(), key=lambda pair: -max(pair[1].values()))


def kept(
    name: str, count: Callable[[], Sequence[Row]], visible: Visible = None
) -> tuple[Sequence[Row], datetime]:
    """What `count` found in the last 5 minutes, and when that was: a million orders are not counted at each look.

    `visible`: the platforms that it was counted of.
    """
    of = "all" if visible is None else sha256(repr(sorted(visible)).encode()).hexdigest()[:32]
    key = f"home:{name}:{of}:{timezone.get_current_timezone_name()}:{timezone.localdate()}"
    held: tuple[Sequence[Row], datetime] | None = cache.get(key)
    if held is None:
        held = count(), timezone.now()
        cache.set(key, held, KEPT_SECONDS)
    return held


def _sold(source: Source, start: datetime) -> OrderQuerySet:
    return (
        Order.objects.business(source).filter(purchased_at__gte=start).exclude(status=Order.Status.CANCELLED)
    )
