"""Totals of orders: how many there are, their units and amounts, by day, marketplace and more.

Amounts of two currencies are never added up, and neither are rows of two sources. What is not known is counted apart,
and never as 0.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from core.database.spans import midnight, number_of_span
from core.dates import ForgivingZone

DAY = "day"
# What may be told apart, and what always is.
GROUPS = ("day", "platform_id", "marketplace_id", "status", "fulfilled_by")
ALWAYS = ("currency", "source")
MOST_DAYS = 400
SMALLEST = Decimal("0.0001")  # what a column of amounts holds; SQLite adds them up as floating point numbers


class TooManyDays(ValueError):
    """`days` are between the first order and the last one, more than MOST_DAYS."""

    def __init__(self, days: int) -> None:
        super().__init__(days)
        self.days = days


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Orders that agree in all of `key`: the columns that were asked for, then ALWAYS. `units` are those of all items.

    `total` and `tax` add up what is known, and are None where nothing is; `without_…` says of how many orders, or
    items, it is not.
    """

    key: dict[str, Any]
    orders: int
    total: Decimal | None
    without_total: int
    tax: Decimal | None
    without_tax: int
    units: int | None
    without_quantity: int


def totals(orders: QuerySet[Any], group_by: Collection[str], zone: ForgivingZone) -> list[Total]:
    """Totals of these orders by some of GROUPS, sorted by these; a day is that of the purchase, in this time zone.

    Three queries at most. Raises TooManyDays.
    """
    orders, names = orders.order_by(), [name for name in GROUPS if name in group_by]
    days: Sequence[date] = ()
    if DAY in names:
        days = _days(orders, zone)
        orders = orders.annotate(
            day=number_of_span("purchased_at", [midnight(day, zone) for day in days[1:]])
        )
    key = (*names, *ALWAYS)
    grouped = orders.values(*key)
    amounts = grouped.annotate(
        count=Count("pk"),
        sum=Sum("total"),
        taxes=Sum("tax"),
        without_total=Count("pk", filter=Q(total__isnull=True)),
        without_tax=Count("pk", filter=Q(tax__isnull=True)),
    )
    without = Count("items__pk", filter=Q(items__quantity_ordered__isnull=True))
    units = {
        tuple(row[name] for name in key): (row["units"], row["without"])
        for row in grouped.annotate(units=Sum("items__quantity_ordered"), without=without)
    }
    found = []
    for row in amounts:
        of_items = units.get(tuple(row[name] for name in key), (None, 0))
        values = {name: days[row[name]] if name == DAY else row[name] for name in key}
        found.append(
            Total(
                key=values,
                orders=row["count"],
                total=exact_amount(row["sum"]),
                without_total=row["without_total"],
                tax=exact_amount(row["taxes"]),
                without_tax=row["without_tax"],
                units=of_items[0],
                without_quantity=of_items[1],
            )
        )
    return sorted(found, key=lambda total: tuple(total.key.values()))


def _days(orders: QuerySet[Any], zone: ForgivingZone) -> list[date]:
    """All days from the first purchase to the last one."""
    span = orders.aggregate(first=Min("purchased_at"), last=Max("purchased_at"))
    if span["first"] is None:
        return []
    first, last = (span[name].astimezone(zone).date() for name in ("first", "last"))
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise TooManyDays(count)
    return [first + timedelta(days=number) for number in range(count)]


def exact_amount(amount: Decimal | None) -> Decimal | None:
    """The sum without what floating point numbers add to it."""
    return None if amount is None else amount.quantize(SMALLEST)
