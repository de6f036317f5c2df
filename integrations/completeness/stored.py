"""Orders as they are stored, in the form that is compared. Live ones only: what was invented is nowhere else."""

from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal

from integrations.completeness.records import KnownOrder, Line
from orders.models import Order, OrderItem
from platforms.models import Platform, Source

AT_ONCE = 500  # orders in a query


def stored_by_id(platform: Platform, ids: Collection[str]) -> dict[str, KnownOrder]:
    """Those of these orders that are stored, in two queries."""
    orders = Order.objects.filter(platform=platform, external_id__in=list(ids), source=Source.LIVE)
    return {order.external_id: known(order) for order in orders.prefetch_related("items")}


def stored_ids(platform: Platform, *, by: str, start: datetime, end: datetime) -> Iterator[list[str]]:
    """The ids of the orders created or updated (`by`) from `start` until before `end`, some at a time."""
    column = "purchased_at" if by == "created" else "platform_updated_at"
    rows = Order.objects.filter(platform=platform, source=Source.LIVE)
    rows = rows.filter(**{f"{column}__gte": start, f"{column}__lt": end}).order_by("pk")
    last = 0
    while found := list(rows.filter(pk__gt=last).values_list("pk", "external_id")[:AT_ONCE]):
        last = found[-1][0]
        yield [external_id for _, external_id in found]


def known(order: Order) -> KnownOrder:
    return KnownOrder(
        order_id=order.external_id,
        status=order.status,
        purchased_at=order.purchased_at,
        updated_at=order.platform_updated_at,
        marketplace_id=order.marketplace_id,
        currency=order.currency,
        lines=tuple(map(_line, order.items.all())),
    )


def _line(item: OrderItem) -> Line:
    return Line(sku=item.sku, quantity=item.quantity_ordered, price=_price(item), tax=item.item_tax)


def _price(item: OrderItem) -> Decimal | None:
    if item.unit_price is None or item.quantity_ordered is None:
        return None
    return item.unit_price * item.quantity_ordered
