"""Stock: one row for each SKU and marketplace. A sync writes it; people set thresholds, and nothing else."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.confinement import visible_platforms
from backoffice.base.cells import badges, clamped, number, source_badge, title_cell
from backoffice.base.channels import site_flag, site_name
from backoffice.base.filters import MarketplaceFilter
from backoffice.base.model_admin import OmsAdmin, choices_filter, is_export, platform_filter
from backoffice.base.paging import BoundedChangeList
from backoffice.base.pictures import Thumbnails, beside
from backoffice.inventory.exports import STOCK_EXPORTS
from backoffice.inventory.kinds import kinds_of
from backoffice.inventory.sparkline import sparkline
from backoffice.inventory.stock_levels import (
    STOCK_TABS,
    StockFilter,
    StockPaginator,
    ThresholdForm,
    ThresholdFormSet,
    days_of_cover,
    level_badge,
)
from backoffice.inventory.stock_page import cells_of, chart_of, figures_of, listings_of
from core.format import DASH, grouped, platform_time
from integrations.lookup.stock_cover import covers, last_change, recent_sales
from inventory.listing import of_platforms
from inventory.models import InventoryItem
from inventory.search import find_exact, find_stock
from inventory.snapshots import histories
from inventory.thresholds import save_threshold, set_threshold
from platforms.models import PLATFORM, Source


class StockChangeList(BoundedChangeList):
    """Reads the recent stock, the days of cover and the pictures once for all rows of the page."""

    paginator_class = StockPaginator
    most_counted = None  # an action says to how many SKUs it gives a threshold

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        items = list(self.result_list)
        found, lasting = histories([item.pk for item in items]), covers(items)
        thumbnails = Thumbnails((item.platform, item.asin) for item in items)
        for item in items:
            item.history, item.cover = found.get(item.pk, ()), lasting[item.pk]
            item.picture = thumbnails.of(item.platform, item.asin)


@admin.register(InventoryItem)
class InventoryItemAdmin(OmsAdmin):
    list_display = (
        "sku", "short_title", "state", "number_available", "number_reserved", "number_inbound", "number_total",
        "threshold", "history", "cover", "platform_name",
    )  # fmt: skip
    columns = (
        "sku", "short_title", "state", "number_available", "number_reserved", "number_inbound", "number_total",
        "threshold", "history", "cover", "marketplace", "platform_name", "source_of",
    )  # fmt: skip
    default_columns = tuple(
        name for name in columns[:11] if name != "number_reserved"
    )  # the rest fits a desk
    list_editable = ("threshold",)
    list_filter = (StockFilter, platform_filter(), MarketplaceFilter, choices_filter("source"))
    tabs = STOCK_TABS
    exports = STOCK_EXPORTS
    list_fullwidth = True
    list_per_page = 25  # each row holds a form, and the page has to be there at once
    ordering = ("level", "available", "sku", "id")
    search_fields = ("sku",)  # see get_search_results
    search_help_text = gettext_lazy("SKU, ASIN, FNSKU, or words of a title")
    empty_text = gettext_lazy("No stock was stored yet. Open Platforms and start a sync.")
    actions = ("set_threshold",)
    list_before_template = "inventory/by_marketplace.html"
    change_form_outer_before_template = "inventory/item_chart.html"
    change_form_outer_after_template = "inventory/item_tables.html"
    fieldsets = (
        (None, {"fields": (
            ("sku", "asin"), ("fnsku", "condition"), "title", ("platform", "marketplace_name"),
            ("state", "source_of"), "threshold",
        )}),
        (gettext_lazy("Units"), {"fields": (
            ("available", "total"), ("reserved", "inbound"), ("unfulfillable", "researching"),
        )}),
        (gettext_lazy("Times"), {"fields": (("changed", "synced_at"), "gone_at")}),
    )  # fmt: skip
    readonly_fields = (
        "sku", "asin", "fnsku", "condition", "title", "platform", "marketplace_name", "state", "source_of",
        "available", "total", "reserved", "inbound", "unfulfillable", "researching", "changed",
        "synced_at", "gone_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[InventoryItem]:
        queryset: QuerySet[InventoryItem] = super().get_queryset(request)
        return queryset.prefetch_related(PLATFORM)

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        if self.is_list(request) or is_export(request):
            return of_platforms(rows, ids)
        return super().confine(request, rows, ids)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return StockChangeList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **kwargs | {"form": ThresholdForm})

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_formset(request, **kwargs | {"formset": ThresholdFormSet})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InventoryItem], search_term: str
    ) -> tuple[QuerySet[InventoryItem], bool]:
        """A complete SKU (which may contain spaces), ASIN or FNSKU finds only its rows; any other text searches
        more widely."""
        if term := search_term.strip():
            found = find_exact(queryset, term) or find_stock(queryset, term)
            request.oms_is_scan = found.is_scan  # type: ignore[attr-defined]  # for BoundedChangeList
            queryset = found.items
        return queryset, False

    def save_model(
        self, request: HttpRequest, obj: InventoryItem, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """The threshold alone: a sync may have stored other quantities since the page was opened."""
        save_threshold(obj)

    @admin.action(description=gettext_lazy("Set threshold…"), permissions=["change"])
    def set_threshold(self, request: HttpRequest, queryset: QuerySet[InventoryItem]) -> HttpResponse | None:
        """Asks for a number, and gives it to all that were selected."""
        form = ThresholdForm(request.POST if "set" in request.POST else None)
        if form.is_valid():
            changed = set_threshold(items=queryset, threshold=form.cleaned_data["threshold"])
            text = ngettext("%(count)s threshold was changed.", "%(count)s thresholds were changed.", changed)
            self.message_user(request, text % {"count": grouped(changed)})
            return HttpResponseRedirect(request.get_full_path())
        context = {
            **self.admin_site.each_context(request),
            "title": _("Set threshold"),
            "opts": self.opts,
            "form": form,
            "count": queryset.count(),
            "back": request.get_full_path(),
            "kept": [
                (name, value)
                for name in ("action", "select_across", "index", "_selected_action")
                for value in request.POST.getlist(name)
            ],
        }
        return TemplateResponse(request, "inventory/set_threshold.html", context)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        item = context.get("original")
        if item:
            context |= chart_of(item) | figures_of(item, covers([item])[item.pk])
            context["kinds"] = kinds_of(item)
            context["listings"] = [
                (listing, site_name(listing.platform, listing.marketplace_id) or DASH, cells_of(listing))
                for listing in listings_of(item, visible_platforms(request))
            ]
            if request.user.has_perm("orders.view_order"):
                context["sales"] = recent_sales(item)
            if request.user.has_perm("integrations.view_synclog"):
                context["last_change"] = last_change(item)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("title"), ordering="title")
    def short_title(self, obj: Any) -> SafeString:
        return beside(obj.picture, title_cell(obj.title))

    @admin.display(description=gettext_lazy("stock level"), ordering="level")
    def state(self, obj: InventoryItem) -> SafeString:
        """With a badge for mock and sandbox rows, which are never counted."""
        shown = level_badge(obj)
        return shown if obj.source == Source.LIVE else badges(shown, source_badge(obj.source))

    @admin.display(description=gettext_lazy("platform"), ordering="marketplace_id")
    def platform_name(self, obj: InventoryItem) -> SafeString:
        return clamped(str(obj.platform))

    @admin.display(description=gettext_lazy("marketplace"), ordering="marketplace_id")
    def marketplace(self, obj: InventoryItem) -> SafeString:
        return site_flag(obj.platform, obj.marketplace_id)

    @admin.display(description=gettext_lazy("marketplace"))
    def marketplace_name(self, obj: InventoryItem) -> str:
        return site_name(obj.platform, obj.marketplace_id) or DASH

    @admin.display(description=gettext_lazy("changed on the platform"))
    def changed(self, obj: InventoryItem) -> str:
        return platform_time(obj.platform_updated_at)

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

    @admin.display(description=gettext_lazy("30 days"))
    def history(self, obj: Any) -> SafeString:
        return sparkline(obj.history)

    @admin.display(description=gettext_lazy("days of cover"))
    def cover(self, obj: Any) -> SafeString:
        return days_of_cover(obj.cover)

    @admin.display(description=gettext_lazy("source"), ordering="source")
    def source_of(self, obj: InventoryItem) -> SafeString:
        return source_badge(obj.source)
