"""The report of sales: what was sold in each month, by marketplace, currency and the country that it goes to.

A month is that of the purchase, in the time zone of the reader. Cancelled orders are counted apart and in no other
figure. An amount that a platform does not name is not known: it is in no sum, and the lines without it are counted.
Amounts of lines are those in the currency of their order.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Self

from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from core.dates import ForgivingZone
from orders.models import Order
from orders.totals import exact_amount, midnight, number_of_span

MOST_MONTHS = 24
PLACE = ("platform_id", "marketplace_id", "currency", "ship_to_country")
PAYER = ("items__tax_model", "items__tax_responsible_party")
TAX_PARTS = ("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Sums over lines of orders that are not cancelled; None where no line names any of it.

    `net` is the total without its tax, of lines that name both. The parts and `other_tax`, which is what of the tax the
    platform does not break down, add up to `tax`. `without_…` counts the lines that do not name it, of those that have
    an amount or should; `with_…` those that do: platforms leave out shipping and discount where there is none.
    `in_other_currency` counts lines whose amounts are in another currency than their order, and in none of the sums.
    """

    lines: int = 0
    units: int | None = None
    without_quantity: int = 0
    net: Decimal | None = None
    without_net: int = 0
    tax: Decimal | None = None
    without_tax: int = 0
    item_tax: Decimal | None = None
    shipping_tax: Decimal | None = None
    gift_wrap_tax: Decimal | None = None
    discount_tax: Decimal | None = None
    other_tax: Decimal | None = None
    shipping: Decimal | None = None
    with_shipping: int = 0
    discount: Decimal | None = None
    with_discount: int = 0
    total: Decimal | None = None
    without_total: int = 0
    in_other_currency: int = 0

    def __add__(self, other: "Lines") -> "Lines":
        return Lines(**_added(self, other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Orders that are not cancelled, with the sum of their totals, and of how many that is not known; and the same of
    cancelled ones."""

    orders: int = 0
    order_total: Decimal | None = None
    without_order_total: int = 0
    cancelled: int = 0
    cancelled_total: Decimal | None = None

    def __add__(self, other: "Orders") -> "Orders":
        return Orders(**_added(self, other))


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


def sales_report(orders: QuerySet[Order], months: Months, zone: ForgivingZone) -> Report:
    """The report about those of `orders`, all of one source, that were purchased in these months. Two queries."""
    starts = [midnight(day, zone) for day in months.starts]
    orders = orders.filter(purchased_at__gte=starts[0], purchased_at__lt=midnight(months.end, zone))
    numbered = orders.order_by().annotate(month_number=number_of_span(starts[1:]))
    counted = dict(_orders_by_place(numbered, months))
    taxes = sorted(_lines_by_payer(numbered, months), key=lambda found: found.sort_key)
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


def _orders_by_place(orders: QuerySet[Any], months: Months) -> Iterator[tuple[Place, Orders]]:
    cancelled = Q(status=Order.Status.CANCELLED)
    grouped = orders.values("month_number", *PLACE).annotate(
        orders=Count("pk", filter=~cancelled),
        order_total=Sum("total", filter=~cancelled),
        without_order_total=Count("pk", filter=~cancelled & Q(total__isnull=True)),
        cancelled=Count("pk", filter=cancelled),
        cancelled_total=Sum("total", filter=cancelled),
    )
    return ((_place(row, months), Orders(**_values(Orders, row.__getitem__))) for row in grouped)


def _lines_by_payer(orders: QuerySet[Any], months: Months) -> Iterator[Remitted]:
    named = ("total", "tax", "shipping", "discount")
    is_known = {name: Q(**{f"items__{name}__isnull": False}) for name in named}
    ours = Q(items__currency=F("currency"))
    # A cancelled line has no amount, and needs none.
    needed = (~Q(items__quantity_ordered=0) | Q(items__quantity_ordered__isnull=True)) | is_known["total"]
    in_parts = sum(
        (Coalesce(F(f"items__{part}"), Value(Decimal(0))) for part in TAX_PARTS), F("items__tax") * 0
    )
    parts = {part: Sum(f"items__{part}", filter=ours & is_known["tax"]) for part in TAX_PARTS}
    sums = {name: Sum(f"items__{name}", filter=ours) for name in named}
    without = {
        f"without_{name}": Count("items__pk", filter=needed & (~ours | ~known))
        for name, known in {**is_known, "net": is_known["total"] & is_known["tax"]}.items()
        if name in ("total", "tax", "net")
    }
    grouped = (
        orders.exclude(status=Order.Status.CANCELLED)
        .filter(items__isnull=False)
        .values("month_number", *PLACE, *PAYER)
        .annotate(
            lines=Count("items__pk"),
            units=Sum("items__quantity_ordered"),
            without_quantity=Count("items__pk", filter=Q(items__quantity_ordered__isnull=True)),
            line_net=Sum(F("items__total") - F("items__tax"), filter=ours),
            line_other_tax=Sum(F("items__tax") - in_parts, filter=ours),
            with_shipping=Count("items__pk", filter=ours & is_known["shipping"]),
            with_discount=Count("items__pk", filter=ours & is_known["discount"]),
            in_other_currency=Count("items__pk", filter=~ours & ~Q(items__currency="")),
            **{f"line_{name}": value for name, value in (sums | parts).items()},
            **without,
        )
    )
    for row in grouped:
        values = _values(Lines, lambda name, row=row: row[f"line_{name}" if f"line_{name}" in row else name])  # type: ignore[misc]
        yield Remitted(
            place=_place(row, months),
            tax_model=row["items__tax_model"] or None,
            tax_responsible_party=row["items__tax_responsible_party"] or None,
            lines=Lines(**values),
        )


def _place(row: dict[str, Any], months: Months) -> Place:
    return Place(month=month_after(months.first, row["month_number"]), **{name: row[name] for name in PLACE})


def _values(kind: Any, value_of: Callable[[str], Any]) -> dict[str, Any]:
    found = {field.name: value_of(field.name) for field in fields(kind)}
    return {
        name: exact_amount(value) if isinstance(value, Decimal) else value for name, value in found.items()
    }


def _added(one: Any, other: Any) -> dict[str, Any]:
    """Field by field; what is not known of one of them is that of the other."""
    return {field.name: _sum(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)}


def _sum(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return one + other
