"""Orders: read-only, without buyer data; that has a page of its own, and each reading of it is recorded."""

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from integrations.admin_filters import MarketplaceFilter, country_code, country_name
from oms.admin_base import DayRangeFilter, ReadOnlyAdmin, ReadOnlyInline, choices_filter, platform_filter
from oms.admin_values import (
    DASH,
    badge,
    items_at_a_glance,
    money,
    number,
    pretty_json,
    shortened,
    source_badge,
    stacked,
    title_cell,
    when,
)
from orders.admin_to_ship import ToShipFilter
from orders.models import Order, OrderBuyer, OrderItem

SEE_BUYER = "orders.view_orderbuyer"
STATUS_COLOURS = {
    Order.Status.PENDING: "info",
    Order.Status.UNSHIPPED: "warning",
    Order.Status.PARTIALLY_SHIPPED: "warning",
    Order.Status.SHIPPED: "success",
    Order.Status.UNFULFILLABLE: "danger",
}


class ItemInline(ReadOnlyInline):
    model = OrderItem
    fields = (
        "sku", "asin", "short_title", "number_ordered", "number_shipped", "number_unit_price", "number_total",
        "number_tax", "number_shipping", "number_discount",
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

    @admin.display(description=gettext_lazy("unit price"))
    def number_unit_price(self, obj: OrderItem) -> SafeString:
        return money(obj.unit_price, obj.currency)

    @admin.display(description=gettext_lazy("total"))
    def number_total(self, obj: OrderItem) -> SafeString:
        return money(obj.total, obj.currency)

    @admin.display(description=gettext_lazy("tax"))
    def number_tax(self, obj: OrderItem) -> SafeString:
        return money(obj.tax, obj.currency)

    @admin.display(description=gettext_lazy("shipping"))
    def number_shipping(self, obj: OrderItem) -> SafeString:
        return money(obj.shipping, obj.currency)

    @admin.display(description=gettext_lazy("discount"))
    def number_discount(self, obj: OrderItem) -> SafeString:
        return money(obj.discount, obj.currency)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = (
        "order_id", "state", "source_of", "purchased", "to_ship_by", "number_total", "glance", "fulfilled_by",
        "platform_name",
    )  # fmt: skip
    list_filter = (
        platform_filter(), choices_filter("status"), choices_filter("source"), choices_filter("fulfilled_by"),
        MarketplaceFilter, ("purchased_at", DayRangeFilter), ToShipFilter, "buyer_requested_cancellation",
    )  # fmt: skip
    list_select_related = ("platform",)
    list_fullwidth = True
    search_fields = ("external_id__startswith", "items__sku__startswith", "items__title__icontains")
    search_help_text = gettext_lazy("Order id, SKU, ASIN, or words of a title")
    empty_text = gettext_lazy('No order was stored yet. Open Platforms and press "Sync from Amazon".')
    inlines = (ItemInline,)
    fieldsets = (
        (None, {"fields": (
            ("external_id", "platform"), ("state", "platform_status"), ("number_total", "source_of"),
            ("purchased_at", "platform_updated_at"), ("marketplace_name", "synced_at"),
        )}),
        (gettext_lazy("Fulfilment"), {"fields": (
            ("fulfilled_by", "service_level"), ("ship_by", "deliver_by"), ("cancellation", "replaced_order_id"),
            "programs_list",
        )}),
        (gettext_lazy("Payload without personal data"), {"fields": ("payload_text",), "classes": ("collapse",)}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        queryset: QuerySet[Order] = super().get_queryset(request)
        if self.is_list(request):
            items = OrderItem.objects.only("order_id", "sku")
            return queryset.defer("payload").prefetch_related(Prefetch("items", queryset=items))
        return queryset

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """A whole id, SKU (which may hold spaces) or ASIN finds just its orders; anything else searches wider."""
        term = search_term.strip()
        if term:
            lines = OrderItem.objects.filter(Q(sku=term) | Q(asin=term), order=OuterRef("pk"))
            exact = queryset.filter(Q(external_id=term) | Q(Exists(lines)))
            if exact.exists():
                return exact, False
        return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[URLPattern]:
        view = never_cache(self.admin_site.admin_view(self.buyer_view))
        return [path("<path:object_id>/buyer/", view, name="orders_order_buyer"), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        order = context.get("original")
        if order and request.user.has_perm(SEE_BUYER) and OrderBuyer.objects.filter(order=order).exists():
            url = reverse("admin:orders_order_buyer", args=[order.pk])
            context["page_links"] = [{"title": _("Buyer data"), "url": url, "icon": "person"}]
        return super().render_change_form(request, context, *args, **kwargs)

    def buyer_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Name and address of the buyer. That somebody read them is written down before they are shown."""
        order = self.get_object(request, unquote(object_id))
        if not request.user.has_perm(SEE_BUYER) or not self.has_view_permission(request, order):
            raise PermissionDenied
        buyer = OrderBuyer.objects.filter(order=order).first() if order else None
        if order is None or buyer is None:
            raise Http404
        with transaction.atomic():
            # Read before the log is written, shown after: an entry that cannot be written shows nothing.
            LogEntry.objects.log_actions(
                user_id=int(request.user.pk or 0),
                queryset=[order],
                action_flag=CHANGE,
                change_message="Read buyer data.",
                single_object=True,
            )
        context = {
            **self.admin_site.each_context(request),
            "title": _("Buyer of %(order)s") % {"order": order.external_id},
            "opts": self.opts,
            "original": order,
            "buyer": buyer,
            "rows": buyer_rows(buyer),
        }
        return TemplateResponse(request, "oms/buyer.html", context)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, obj: Order) -> SafeString:
        text = obj.get_status_display()
        colour = STATUS_COLOURS.get(Order.Status(obj.status), "") if obj.status in Order.Status.values else ""
        shown = badge(text, colour, title=obj.platform_status)
        if obj.buyer_requested_cancellation:
            shown += badge(_("cancel?"), "danger", title=_("The buyer asks to cancel."))
        return shown

    @admin.display(description=gettext_lazy("total"), ordering="total")
    def number_total(self, obj: Order) -> SafeString:
        return money(obj.total, obj.currency)

    @admin.display(description=gettext_lazy("items"))
    def glance(self, obj: Order) -> SafeString:
        return shortened(items_at_a_glance([item.sku for item in obj.items.all()]), 40)

    @admin.display(description=gettext_lazy("order id"), ordering="external_id")
    def order_id(self, obj: Order) -> SafeString:
        return format_html('<span class="oms-nowrap">{}</span>', obj.external_id)

    @admin.display(description=gettext_lazy("purchased"), ordering="purchased_at")
    def purchased(self, obj: Order) -> SafeString:
        return when(obj.purchased_at)

    @admin.display(description=gettext_lazy("ship by"), ordering="ship_by")
    def to_ship_by(self, obj: Order) -> SafeString:
        return when(obj.ship_by)

    @admin.display(description=gettext_lazy("platform"), ordering="platform__name")
    def platform_name(self, obj: Order) -> SafeString:
        return stacked(obj.platform, country_code(obj.marketplace_id))

    @admin.display(description=gettext_lazy("buyer asks to cancel"))
    def cancellation(self, obj: Order) -> SafeString:
        return badge(_("yes"), "danger") if obj.buyer_requested_cancellation else SafeString(_("no"))

    @admin.display(description=gettext_lazy("marketplace"))
    def marketplace_name(self, obj: Order) -> str:
        return country_name(obj.marketplace_id)

    @admin.display(description=gettext_lazy("source"), ordering="source")
    def source_of(self, obj: Order) -> SafeString:
        return source_badge(obj.source)

    @admin.display(description=gettext_lazy("programs"))
    def programs_list(self, obj: Order) -> str:
        return ", ".join(map(str, obj.programs)) or DASH

    @admin.display(description=gettext_lazy("payload"))
    def payload_text(self, obj: Order) -> SafeString:
        return pretty_json(obj.payload)


def buyer_rows(buyer: OrderBuyer) -> list[tuple[str, str]]:
    """Label and value, the address line by line; nothing for what is empty."""
    rows: list[tuple[str, str]] = []
    for name, value in buyer.data.items():
        parts = value.items() if isinstance(value, dict) else [(name, value)]
        rows += [(_label(str(key)), str(text)) for key, text in parts if text]
    return rows


def _label(key: str) -> str:
    """`postalCode` and `postal_code` as "Postal code"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key.replace("_", " "))
    return str(capfirst(words.lower()))
