"""The items of an order: on its page, and at a glance in lists."""

from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import money, number, title_cell
from backoffice.base.model_admin import ReadOnlyInline
from core.format import DASH
from orders.models import Order, OrderItem

TAX_PARTS = ("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax")


def items_to_show(order: Order) -> list[tuple[int | None, OrderItem]]:
    """Quantity and line of each, for lists. While something is to be shipped, these are the lines of which something is
    left, with what is left; where that is not known, with what was ordered."""
    if order.status in Order.OPEN and (left := order.items_to_ship):
        return [(item.units_to_ship, item) for item in left]
    return [(item.quantity_ordered, item) for item in order.items.all()]


def glance_cell(order: Order) -> SafeString:
    """`2 × Kettle`, and below it `SKU-1, +1 more`; where a part of an order has left, also how many units have not."""
    shown = items_to_show(order)
    if not shown:
        return SafeString(DASH)
    quantity, item = shown[0]
    units = format_html("<b>{} ×</b> ", quantity) if quantity is not None else ""
    more = _(", +%(n)d more") % {"n": len(shown) - 1} if len(shown) > 1 else ""
    text = (
        '<div class="oms-glance"><span title="{}">{}{}</span>'
        '<span class="oms-when" title="{}">{}{}{}</span></div>'
    )
    return format_html(
        text, item.title, units, item.title or item.sku or DASH, item.sku, item.sku, more, _left_of(order)
    )


def _left_of(order: Order) -> str:
    left = order.quantity_left if order.is_to_ship else None
    ordered = sum(item.quantity_ordered or 0 for item in order.items.all())
    if left is None or left >= ordered:
        return ""
    return " · " + _("%(left)d of %(ordered)d left") % {"left": left, "ordered": ordered}


class ItemInline(ReadOnlyInline):
    model = OrderItem
    fields = (
        "sku", "asin", "short_title", "number_ordered", "number_shipped", "number_left", "number_unit_price",
        "number_total", "number_tax", "tax_parts", "number_shipping", "number_discount", "tax_paid_by",
    )  # fmt: skip
    readonly_fields = fields
    verbose_name_plural = gettext_lazy("items")

    @admin.display(description=gettext_lazy("title"))
    def short_title(self, obj: OrderItem) -> SafeString:
        return title_cell(obj.title)

    @admin.display(description=gettext_lazy("ordered"))
    def number_ordered(self, obj: OrderItem) -> SafeString:
        return number(obj.quantity_ordered)

    @admin.display(description=gettext_lazy("shipped"))
    def number_shipped(self, obj: OrderItem) -> SafeString:
        return number(obj.quantity_shipped)

    @admin.display(description=gettext_lazy("left to ship"))
    def number_left(self, obj: OrderItem) -> SafeString:
        return number(obj.quantity_left)

    @admin.display(description=gettext_lazy("unit price"))
    def number_unit_price(self, obj: OrderItem) -> SafeString:
        return money(obj.unit_price, obj.currency)

    @admin.display(description=gettext_lazy("total"))
    def number_total(self, obj: OrderItem) -> SafeString:
        return money(obj.total, obj.currency)

    @admin.display(description=gettext_lazy("tax"))
    def number_tax(self, obj: OrderItem) -> SafeString:
        return money(obj.tax, obj.currency)

    @admin.display(description=gettext_lazy("parts of the tax"))
    def tax_parts(self, obj: OrderItem) -> SafeString:
        """One below the other, each with its name."""
        parts = [
            (capfirst(str(label_for_field(name, OrderItem))), money(amount, obj.currency))
            for name in TAX_PARTS
            if (amount := getattr(obj, name)) is not None
        ]
        return format_html_join(SafeString("<br>"), "{}: {}", parts) or SafeString(DASH)

    @admin.display(description=gettext_lazy("shipping"))
    def number_shipping(self, obj: OrderItem) -> SafeString:
        return money(obj.shipping, obj.currency)

    @admin.display(description=gettext_lazy("tax is paid by"))
    def tax_paid_by(self, obj: OrderItem) -> str:
        """With the scheme under which it is reported."""
        return " · ".join(filter(None, [obj.tax_responsible_party or obj.tax_model, obj.tax_scheme])) or DASH

    @admin.display(description=gettext_lazy("discount"))
    def number_discount(self, obj: OrderItem) -> SafeString:
        return money(obj.discount, obj.currency)
