"""The items of an order: on its page, and at a glance in lists."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from django.contrib.admin.utils import label_for_field
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import local_amount, money, number
from backoffice.base.pictures import Thumbnails, beside
from core.format import DASH, Text
from core.markup import markup
from core.text import isolated
from orders.amounts import Basis, LineAmounts, line_amounts
from orders.models import Order, OrderItem

STEPS = {
    "units": "", "item": gettext_lazy("goods, beside price × quantity"), "shipping": gettext_lazy("shipping"),
    "other": gettext_lazy("other charges"), "discount": gettext_lazy("discount"), "tax": gettext_lazy("tax"),
    "remainder": gettext_lazy("what no amount explains"),
}  # fmt: skip
BASES = {
    Basis.NET: gettext_lazy("The amounts are without tax, which comes on top."),
    Basis.GROSS: gettext_lazy("The amounts contain the tax."),
    Basis.UNKNOWN: gettext_lazy(
        "Whether the amounts contain tax does not follow from what the platform reports."
    ),
}
TAX_PARTS = ("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax")


def items_to_show(order: Order) -> list[tuple[int | None, OrderItem]]:
    """Quantity and line of each, for lists. While something is to be shipped, these are the lines of which something is
    left, with what is left; where that is not known, with what was ordered."""
    if order.status in Order.OPEN and (left := order.items_to_ship):
        return [(item.units_to_ship, item) for item in left]
    return [(item.quantity_ordered, item) for item in order.items.all()]


def thumbnails_of(orders: Iterable[Order]) -> Thumbnails:
    """For lists of orders: the picture of what each of them shows first."""
    with_pictures = [order for order in orders if order.platform.show_pictures]
    first = ((order.platform, shown[0][1].asin) for order in with_pictures if (shown := items_to_show(order)))
    return Thumbnails(first)


def first_picture(order: Order, thumbnails: Thumbnails) -> SafeString:
    if not order.platform.show_pictures:
        return SafeString("")
    shown = items_to_show(order)
    return thumbnails.of(order.platform, shown[0][1].asin if shown else "")


def glance_cell(order: Order, thumbnails: Thumbnails) -> SafeString:
    """`2 × Kettle`, and below it `SKU-1, +1 more`; where a part of an order has left, also how many units have not."""
    shown = items_to_show(order)
    if not shown:
        return SafeString(DASH)
    quantity, item = shown[0]
    units = markup("<b>{} ×</b> ", quantity) if quantity is not None else ""
    more = _(", +%(n)d more") % {"n": len(shown) - 1} if len(shown) > 1 else ""
    text = (
        '<div class="oms-glance"><span title="{}">{}{}</span>'
        '<span class="oms-when" title="{}">{}{}{}</span></div>'
    )
    title, sku = isolated(item.title or item.sku or DASH), isolated(item.sku)
    glance = markup(text, item.title, units, title, item.sku, sku, more, _left_of(order))
    return beside(thumbnails.of(order.platform, item.asin), glance)


def _left_of(order: Order) -> str:
    if not order.is_to_ship:
        return ""
    left, ordered = order.quantity_left, sum(item.quantity_ordered or 0 for item in order.items.all())
    if left is None or left >= ordered:
        return ""
    return " · " + _("%(left)d of %(ordered)d left") % {"left": left, "ordered": ordered}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """A line of an order as its page shows it. `steps` lead from price × quantity to the total; `money`: what
    the platform reports, each with its label."""

    picture: SafeString
    title: str
    sku: str
    asin: str
    stock_page: str
    ordered: SafeString
    shipped: SafeString
    left: SafeString
    is_left: bool
    unit_price: SafeString
    total: SafeString
    steps: list[tuple[str, SafeString]]
    basis: Text
    money: list[tuple[str, SafeString]]
    tax_paid_by: str


def line_rows(order: Order, items: Sequence[OrderItem]) -> list[LineRow]:
    stock = (
        f"{reverse('admin:inventory_inventoryitem_changelist')}?platform__id__exact={order.platform_id}&q="
    )
    thumbnails = Thumbnails((order.platform, item.asin) for item in items)
    return [_line_row(order, item, stock, thumbnails) for item in items]


def _line_row(order: Order, item: OrderItem, stock: str, thumbnails: Thumbnails) -> LineRow:
    amounts = line_amounts(item)
    return LineRow(
        picture=thumbnails.of(order.platform, item.asin),
        title=item.title,
        sku=item.sku,
        asin=item.asin,
        stock_page=stock + quote(item.sku) if item.sku else "",
        ordered=number(item.quantity_ordered),
        shipped=number(item.quantity_shipped),
        left=number(item.quantity_left),
        is_left=bool(item.quantity_left) and order.is_to_ship,
        unit_price=money(item.unit_price, item.currency),
        total=money(item.total, item.currency),
        steps=list(_steps(item, amounts)),
        basis=BASES[amounts.basis],
        money=list(_reported(item)),
        tax_paid_by=" · ".join(filter(None, [item.tax_responsible_party or item.tax_model, item.tax_scheme])),
    )


def _steps(item: OrderItem, amounts: LineAmounts) -> Iterator[tuple[str, SafeString]]:
    for name, amount in amounts.steps:
        label = str(STEPS[name])
        if name == "units" and item.unit_price is not None:
            label = f"{local_amount(item.unit_price, item.currency)} × {item.quantity_ordered}"
        yield label, money(amount, item.currency)


def _reported(item: OrderItem) -> Iterator[tuple[str, SafeString]]:
    for name in ("item_subtotal", "shipping", "other_charges", "discount", "tax", *TAX_PARTS):
        if (amount := getattr(item, name)) is not None:
            yield capfirst(str(label_for_field(name, OrderItem))), money(amount, item.currency)
