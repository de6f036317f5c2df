"""Orders: read-only, without buyer data; that has a page of its own, and each reading of it is recorded."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from backoffice.base.cells import (
    clamped,
    label_of,
    money,
    platform_time_cell,
    source_badge,
    stacked,
)
from backoffice.base.channels import fulfilment_name, site_flag
from backoffice.base.filters import HasFailuresFilter, MarketplaceFilter
from backoffice.base.model_admin import DayRangeFilter, ReadOnlyAdmin, is_export
from backoffice.base.paging import BoundedChangeList
from backoffice.export.views import TOKEN as EXPORT_TOKEN
from backoffice.lists.tabs import Tab
from backoffice.orders.buyer import address_lines, buyer_rows
from backoffice.orders.exports import ORDER_EXPORTS
from backoffice.orders.filters import (
    CancellationFilter,
    CurrencyFilter,
    ForMeFilter,
    FrequentChoicesFilter,
    OrderPlatformFilter,
    OrderStatusFilter,
    PackedFilter,
    RiskFilter,
    ShipToFilter,
    TagFilter,
    ToShipFilter,
    order_tabs,
)
from backoffice.orders.items import glance_cell, thumbnails_of
from backoffice.orders.order_page import SEE_BUYER, due_badge, page_of
from backoffice.orders.status import state_badges
from backoffice.orders.team import NOTE, assign_selected, team_view
from backoffice.packing.picking import PACK, pick_selected
from backoffice.privacy.erasing import ERASE, ReasonForm, erase_order
from backoffice.shipping.many import ship_selected
from backoffice.shipping.presentation import SHIP
from backoffice.shipping.shipping import ship_view
from backoffice.users.second_factor.confirming import ask_first
from core.format import clock, local_short_day, platform_time
from core.markup import markup
from orders.buyer_reading import read_buyer
from orders.listing import of_platforms
from orders.models import Order, OrderBuyer, OrderItem
from orders.search import find_exact, find_orders
from platforms.models import PLATFORM, Source


def of_shipping(request: HttpRequest) -> bool:
    """Whether the list is of orders that are to be shipped, which are few."""
    return any(request.GET.get(name) for name in ("to_ship", "risk", "packed"))


class OrderChangeList(BoundedChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """With the pictures of all rows of the page."""
        super().get_results(request)
        if "glance" in self.list_display:
            orders: list[Any] = list(self.result_list)
            thumbnails = thumbnails_of(orders)
            for order in orders:
                order.thumbnails = thumbnails

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Order]) -> list[Any]:
        """By one column and the id in the same direction, as the indexes are."""
        first = super().get_ordering(request, queryset)[0]
        return [first, "-pk" if str(first).startswith("-") else "pk"]


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = (
        "order_id", "state", "source_of", "purchased", "to_ship_by", "number_total", "glance", "fulfilled_by",
        "platform_name",
    )  # fmt: skip
    columns = (
        "order_id", "state", "glance", "to_ship_by", "purchased", "marketplace", "fulfilment", "number_total",
        "number_tax", "to_deliver_by", "service_level", "platform_name", "source_of",
    )  # fmt: skip
    default_columns = columns[:8]
    numbers_boxes = False
    list_filter = (
        ToShipFilter, ("platform", OrderPlatformFilter), ("status", OrderStatusFilter),
        ("fulfilled_by", FrequentChoicesFilter), MarketplaceFilter, ("purchased_at", DayRangeFilter),
        ("ship_by", DayRangeFilter), ("source", FrequentChoicesFilter),
        ("completeness", FrequentChoicesFilter), HasFailuresFilter,
        ("buyer_requested_cancellation", CancellationFilter), ForMeFilter, TagFilter, RiskFilter, PackedFilter,
        CurrencyFilter, ShipToFilter,
    )  # fmt: skip
    exports = ORDER_EXPORTS
    list_fullwidth = True
    search_fields = ("external_id",)  # see get_search_results
    search_help_text = gettext_lazy("Order id, SKU, ASIN, tracking number, or words of a title")
    empty_text = gettext_lazy("No order was stored yet. Open Platforms and start a sync.")
    actions = ("make_pick_list", "ship_orders", "assign_to_me")
    change_form_template = "orders/order_page.html"
    fieldsets = ()  # the page has a template of its own

    def tabs_for(self, request: HttpRequest) -> Sequence[Tab]:
        return order_tabs(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        queryset: QuerySet[Order] = super().get_queryset(request).prefetch_related(PLATFORM)
        if self.is_list(request):
            items = OrderItem.objects.only(
                "order_id", "sku", "asin", "title", "quantity_ordered", "quantity_left"
            )
            return queryset.defer("payload").prefetch_related(Prefetch("items", queryset=items))
        return queryset

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        if not self.is_list(request) and not is_export(request):
            return super().confine(request, rows, ids)
        is_alone = not set(request.GET) - {PAGE_VAR, EXPORT_TOKEN}
        return of_platforms(rows, sorted(ids), is_alone=is_alone)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return OrderChangeList

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        """By ship-by time only what is to be shipped: of all orders, no index has them in this order."""
        return ("purchased", "to_ship_by") if of_shipping(request) else ("purchased",)

    def get_ordering(self, request: HttpRequest) -> Any:
        """What is to be shipped begins with what is due first."""
        return ("ship_by", "pk") if of_shipping(request) else ("-purchased_at", "-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """A complete id, SKU (which may contain spaces) or ASIN finds only its orders; any other text searches more
        widely."""
        if term := search_term.strip():
            found = find_exact(queryset, term) or find_orders(queryset, term)
            request.oms_is_scan = found.is_scan  # type: ignore[attr-defined]  # for BoundedChangeList
            queryset = found.orders
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        read, erase = (
            never_cache(self.admin_site.admin_view(view)) for view in (self.buyer_view, self.erase_view)
        )
        team, ship = (self.admin_site.admin_view(partial(view, self)) for view in (team_view, ship_view))
        return [
            path("<path:object_id>/team/", team, name="orders_order_team"),
            path("<path:object_id>/ship/", ship, name="orders_order_ship"),
            path("<path:object_id>/buyer/", read, name="orders_order_buyer"),
            path("<path:object_id>/buyer/erase/", erase, name="orders_order_erase"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if order := context.get("original"):
            context.update(page_of(request, order))
        return super().render_change_form(request, context, *args, **kwargs)

    def buyer_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Name and address of the buyer, to whoever says why. The reading is recorded before they are shown."""
        order = self.get_object(request, unquote(object_id))
        if not request.user.has_perm(SEE_BUYER) or not self.has_view_permission(request, order):
            raise PermissionDenied
        if asked := ask_first(request):
            return asked
        if order is None or not OrderBuyer.objects.filter(order=order).exists():
            raise Http404
        form = ReasonForm(request.POST if request.method == "POST" else None)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Buyer of %(order)s") % {"order": order.external_id},
            "opts": self.opts,
            "original": order,
            "form": form,
        }
        if request.method != "POST" or not form.is_valid():
            return TemplateResponse(request, "oms/ask_buyer.html", context)
        buyer = read_buyer(order, reason=form.cleaned_data["reason"])
        if buyer is None:  # deleted at this moment
            raise Http404
        rows = buyer_rows(buyer, dict(order.items.values_list("external_id", "sku")))
        context |= {"buyer": buyer, "rows": rows, "envelope": "\n".join(address_lines(buyer))}
        return TemplateResponse(request, "oms/buyer.html", context)

    def erase_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first; then erases what is stored of the buyer, and shows the receipt."""
        order = self.get_object(request, unquote(object_id))
        if not request.user.has_perm(ERASE) or not self.has_view_permission(request, order):
            raise PermissionDenied
        if order is None:
            raise Http404
        if asked := ask_first(request):
            return asked
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            erase_order(request, order, form.cleaned_data["reason"])
            return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Erase the buyer data of %(order)s") % {"order": order.external_id},
            "opts": self.opts,
            "original": order,
            "form": form,
        }
        return TemplateResponse(request, "oms/erase_buyer.html", context)

    def has_note_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(NOTE)

    def has_pack_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PACK)

    @admin.action(description=gettext_lazy("Pick list"), permissions=["pack"])
    def make_pick_list(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return pick_selected(request, queryset)

    def has_ship_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SHIP)

    @admin.action(description=gettext_lazy("Ship…"), permissions=["ship"])
    def ship_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse:
        return ship_selected(request, queryset)

    @admin.action(description=gettext_lazy("Assign to me"), permissions=["note"])
    def assign_to_me(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        assign_selected(request, queryset)

    @admin.display(description=gettext_lazy("status"))
    def state(self, obj: Order) -> SafeString:
        return state_badges(obj)

    @admin.display(description=gettext_lazy("total"))
    def number_total(self, obj: Order) -> SafeString:
        return money(obj.total, obj.currency)

    @admin.display(description=gettext_lazy("tax"))
    def number_tax(self, obj: Order) -> SafeString:
        return money(obj.tax, obj.currency)

    @admin.display(description=gettext_lazy("items"))
    def glance(self, obj: Any) -> SafeString:
        """What is left to ship; of an order that is done, what it was about."""
        return glance_cell(obj, obj.thumbnails)

    @admin.display(description=gettext_lazy("order id"))
    def order_id(self, obj: Order) -> SafeString:
        """What is not live is marked: it is never shipped."""
        text = '<span class="oms-nowrap">{}</span>{}'
        return markup(text, obj.external_id, "" if obj.source == Source.LIVE else source_badge(obj.source))

    @admin.display(description=gettext_lazy("purchased"), ordering="purchased_at")
    def purchased(self, obj: Order) -> SafeString:
        return platform_time_cell(obj.purchased_at)

    @admin.display(description=gettext_lazy("deliver by"))
    def to_deliver_by(self, obj: Order) -> str:
        return platform_time(obj.deliver_by)

    @admin.display(description=gettext_lazy("ship by"), ordering="ship_by")
    def to_ship_by(self, obj: Order) -> SafeString:
        """With a countdown, while the seller has to ship it."""
        shown = due_badge(obj)
        if obj.ship_by is None or not shown:
            return platform_time_cell(obj.ship_by)
        local = timezone.localtime(obj.ship_by)
        return stacked(shown, f"{local_short_day(local, timezone.localtime())} {clock(local)}")

    @admin.display(description=gettext_lazy("platform"))
    def platform_name(self, obj: Order) -> SafeString:
        return clamped(str(obj.platform))

    @admin.display(description=gettext_lazy("marketplace"))
    def marketplace(self, obj: Order) -> SafeString:
        return site_flag(obj.platform, obj.marketplace_id)

    @admin.display(description=gettext_lazy("ships"))
    def fulfilment(self, obj: Order) -> SafeString:
        return fulfilment_name(obj.platform, obj.fulfilled_by, label_of(Order.FulfilledBy, obj.fulfilled_by))

    @admin.display(description=gettext_lazy("source"))
    def source_of(self, obj: Order) -> SafeString:
        return source_badge(obj.source)
