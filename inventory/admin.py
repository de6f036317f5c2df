"""Stock: read-only, one row for each SKU and marketplace."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.admin_filters import MarketplaceFilter, country_code, country_name
from inventory.exports import STOCK_EXPORTS
from inventory.models import InventoryItem
from oms.admin_base import ReadOnlyAdmin, choices_filter, platform_filter
from oms.admin_values import DASH, badge, number, source_badge, stacked, title_cell, when


class GoneFilter(admin.SimpleListFilter):
    title = gettext_lazy("listed")
    parameter_name = "listed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("yes", _("listed by the platform")), ("no", _("gone"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        return queryset if wanted is None else queryset.filter(gone_at__isnull=wanted == "yes")


class StockFilter(admin.SimpleListFilter):
    title = gettext_lazy("stock")
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("low", _("low or out of stock"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.low() if self.value() == "low" else queryset


@admin.register(InventoryItem)
class InventoryItemAdmin(ReadOnlyAdmin):
    list_display = (
        "sku", "asin", "short_title", "source_of", "number_available", "number_reserved", "number_inbound",
        "number_total", "number_unfulfillable", "number_researching", "platform_name", "changed", "gone",
    )  # fmt: skip
    list_filter = (platform_filter(), MarketplaceFilter, choices_filter("source"), StockFilter, GoneFilter)
    list_select_related = ("platform",)
    exports = STOCK_EXPORTS
    list_fullwidth = True
    search_fields = ("sku__startswith", "asin__startswith", "fnsku__startswith", "title__icontains")
    search_help_text = gettext_lazy("SKU, ASIN, FNSKU, or words of a title")
    empty_text = gettext_lazy('No stock was stored yet. Open Platforms and press "Sync from Amazon".')
    fieldsets = (
        (None, {"fields": (
            ("sku", "asin"), ("fnsku", "condition"), "title", ("platform", "marketplace_name"), "source_of",
        )}),
        (gettext_lazy("Units"), {"fields": (
            ("available", "total"), ("reserved", "inbound"), ("unfulfillable", "researching"),
        )}),
        (gettext_lazy("Times"), {"fields": (("platform_updated_at", "synced_at"), "gone_at")}),
    )  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InventoryItem], search_term: str
    ) -> tuple[QuerySet[InventoryItem], bool]:
        """A whole SKU (which may hold spaces), ASIN or FNSKU finds just its rows; anything else searches wider."""
        term = search_term.strip()
        exact = queryset.filter(Q(sku=term) | Q(asin=term) | Q(fnsku=term))
        if term and exact.exists():
            return exact, False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=gettext_lazy("title"), ordering="title")
    def short_title(self, obj: InventoryItem) -> SafeString:
        return title_cell(obj.title)

    @admin.display(description=gettext_lazy("platform"), ordering="marketplace_id")
    def platform_name(self, obj: InventoryItem) -> SafeString:
        return stacked(obj.platform, country_code(obj.marketplace_id))

    @admin.display(description=gettext_lazy("changed"), ordering="platform_updated_at")
    def changed(self, obj: InventoryItem) -> SafeString:
        return when(obj.platform_updated_at)

    @admin.display(description=gettext_lazy("marketplace"))
    def marketplace_name(self, obj: InventoryItem) -> str:
        return country_name(obj.marketplace_id)

    @admin.display(description=gettext_lazy("available"), ordering="available")
    def number_available(self, obj: InventoryItem) -> SafeString:
        return number(obj.available)

    @admin.display(description=gettext_lazy("reserved"), ordering="reserved")
    def number_reserved(self, obj: InventoryItem) -> SafeString:
        return number(obj.reserved)

    @admin.display(description=gettext_lazy("inbound"), ordering="inbound")
    def number_inbound(self, obj: InventoryItem) -> SafeString:
        return number(obj.inbound)

    @admin.display(description=gettext_lazy("total"), ordering="total")
    def number_total(self, obj: InventoryItem) -> SafeString:
        return number(obj.total)

    @admin.display(description=gettext_lazy("unfulfillable"), ordering="unfulfillable")
    def number_unfulfillable(self, obj: InventoryItem) -> SafeString:
        return number(obj.unfulfillable)

    @admin.display(description=gettext_lazy("researching"), ordering="researching")
    def number_researching(self, obj: InventoryItem) -> SafeString:
        return number(obj.researching)

    @admin.display(description=gettext_lazy("source"), ordering="source")
    def source_of(self, obj: InventoryItem) -> SafeString:
        return source_badge(obj.source)

    @admin.display(description=gettext_lazy("gone since"), ordering="gone_at", empty_value=DASH)
    def gone(self, obj: InventoryItem) -> SafeString | None:
        if obj.gone_at is None:
            return None
        return badge(obj.gone_at.strftime("%Y-%m-%d"), title=_("A complete sweep no longer listed this SKU."))
