"""Sums over orders and their lines, made by the database: of what is sold at one place, and by who pays the tax.

Cancelled orders are counted apart and in no other figure. An amount that a platform does not name is not known: it is
in no sum, and the lines without it are counted. Amounts of lines are those in the currency of their order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Self

from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from orders.models import Order
from orders.totals import exact_amount

PLACE = ("platform_id", "marketplace_id", "currency", "ship_to_country")
PAYER = ("tax_model", "tax_responsible_party")
TAX_PARTS = ("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax")
Key = tuple[Any, ...]


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

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Sums as the database gives them, by the names of the fields."""
        return cls(**_exact(values))

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

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Sums as the database gives them, by the names of the fields."""
        return cls(**_exact(values))

    def __add__(self, other: "Orders") -> "Orders":
        return Orders(**_added(self, other))


def sums_of_orders(orders: QuerySet[Any]) -> Iterator[tuple[Key, Orders]]:
    """By `number`, an annotation of these orders, and PLACE."""
    cancelled = Q(status=Order.Status.CANCELLED)
    grouped = orders.values("number", *PLACE).annotate(
        orders=Count("pk", filter=~cancelled),
        order_total=Sum("total", filter=~cancelled),
        without_order_total=Count("pk", filter=~cancelled & Q(total__isnull=True)),
        cancelled=Count("pk", filter=cancelled),
        cancelled_total=Sum("total", filter=cancelled),
    )
    for row in grouped:
        yield _place_of(row), Orders.of({field.name: row[field.name] for field in fields(Orders)})


def sums_of_lines(orders: QuerySet[Any]) -> Iterator[tuple[Key, Lines]]:
    """By `number`, an annotation of these orders, PLACE, and PAYER."""
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
        .values("number", *PLACE, *(f"items__{name}" for name in PAYER))
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
        names = {field.name: f"line_{field.name}" for field in fields(Lines)}
        values = {name: row[own if own in row else name] for name, own in names.items()}
        yield (*_place_of(row), *(row[f"items__{name}"] or None for name in PAYER)), Lines.of(values)


def _place_of(row: Mapping[str, Any]) -> Key:
    return row["number"], *(row[name] for name in PLACE)


def _exact(values: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts without what floating point numbers add to them."""
    return {
        name: exact_amount(value) if isinstance(value, Decimal) else value for name, value in values.items()
    }


def _added(one: Any, other: Any) -> dict[str, Any]:
    """Field by field; what is not known of one of them is that of the other."""
    return {field.name: _sum(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)}


def _sum(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return one + other
