"""What lists of orders are exported as. Buyer data is in no export."""

from dataclasses import replace
from typing import Any

from django.db.models import Case, Count, F, OuterRef, QuerySet, Subquery, Sum, When
from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import Columns, amounts, columns, titled
from orders.models import OrderItem, OrderPackage

ORDER: Columns = {
    **columns(platform="platform__name"),
    **columns(
        "external_id", "status", "platform_status", "purchased_at", "platform_updated_at", "marketplace_id",
        "fulfilled_by", "service_level", "ship_by", "deliver_by", "currency",
    ),
    **amounts("total", "tax"),
    **columns("invoice_status", "ship_to_country"),
    **titled({"quantity_left": _("left to ship")}),
    **columns("replaced_order_id", "buyer_requested_cancellation", "source", "synced_at"),
}  # fmt: skip
ITEM: Columns = {
    **columns(
        "external_id", "sku", "asin", "title", "quantity_ordered", "quantity_shipped", "quantity_left", "currency",
    ),
    **amounts("unit_price", "total", "tax", "item_subtotal", "shipping", "other_charges", "discount"),
    **amounts("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax"),
    **columns("tax_model", "tax_responsible_party", "tax_scheme"),
}  # fmt: skip
PACKAGE: Columns = columns(
    "external_id", "carrier", "shipping_service", "tracking_number", "status", "detailed_status", "packed_at",
    "shipped_at", "contents",
)  # fmt: skip


def _of_the_order(beside: Columns) -> Columns:
    """What a row of an order's lines or packages says of the order."""
    names = ("platform", "external_id", "status", "purchased_at", "marketplace_id", "source")
    return {
        f"order_{name}" if name in beside else name: replace(ORDER[name], path=f"order__{ORDER[name].path}")
        for name in names
    }


OF_THE_ORDER = _of_the_order(ITEM)


def with_quantity_left(orders: QuerySet[Any]) -> QuerySet[Any]:
    """Each order with what `Order.quantity_left` says, read by the database."""
    lines = OrderItem.objects.filter(order=OuterRef("pk")).order_by().values("order")
    all_known = When(unknown=0, then=F("left_of_lines"))
    left = lines.annotate(
        left_of_lines=Sum("quantity_left"), unknown=Count("pk") - Count("quantity_left")
    ).annotate(left=Case(all_known))
    found: QuerySet[Any] = orders.annotate(quantity_left=Subquery(left.values("left")))
    return found


ORDER_EXPORTS = (
    Export(name="orders", label=_("Orders"), columns=ORDER, annotate=with_quantity_left),
    Export(
        name="order-lines",
        label=_("Order lines"),
        columns=OF_THE_ORDER | ITEM,
        lines=OrderItem,
        key="order",
    ),
    Export(
        name="packages",
        label=_("Packages"),
        columns=_of_the_order(PACKAGE) | PACKAGE,
        lines=OrderPackage,
        key="order",
    ),
)
