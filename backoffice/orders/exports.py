"""What lists of orders are exported as. Buyer data is in no export."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import Columns, amounts, columns
from orders.models import OrderItem

ORDER: Columns = {
    **columns(platform="platform__name"),
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
OF_THE_ORDER: Columns = {
    f"order_{name}" if name in ITEM else name: replace(ORDER[name], path=f"order__{ORDER[name].path}")
    for name in ("platform", "external_id", "status", "purchased_at", "marketplace_id", "source")
}

ORDER_EXPORTS = (
    Export(name="orders", label=_("Orders"), columns=ORDER),
    Export(
        name="order-lines", label=_("Order lines"), columns=OF_THE_ORDER | ITEM, lines=OrderItem, key="order"
    ),
)
