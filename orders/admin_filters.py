"""Filters of the list of orders.

The list is read in the order of one index that holds all of these columns (`order_newest`). A filter on a value that
most orders have must not tempt the database to take another index, read hundreds of thousands of orders and sort them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from oms.admin_base import DropdownFilter
from orders.models import Order
from platforms.models import Source

FREQUENT = {
    "status": (Order.Status.SHIPPED, Order.Status.CANCELLED),
    "source": (Source.LIVE,),
    "fulfilled_by": Order.FulfilledBy.values,
}
# What a seller still has to ship; a pending order is not paid for yet.
TO_SHIP = (Order.Status.UNSHIPPED, Order.Status.PARTIALLY_SHIPPED)


class FrequentChoicesFilter(ChoicesDropdownFilter):  # type: ignore[misc]  # unfold has no annotations
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted, name = self.value(), str(self.field.name)
        if wanted in FREQUENT[name]:
            return in_order(queryset, name, [wanted], nothing="")
        result: QuerySet[Any] = super().queryset(request, queryset)
        return result


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
            ("overdue", _("overdue")),
            ("today", _("today")),
            ("tomorrow", _("tomorrow")),
            ("later", _("later")),
            ("unknown", _("without a ship-by time")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        return queryset.filter(**to_ship(wanted)) if wanted in dict(self.lookup_choices) else queryset


def to_ship(when: str, now: datetime | None = None) -> dict[str, Any]:
    """Lookups for orders that the seller has to ship: any, overdue, today, tomorrow, later, or unknown."""
    now = timezone.localtime(now)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow, day_after = midnight + timedelta(days=1), midnight + timedelta(days=2)
    ranges: dict[str, dict[str, Any]] = {
        "overdue": {"ship_by__lt": now},
        "today": {"ship_by__gte": now, "ship_by__lt": tomorrow},
        "tomorrow": {"ship_by__gte": tomorrow, "ship_by__lt": day_after},
        "later": {"ship_by__gte": day_after},
        "unknown": {"ship_by__isnull": True},
    }
    not_ours = {"fulfilled_by__in": [Order.FulfilledBy.MERCHANT, ""]}
    return {"status__in": TO_SHIP} | not_ours | ranges.get(when, {})


def is_to_ship(order: Order) -> bool:
    """Whether it is the seller who has to ship it, and has not yet."""
    return order.status in TO_SHIP and order.fulfilled_by != Order.FulfilledBy.PLATFORM


def in_order(queryset: QuerySet[Any], name: str, values: Iterable[Any], *, nothing: Any) -> QuerySet[Any]:
    """Filter so that the database has no reason to leave the order of the list: the column stands in a function."""
    alias = f"frequent_{name}"
    queryset = queryset.alias(**{alias: Coalesce(name, Value(nothing))})
    return queryset.filter(**{f"{alias}__in": list(values)})
