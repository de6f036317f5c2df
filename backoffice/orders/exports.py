"""What lists of orders are exported as. Buyer data is in no export."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Case, Count, F, OuterRef, QuerySet, Subquery, Sum, When
from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import Column, Columns, amounts, columns, titled
from integrations.registry import site_of
from orders.amounts import line_amounts
from orders.models import OrderItem, OrderPackage


def codes_of_sites(kinds: Sequence[str], ids: Sequence[str]) -> list[str]:
    """The countries of marketplaces, by the kinds of their platforms and their ids; "" where one is not known."""
    known = {key: site_of(*key) for key in set(zip(kinds, ids, strict=True))}
    codes = {key: site.code if site else "" for key, site in known.items()}
    return [codes[key] for key in zip(kinds, ids, strict=True)]


MARKETPLACE = Column(
    path="marketplace_id", of=("platform__kind", "marketplace_id"), made=codes_of_sites,
    title=_("country of the marketplace"),
)  # fmt: skip
ORDER: Columns = {
    **columns(platform="platform__name"),
    **columns("external_id", "status", "platform_status", "purchased_at", "platform_updated_at"),
    "marketplace": MARKETPLACE,
    **columns(
        "marketplace_id", "fulfilled_by", "service_level", "ship_by", "deliver_by", "currency",
    ),
    **amounts("total", "tax"),
    **columns("invoice_status", "ship_to_country"),
    **titled({"quantity_left": _("left to ship")}),
    **columns("replaced_order_id", "buyer_requested_cancellation", "source", "synced_at", "completeness"),
}  # fmt: skip
ITEM: Columns = {
    **columns(
        "external_id", "sku", "asin", "title", "quantity_ordered", "quantity_shipped", "quantity_left", "currency",
    ),
    **amounts("unit_price", "total", "tax", "item_subtotal", "shipping", "other_charges", "discount"),
    **amounts("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax"),
    **columns("tax_model", "tax_responsible_party", "tax_scheme"),
}  # fmt: skip


class LineValues(NamedTuple):
    """A line as `line_amounts` reads it; the names are those of the columns."""

    currency: str
    quantity_ordered: int | None
    unit_price: Decimal | None
    item_subtotal: Decimal | None
    other_charges: Decimal | None
    shipping: Decimal | None
    discount: Decimal | None
    tax: Decimal | None
    item_tax: Decimal | None
    shipping_tax: Decimal | None
    gift_wrap_tax: Decimal | None
    discount_tax: Decimal | None
    total: Decimal | None


def reconciled(*stored: Sequence[Any]) -> list[dict[str, Any]]:
    """Of each line, given by columns in the order of LineValues, whether its amounts are net or gross, its total
    without tax, and what of the total nothing explains."""
    found = []
    for values in zip(*stored, strict=True):
        amounts = line_amounts(LineValues(*values))
        found.append({"are": str(amounts.basis), "net": amounts.net, "not_explained": amounts.remainder})
    return found


RECONCILED: Columns = {
    name: Column(
        path=path, currency="currency" if path == "total" else "", inside=(inside,), title=title,
        of=LineValues._fields, made=reconciled,
    )
    for name, path, inside, title in (
        ("amounts_are", "currency", "are", _("amounts are net or gross")),
        ("net", "total", "net", _("net (total without tax)")),
        ("not_explained", "total", "not_explained", _("part of the total that no amount explains")),
    )
}  # fmt: skip
PACKAGE: Columns = columns(
    "external_id", "carrier", "shipping_service", "tracking_number", "status", "detailed_status", "packed_at",
    "shipped_at", "contents",
)  # fmt: skip


def _of_the_order(beside: Columns, *more: str) -> Columns:
    """What a row of an order's lines or packages says of the order."""
    names = (
        "platform",
        "external_id",
        "status",
        "purchased_at",
        "marketplace",
        "marketplace_id",
        *more,
        "source",
    )
    return {
        f"order_{name}" if name in beside else name: replace(
            ORDER[name],
            path=f"order__{ORDER[name].path}",
            of=tuple(f"order__{path}" for path in ORDER[name].of),
        )
        for name in names
    }


OF_THE_ORDER = _of_the_order(
    ITEM, "ship_to_country", "fulfilled_by", "service_level", "ship_by", "deliver_by"
)


def with_quantity_left(orders: QuerySet[Any]) -> QuerySet[Any]:
    """Each order with what `Order.quantity_left` says, read by the database."""
    lines = OrderItem.objects.filter(order=OuterRef("pk")).order_by().values("order")
    all_known = When(unknown=0, then=F("left_of_lines"))
    left = lines.annotate(
        left_of_lines=Sum("quantity_left"), unknown=Count("pk") - Count("quantity_left")
    ).annotate(left=Case(all_known))
    found: QuerySet[Any] = orders.annotate(quantity_left=Subquery(left.values("left")))
    return found


# By the columns of the list of orders.
COLUMNS_OF_LIST = {
    "order_id": ("external_id",),
    "state": ("status", "buyer_requested_cancellation"),
    "glance": ("quantity_left",),
    "to_ship_by": ("ship_by",),
    "purchased": ("purchased_at",),
    "marketplace": ("marketplace", "marketplace_id"),
    "fulfilment": ("fulfilled_by",),
    "number_total": ("currency", "total"),
    "number_tax": ("currency", "tax"),
    "to_deliver_by": ("deliver_by",),
    "service_level": ("service_level",),
    "platform_name": ("platform",),
    "source_of": ("source",),
}
ORDER_EXPORTS = (
    Export(
        name="orders", label=_("Orders"), columns=ORDER, annotate=with_quantity_left, of_list=COLUMNS_OF_LIST
    ),
    Export(
        name="order-lines",
        label=_("Order lines"),
        columns=OF_THE_ORDER | ITEM | RECONCILED,
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
