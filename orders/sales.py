"""The report of sales: what was sold in each month, by marketplace, currency and the country that it goes to.

A month is that of the purchase, in the time zone of the reader. Cancelled orders are counted apart and in no other
figure. An amount that a platform does not name is not known: it is in no sum, and the lines without it are counted.
Amounts of lines are those in the currency of their order.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self, TypeVar

from django.db.models import QuerySet

from core.database.listing import in_order
from core.database.spans import midnight, number_of_span
from core.dates import ForgivingZone
from orders.models import Order
from orders.sales_months import remember_zone
from orders.sales_stored import split, stored_lines, stored_orders, within
from orders.sales_sums import PLACE, Key, Lines, Orders, sums_of_lines, sums_of_orders
from platforms.models import Source

MOST_MONTHS = 24
Sums = TypeVar("Sums", Orders, Lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the rows of the report tell apart. `month` is its first day, `ship_to_country` None where it is not
    known."""

    month: date
    platform_id: int
    marketplace_id: str
    currency: str
    ship_to_country: str | None

    @property
    def sort_key(self) -> tuple[Any, ...]:
        country = self.ship_to_country
        return (
            self.month,
            self.platform_id,
            self.marketplace_id,
            self.currency,
            country is None,
            country or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remitted:
    """Lines of one place by who pays their tax to the authority, in the platform's words; None where it does not
    say."""

    place: Place
    tax_model: str | None
    tax_responsible_party: str | None
    lines: Lines

    @property
    def sort_key(self) -> tuple[Any, ...]:
        party, model = self.tax_responsible_party, self.tax_model
        return *self.place.sort_key, party is None, party or "", model or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """One row of the report."""

    place: Place
    orders: Orders
    lines: Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`sales` by place, and `taxes` by place and payer; both sorted by month. They add up to the same."""

    sales: Sequence[Sales]
    taxes: Sequence[Remitted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """From the first month to the last, both included, each by its first day."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 0 < len(self.starts) <= MOST_MONTHS:
            raise ValueError(f"A report takes 1 to {MOST_MONTHS} months.")

    @classmethod
    def until(cls, last: date, count: int) -> Self:
        """As many months, the last of which is that of the day `last`."""
        return cls(first=month_after(last.replace(day=1), 1 - count), last=last.replace(day=1))

    @property
    def starts(self) -> list[date]:
        count = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
        return [month_after(self.first, number) for number in range(min(count, MOST_MONTHS + 1))]

    @property
    def end(self) -> date:
        """The first day that is no part of it."""
        return month_after(self.last, 1)


def month_after(first_day: date, months: int) -> date:
    """The first day of the month that is so many months later; earlier where that is negative."""
    number = first_day.year * 12 + first_day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def sales_report(platform_ids: Collection[int], months: Months, zone: ForgivingZone) -> Report:
    """The report about the live orders of these platforms that were purchased in these months.

    Ten queries at most: which months and days are counted; the sums of these; and what is not, from the orders.
    """
    remember_zone(zone)
    starts, end = [midnight(day, zone) for day in months.starts], midnight(months.end, zone)
    spans = split(platform_ids, starts, end)
    orders = _numbered_orders(platform_ids, within("purchased_at", spans.others), starts)
    by_place = _merged(stored_orders(platform_ids, spans, starts), sums_of_orders(orders))
    by_payer = _merged(stored_lines(platform_ids, spans, starts), sums_of_lines(orders))
    counted = {_place(key, months): found for key, found in by_place.items()}
    taxes = [
        Remitted(place=_place(key, months), tax_model=key[-2], tax_responsible_party=key[-1], lines=found)
        for key, found in by_payer.items()
    ]
    taxes.sort(key=lambda found: found.sort_key)
    lines: dict[Place, Lines] = {}
    for found in taxes:
        lines[found.place] = lines.get(found.place, Lines()) + found.lines
    sales = [
        Sales(place=place, orders=counted[place], lines=lines.get(place, Lines()))
        for place in sorted(counted, key=lambda place: place.sort_key)
    ]
    return Report(sales=sales, taxes=[found for found in taxes if found.place in counted])


def totals_by_currency(sales: Iterable[Sales]) -> dict[str, tuple[Orders, Lines]]:
    """The sums of all rows in one currency, by the currency."""
    found: dict[str, tuple[Orders, Lines]] = {}
    for row in sales:
        orders, lines = found.get(row.place.currency, (Orders(), Lines()))
        found[row.place.currency] = orders + row.orders, lines + row.lines
    return dict(sorted(found.items()))


def _numbered_orders(
    platform_ids: Collection[int], in_spans: Any, starts: Sequence[datetime]
) -> QuerySet[Any]:
    # By the index of times, which has both columns: SQLite would read all orders of the platforms.
    orders = in_order(Order.objects.filter(in_spans), "source", Source.LIVE)
    orders = in_order(orders, "platform_id", *platform_ids, nothing=0)
    numbered: QuerySet[Any] = orders.order_by().annotate(number=number_of_span("purchased_at", starts[1:]))
    return numbered


def _merged(*parts: Iterable[tuple[Key, Sums]]) -> dict[Key, Sums]:
    """What is of one key added up."""
    merged: dict[Key, Sums] = {}
    for part in parts:
        for key, found in part:
            merged[key] = merged[key] + found if key in merged else found
    return merged


def _place(key: Key, months: Months) -> Place:
    number, *of = key
    return Place(month=month_after(months.first, number), **dict(zip(PLACE, of, strict=False)))
