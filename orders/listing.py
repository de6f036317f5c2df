"""Filters that keep to the order of a list of orders, for the admin and the API.

Lists are read in the order of one index that holds all that they filter by (`order_newest`). A filter on a value that
most orders have must not tempt the database to take another index, read hundreds of thousands of orders and sort them;
SQLite takes any of them, since it assumes that all values of a column are equally frequent. And a filter that few
orders pass must not be answered by a look at all of them: what an index finds is looked up by id.
"""

from collections.abc import Collection
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from core.database.listing import in_order
from core.dates import EARLIEST
from orders.models import Order, OrderItem, OrderPackage, OrderQuerySet
from orders.search import FEW, all_platforms
from platforms.models import Platform, Source

# Values by column that may be those of most orders.
FREQUENT: dict[str, Collection[str]] = {
    "status": (Order.Status.SHIPPED, Order.Status.CANCELLED),
    "source": (Source.LIVE,),
    "completeness": (Order.Completeness.FULL,),
    "fulfilled_by": ("", *Order.FulfilledBy.values),
}
# Times with an index of their own.
INDEXED_TIMES = ("purchased_at", "platform_updated_at", "synced_at")
BY_PURCHASE = "purchased_at"  # the order of the list, unless somebody asks for another one


def with_values(orders: QuerySet[Any], name: str, values: Collection[str]) -> QuerySet[Any]:
    """Orders with one of these values in this column, one of FREQUENT."""
    if not set(values).isdisjoint(FREQUENT[name]):
        return in_order(orders, name, *values)
    wanted = Order.objects.filter(**{f"{name}__in": values})
    if name in ("source", "completeness"):  # all platforms, for the indexes that begin with them
        wanted = wanted.filter(platform__in=all_platforms())
    ids = few_ids(wanted)
    return in_order(orders, name, *values) if ids is None else orders.filter(pk__in=ids)


def of_platforms(orders: QuerySet[Any], platform_ids: Collection[int], *, is_alone: bool) -> QuerySet[Any]:
    """Orders of these platforms. `is_alone`: nothing else is filtered by, and the list has its usual order; then an
    index has the orders of one platform in that order."""
    if is_alone and len(platform_ids) == 1:
        return orders.filter(platform__in=platform_ids)
    ids = few_ids(Order.objects.filter(platform__in=platform_ids))
    return (
        in_order(orders, "platform_id", *platform_ids, nothing=0)
        if ids is None
        else orders.filter(pk__in=ids)
    )


def of_visible(orders: OrderQuerySet, platform_ids: Collection[int] | None) -> OrderQuerySet:
    """Those among `orders`, which an index finds without them, that are of these platforms; None: all of them."""
    if platform_ids is None:
        return orders
    found: OrderQuerySet = in_order(orders, "platform_id", *platform_ids, nothing=0)  # type: ignore[assignment]
    return found


def within(
    orders: QuerySet[Any],
    name: str,
    *,
    start: datetime | None,
    end: datetime | None,
    ordered_by: str = BY_PURCHASE,
) -> QuerySet[Any]:
    """Orders whose time in this column is at `start` or later, and before `end`. `ordered_by` is the column that the
    list is sorted by."""
    limits = {"gte": start, "lt": end}
    asked = {lookup: moment for lookup, moment in limits.items() if moment is not None}
    condition = Q(**{f"{name}__{lookup}": moment for lookup, moment in asked.items()})
    if not asked or name == ordered_by or name not in INDEXED_TIMES:
        return orders.filter(condition)
    ids = few_ids(Order.objects.filter(condition))
    if ids is not None:
        return orders.filter(pk__in=ids)
    alias = f"scanned_{name}"
    orders = orders.alias(**{alias: Coalesce(name, Value(EARLIEST, models.DateTimeField()))})
    return orders.filter(**{f"{alias}__{lookup}": moment for lookup, moment in asked.items()})


def of_ids(orders: QuerySet[Any], external_ids: Collection[str]) -> QuerySet[Any]:
    """Orders with one of these ids, of any platform."""
    wanted = Order.objects.filter(platform__in=all_platforms(), external_id__in=external_ids)
    return orders.filter(pk__in=list(wanted.order_by().values_list("pk", flat=True)))


def of_skus(orders: QuerySet[Any], skus: Collection[str]) -> QuerySet[Any]:
    """Orders with an item of exactly one of these SKUs."""
    return orders.filter(pk__in=OrderItem.objects.filter(sku__in=skus).values("order_id"))


def of_tracking_numbers(orders: QuerySet[Any], numbers: Collection[str]) -> QuerySet[Any]:
    """Orders with a package that has exactly one of these tracking numbers."""
    return orders.filter(pk__in=OrderPackage.objects.filter(tracking_number__in=numbers).values("order_id"))


def few_by_id(queryset: QuerySet[Any], wanted: QuerySet[Order]) -> QuerySet[Any]:
    """Where few orders are `wanted`, look them up by id: a scan of all orders would find them one by one."""
    ids = few_ids(wanted)
    return queryset if ids is None else queryset.filter(pk__in=ids)


def few_ids(wanted: QuerySet[Order]) -> list[int] | None:
    """The ids of the orders that are `wanted`, which an index has to find; None where these are many."""
    ids = list(wanted.order_by().values_list("pk", flat=True)[: FEW + 1])
    return None if len(ids) > FEW else ids


def any_by_report(platform_ids: Collection[int] | None) -> bool:
    """Whether an order of these platforms (None: of any) is known by report alone, in its newest version at
    least (Order.Completeness). One query.

    By platform, and each state apart: of the orders of all platforms in several states, MariaDB reads the whole index.
    """
    platforms = Platform.objects.order_by()
    if platform_ids is not None:
        platforms = platforms.filter(pk__in=platform_ids)
    orders = Order.objects.filter(platform=OuterRef("pk")).order_by()
    states = (Exists(orders.filter(completeness=state)) for state in Order.WITHOUT_DETAILS)
    return platforms.filter(reduce(or_, states)).exists()


def asked_to_cancel() -> QuerySet[Order]:
    """Orders whose buyers ask to cancel, whatever became of them, for an index to find (`order_source`).

    It begins with platform and source; hence all of both. And a list of one value: for a bare column in its WHERE,
    which is what Django makes of `= True`, SQLite takes no index.
    """
    return Order.objects.filter(
        platform__in=all_platforms(), source__in=Source.values, buyer_requested_cancellation__in=[True]
    )
