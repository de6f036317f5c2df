"""Orders as they are stored, in the form that is compared. Live ones only: what was invented is nowhere else."""

from collections.abc import Collection, Iterator
from datetime import datetime

from django.db.models import Q

from integrations.completeness.records import KnownOrder, Line
from integrations.sync.estimates import stored_in
from orders.models import Order, OrderItem
from platforms.models import Platform, Source

AT_ONCE = 500  # orders in a query
OF_ORDERS = ("external_id", "status", "purchased_at", "platform_updated_at", "marketplace_id", "currency")
OF_ITEMS = ("sku", "quantity_ordered", "unit_price", "item_tax")


def stored_by_id(platform: Platform, ids: Collection[str]) -> dict[str, KnownOrder]:
    """Those of these orders that are stored, in two queries that read no more than is compared."""
    rows = Order.objects.filter(platform=platform, external_id__in=list(ids), source=Source.LIVE)
    orders = {pk: values for pk, *values in rows.values_list("pk", *OF_ORDERS)}
    lines: dict[int, list[Line]] = {}
    items = OrderItem.objects.filter(order__in=list(orders)).order_by("pk")
    for order, sku, quantity, unit_price, tax in items.values_list("order_id", *OF_ITEMS):
        price = None if unit_price is None or quantity is None else unit_price * quantity
        lines.setdefault(order, []).append(Line(sku=sku, quantity=quantity, price=price, tax=tax))
    return {
        external_id: KnownOrder(
            order_id=external_id,
            status=status,
            purchased_at=purchased_at,
            updated_at=updated_at,
            marketplace_id=marketplace_id,
            currency=currency,
            lines=tuple(lines.get(pk, ())),
        )
        for pk, (external_id, status, purchased_at, updated_at, marketplace_id, currency) in orders.items()
    }


def stored_ids(platform: Platform, *, by: str, start: datetime, end: datetime) -> Iterator[list[str]]:
    """The ids of the orders created or updated (`by`) from `start` until before `end`, some at a time, the newest
    first: in the order of an index, so that each query reads no more than it returns."""
    column = "purchased_at" if by == "created" else "platform_updated_at"
    orders = stored_in(platform.pk, Source.LIVE, by, start, end).order_by(f"-{column}", "-pk")
    left = orders
    while found := list(left.values_list(column, "pk", "external_id")[:AT_ONCE]):
        yield [external_id for *_, external_id in found]
        moment, last, _ = found[-1]
        left = orders.filter(Q(**{f"{column}__lt": moment}) | Q(pk__lt=last), **{f"{column}__lte": moment})
