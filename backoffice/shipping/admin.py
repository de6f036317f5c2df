"""The list of shipments, and the page of one: how far it is, what was sent, and what its reader may do about it."""

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import badges, clamped, datetime_cell, link_to, source_badge
from backoffice.base.model_admin import ReadOnlyAdmin, choices_filter
from backoffice.base.paging import BoundedChangeList
from backoffice.lists.tabs import ALL, Tab
from backoffice.shipping.acting import act
from backoffice.shipping.exports import SHIPMENT_EXPORTS
from backoffice.shipping.filters import (
    CarrierFilter,
    MadeFilter,
    ShipmentPlatformFilter,
    find_shipments,
    newest_first,
)
from backoffice.shipping.presentation import SHIP, carrier_of, contents_of, state_badge
from backoffice.shipping.shipment_page import page_of
from core.markup import markup
from orders.models import Order, OrderItem, Shipment
from platforms.models import PLATFORM, Source

State = Shipment.State
LISTED = ("id", "order_id", "platform_id", "package_number", "carrier", "carrier_name", "service", "tracking_number",
          "shipped_at", "state", "source", "is_rehearsal", "made_by", "made_at", "error_code")  # fmt: skip


@admin.register(Shipment)
class ShipmentAdmin(ReadOnlyAdmin):
    list_display = (
        "tracking",
        "state_of",
        "order_of",
        "carrier_name_of",
        "contents",
        "shipped",
        "made",
        "platform_name",
    )
    columns = (
        "tracking", "state_of", "order_of", "carrier_name_of", "contents", "shipped", "made", "maker", "platform_name",
    )  # fmt: skip
    default_columns = columns[:7]
    tabs = (
        ALL,
        Tab(name="draft", label=gettext_lazy("Drafts"), query={"state__in": State.DRAFT}),
        Tab(name="queued", label=gettext_lazy("Waiting"), query={"state__in": State.QUEUED}),
        Tab(name="sent", label=gettext_lazy("Sent, not confirmed"), query={"state__in": State.SENT}),
        Tab(
            name="rejected", label=gettext_lazy("Rejected"), query={"state__in": State.REJECTED}, is_alarming=True
        ),
        Tab(
            name="unverified", label=gettext_lazy("Unverified"), query={"state__in": State.UNVERIFIED},
            is_alarming=True,
        ),
        Tab(name="confirmed", label=gettext_lazy("Confirmed"), query={"state__in": State.CONFIRMED}, is_counted=False),
    )  # fmt: skip
    list_filter = (
        choices_filter("state", several=True), ("platform", ShipmentPlatformFilter), CarrierFilter,
        ("made_at", MadeFilter), choices_filter("source"),
    )  # fmt: skip
    exports = SHIPMENT_EXPORTS
    list_fullwidth = True
    ordering = ("-id",)
    search_fields = ("tracking_number",)  # see get_search_results
    search_help_text = gettext_lazy("Order id, or tracking number")
    empty_text = gettext_lazy("Nothing was shipped with OMS yet. Open an order, and choose Ship.")
    change_form_template = "shipping/shipment.html"
    change_list_template = "shipping/shipments.html"
    fieldsets = ()  # the page has a template of its own

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shipment]:
        rows: QuerySet[Shipment] = super().get_queryset(request).prefetch_related(PLATFORM)
        if self.is_list(request):
            items = OrderItem.objects.only("order_id", "external_id", "sku", "title")
            orders = Order.objects.only("external_id").prefetch_related(Prefetch("items", queryset=items))
            return rows.only(*LISTED).prefetch_related("lines", Prefetch("order", queryset=orders))
        return rows

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        if self.is_list(request):
            return newest_first(rows, ids)
        return super().confine(request, rows, ids)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return BoundedChangeList

    def get_sortable_by(self, request: HttpRequest) -> tuple[()]:
        return ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Shipment], search_term: str
    ) -> tuple[QuerySet[Shipment], bool]:
        return find_shipments(queryset, search_term.strip()), False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:object_id>/act/", wrap(self.act_view), name="orders_shipment_act"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if shipment := context.get("original"):
            context.update(page_of(request, shipment))
        return super().render_change_form(request, context, *args, **kwargs)

    def act_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """POST: what somebody does about a shipment. Its page again, where that is refused."""
        shipment: Shipment | None = self.get_object(request, str(object_id))
        if not request.user.has_perm(SHIP) or not self.has_view_permission(request, shipment):
            raise PermissionDenied
        if shipment is None:
            raise Http404
        if request.method != "POST":
            raise PermissionDenied
        answer = act(request, shipment)
        if isinstance(answer, HttpResponse):
            return answer
        context = {
            **self.admin_site.each_context(request),
            "title": _("Shipment"),
            "opts": self.opts,
            "original": shipment,
            **page_of(request, shipment, form=answer),
        }
        return TemplateResponse(request, self.change_form_template, context, status=422)

    @admin.display(description=gettext_lazy("tracking number"))
    def tracking(self, obj: Shipment) -> SafeString:
        return markup('<span class="oms-nowrap">{}</span>', obj.tracking_number or _("no tracking number"))

    @admin.display(description=gettext_lazy("state"))
    def state_of(self, obj: Shipment) -> SafeString:
        state = state_badge(obj)
        return state if obj.source == Source.LIVE else badges(state, source_badge(obj.source))

    @admin.display(description=gettext_lazy("order id"))
    def order_of(self, obj: Shipment) -> SafeString:
        return link_to(obj.order)

    @admin.display(description=gettext_lazy("carrier"))
    def carrier_name_of(self, obj: Shipment) -> SafeString:
        return clamped(carrier_of(obj))

    @admin.display(description=gettext_lazy("contents"))
    def contents(self, obj: Shipment) -> SafeString:
        return clamped(contents_of(obj, obj.order))

    @admin.display(description=gettext_lazy("shipped"))
    def shipped(self, obj: Shipment) -> SafeString:
        return datetime_cell(obj.shipped_at)

    @admin.display(description=gettext_lazy("made"))
    def made(self, obj: Shipment) -> SafeString:
        return datetime_cell(obj.made_at)

    @admin.display(description=gettext_lazy("made by"))
    def maker(self, obj: Shipment) -> str:
        return obj.made_by

    @admin.display(description=gettext_lazy("platform"))
    def platform_name(self, obj: Shipment) -> SafeString:
        return clamped(str(obj.platform))
