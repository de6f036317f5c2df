"""Filters of the list of orders.

The list is read in the order of one index that holds all of these columns (`order_newest`). A filter on a value that
most orders have must not tempt the database to take another index, read hundreds of thousands of orders and sort them.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import BooleanFieldListFilter
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from oms.admin_base import DropdownFilter
from orders.models import Order
from orders.search import FEW, all_platforms
from orders.to_ship import Due, due
from platforms.models import Source

FREQUENT = {
    "status": (Order.Status.SHIPPED, Order.Status.CANCELLED),
    "source": (Source.LIVE,),
    "fulfilled_by": Order.FulfilledBy.values,
}


class FrequentChoicesFilter(ChoicesDropdownFilter):  # type: ignore[misc]  # unfold has no annotations
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted, name = self.value(), str(self.field.name)
        if wanted in FREQUENT[name]:
            return in_order(queryset, name, [wanted], nothing="")
        result: QuerySet[Any] = super().queryset(request, queryset)
        if name == "status" and wanted in Order.Status.values:
            return few_by_id(result, Order.objects.filter(status=wanted))
        return result


class CancellationFilter(BooleanFieldListFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        result = super().queryset(request, queryset)
        if result is None or self.lookup_val != "1":
            return result
        # All sources and platforms, which makes it an index's business: it begins with them. And a list of one value:
        # for a bare column in its WHERE, which is what Django makes of "= True", SQLite takes no index.
        asked = Order.objects.filter(
            source__in=Source.values, platform__in=all_platforms(), buyer_requested_cancellation__in=[True]
        )
        return few_by_id(result, asked)


class PlatformFilter(RelatedDropdownFilter):  # type: ignore[misc]
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted, others = self.value(), set(request.GET) - {self.lookup_kwarg, "p"}
        if others and str(wanted or "").isdecimal():
            return in_order(queryset, "platform_id", [int(wanted)], nothing=0)
        result: QuerySet[Any] = super().queryset(request, queryset)
        return result


class ToShipFilter(DropdownFilter):
    """By the day of the ship-by time, in the current time zone. These lists begin with what is due first."""

    title = _("to ship")
    parameter_name = "to_ship"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("any", _("all that is to be shipped")),
            *Due.choices,
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted not in dict(self.lookup_choices):
            return queryset
        waiting: QuerySet[Any] = queryset.to_ship()  # type: ignore[attr-defined]  # an OrderQuerySet
        return waiting if wanted == "any" else waiting.filter(due()[Due(wanted)])


def few_by_id(queryset: QuerySet[Any], wanted: QuerySet[Order]) -> QuerySet[Any]:
    """Where few orders are `wanted`, look them up by id: a walk through all orders would find them one by one, and a
    database that takes all values of a column for equally frequent walks."""
    ids = list(wanted.order_by().values_list("pk", flat=True)[: FEW + 1])
    return queryset if len(ids) > FEW else queryset.filter(pk__in=ids)


def in_order(queryset: QuerySet[Any], name: str, values: Iterable[Any], *, nothing: Any) -> QuerySet[Any]:
    """Filter so that the database has no reason to leave the order of the list: the column stands in a function."""
    alias = f"frequent_{name}"
    queryset = queryset.alias(**{alias: Coalesce(name, Value(nothing))})
    return queryset.filter(**{f"{alias}__in": list(values)})
