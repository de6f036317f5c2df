"""Filters that keep to the order of a list of orders.

Lists are read in the order of one index that holds all that they filter by (`order_newest`). A filter on a value that
most orders have must not tempt the database to take another index, read hundreds of thousands of orders and sort them;
SQLite takes any of them, since it assumes that all values of a column are equally frequent.
"""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce

from orders.models import Order
from orders.search import FEW, all_platforms
from platforms.models import Source

# Values by column that may be those of most orders.
FREQUENT: dict[str, Collection[str]] = {
    "status": (Order.Status.SHIPPED, Order.Status.CANCELLED),
    "source": (Source.LIVE,),
    "fulfilled_by": Order.FulfilledBy.values,
}


def with_value(orders: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
    """Orders with this value in this column, one of FREQUENT."""
    if value in FREQUENT[name]:
        return in_order(orders, name, value)
    if name == "source":  # all platforms, for the index that begins with them
        return orders.filter(source=value, platform__in=all_platforms())
    return orders.filter(**{name: value})


def in_order(queryset: QuerySet[Any], name: str, value: Any, *, nothing: Any = "") -> QuerySet[Any]:
    """Filter so that the database has no reason to leave the order of the list: the column stands in a function."""
    alias = f"frequent_{name}"
    queryset = queryset.alias(**{alias: Coalesce(name, Value(nothing))})
    return queryset.filter(**{f"{alias}__in": [value]})


def few_by_id(queryset: QuerySet[Any], wanted: QuerySet[Order]) -> QuerySet[Any]:
    """Where few orders are `wanted`, look them up by id: a scan of all orders would find them one by one."""
    ids = list(wanted.order_by().values_list("pk", flat=True)[: FEW + 1])
    return queryset if len(ids) > FEW else queryset.filter(pk__in=ids)


def asked_to_cancel() -> QuerySet[Order]:
    """Orders whose buyers ask to cancel, whatever became of them, for an index to find (`order_source`).

    It begins with platform and source; hence all of both. And a list of one value: for a bare column in its WHERE,
    which is what Django makes of `= True`, SQLite takes no index.
    """
    return Order.objects.filter(
        platform__in=all_platforms(), source__in=Source.values, buyer_requested_cancellation__in=[True]
    )
