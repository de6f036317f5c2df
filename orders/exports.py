"""What lists of orders are exported as. Buyer data is in no export."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from oms.export import Export
from oms.export.table import Columns, amounts, columns
from orders.models import OrderItem

ORDER: Columns = {
    **columns(platform="platform.name"),
    **columns(
        "external_id", "status", "platform_status", "purchased_at", "platform_updated_at", "marketplace_id",
        "fulfilled_by", "service_level", "ship_by", "deliver_by", "currency",
    ),
    **amounts("total"),
    **columns("replaced_order_id", "buyer_requested_cancellation", "source", "synced_at"),
}  # fmt: skip
ITEM: Columns = {
    **columns("external_id", "sku", "asin", "title", "quantity_ordered", "quantity_shipped", "currency"),
    **amounts("unit_price", "total", "tax", "shipping", "discount"),
}
OF_THE_ORDER = ("platform", "external_id", "status", "purchased_at", "marketplace_id", "source")


def _orders(queryset: QuerySet[Any]) -> QuerySet[Any]:
    return queryset.select_related("platform").defer("payload")


def _orders_with_items(queryset: QuerySet[Any]) -> QuerySet[Any]:
    return _orders(queryset).prefetch_related(Prefetch("items", OrderItem.objects.order_by("pk")))


def _of_the_order(name: str) -> Any:
    return lambda item: ORDER[name](item.order)


ORDER_EXPORTS = (
    Export(name="orders", label=_("Orders"), columns=ORDER, prepare=_orders),
    Export(
        name="order-lines",
        label=_("Order lines"),
        columns={f"order_{name}" if name in ITEM else name: _of_the_order(name) for name in OF_THE_ORDER}
        | ITEM,
        prepare=_orders_with_items,
        lines=lambda order: order.items.all(),
    ),
)
