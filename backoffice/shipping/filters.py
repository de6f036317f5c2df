"""Filters and search of the list of shipments, which is in the order of their ids: the newest first."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from backoffice.base.channels import channels_in_use
from backoffice.base.model_admin import DayRangeFilter, DropdownFilter, PlatformFilter
from core.database.listing import in_order
from orders.models import Order, Shipment
from orders.search import find_exact, find_orders

FEW = 4000
SLACK = 1000  # ids; shipments that are made at the same time do not get theirs in the order of the clock


def newest_first(rows: QuerySet[Any], platform_ids: Collection[int]) -> QuerySet[Any]:
    """Those of these platforms, in the order of the list: few are looked up by id."""
    if len(platform_ids) == 1:
        return rows.filter(platform__in=platform_ids)
    ids = list(
        Shipment.objects.filter(platform__in=platform_ids).order_by().values_list("pk", flat=True)[: FEW + 1]
    )
    if len(ids) <= FEW:
        return rows.filter(pk__in=ids)
    return in_order(rows, "platform_id", *sorted(platform_ids), nothing=0)


def find_shipments(rows: QuerySet[Shipment], text: str) -> QuerySet[Shipment]:
    """With exactly this tracking number, or else of orders that this text finds by their id, or another word of
    theirs."""
    if not text:
        return rows
    # Among the rows of the list: a number of a platform that the reader does not see finds nothing, and hides nothing.
    plain = rows.order_by().prefetch_related(None).filter(tracking_number=text)
    if by_number := list(plain.values_list("pk", flat=True)[: FEW + 1]):
        return rows.filter(pk__in=by_number)
    orders = Order.objects.all()
    found = find_exact(orders, text) or find_orders(orders, text)
    ids = list(found.orders.order_by().values_list("pk", flat=True)[: FEW + 1])
    return rows.filter(order__in=ids)


class ShipmentPlatformFilter(PlatformFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = str(self.value() or "")
        if wanted.isascii() and wanted.isdecimal():
            return newest_first(queryset, [int(wanted)])
        result: QuerySet[Any] = super().queryset(request, queryset)
        return result


class CarrierFilter(DropdownFilter):
    """By the carriers of the channels that the reader's platforms have."""

    title = _("carrier")
    parameter_name = "carrier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        labels = {
            carrier.code: str(carrier.label)
            for channel in channels_in_use(request)
            for carrier in channel.carriers
        }
        labels |= {
            channel.other_carrier: channel.other_carrier
            for channel in channels_in_use(request)
            if channel.other_carrier
        }
        return sorted(labels.items(), key=lambda entry: entry[1].casefold())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(carrier=self.value()) if self.value() else queryset


class MadeFilter(DayRangeFilter):
    """Days in which shipments were made, as a span of their ids: that leaves the list in its order."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        everything = Shipment.objects.order_by()
        wanted = super().queryset(request, everything)
        if wanted is everything:
            return queryset
        first = wanted.order_by("made_at").values_list("pk", flat=True).first()
        last = wanted.order_by("-made_at").values_list("pk", flat=True).first()
        if first is None or last is None:
            return queryset.none()
        return super().queryset(request, queryset.filter(pk__gte=first - SLACK, pk__lte=last + SLACK))
