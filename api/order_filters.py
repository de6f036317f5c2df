"""Filters of the list of orders, which the totals of orders take as well."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet

from api.filters import (
    LISTING,
    ChoicesFilter,
    IdsFilter,
    PlatformNameFilter,
    TextFilter,
    TextsFilter,
    TimeFilter,
)
from orders.listing import (
    BY_PURCHASE,
    of_ids,
    of_platforms,
    of_skus,
    of_tracking_numbers,
    with_values,
    within,
)
from orders.models import Order
from orders.search import find_orders
from platforms.models import Source

NOT_SAID = "unknown"  # of who fulfils an order
FULFILLED_BY = [*Order.FulfilledBy.choices, (NOT_SAID, "the platform does not say")]
LATE_COMMIT = (
    " It is the time at which storing began: a row that is committed late may carry an earlier time than one that you "
    "have read already. To miss nothing, read GET /changes."
)
# Parameters of pairs of limits, by the column that they are about.
TIMES = {
    "purchased_at": "purchased",
    "platform_updated_at": "updated",
    "synced_at": "synced",
    "ship_by": "ship_by",
}


def column_of(parameters: Mapping[str, Any]) -> str:
    """What the list is sorted by."""
    return str(parameters.get("ordering", BY_PURCHASE)).lstrip("-")


def by_platform_alone(parameters: Mapping[str, Any]) -> bool:
    """Whether the list has its usual order, and no filter but that of platforms and times of purchase."""
    others = set(parameters) - {"platform_name", "purchased_after", "purchased_before", *LISTING}
    return not others and column_of(parameters) == BY_PURCHASE


class TimeLimit(TimeFilter):
    """Applied by the filter set, together with the other limit of the same time."""

    def filter(self, queryset: QuerySet[Any], _moment: datetime | None) -> QuerySet[Any]:
        return queryset


class OrderFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter(method="of_platforms")
    marketplace_id = TextsFilter(commas=True, label="Ids of marketplaces, as the platform has them.")
    status = ChoicesFilter(
        choices=Order.Status.choices, method="with_values", label="Orders in these states."
    )
    fulfilled_by = ChoicesFilter(
        choices=FULFILLED_BY,
        stored={NOT_SAID: ""},
        method="with_values",
        label="Who ships the order; `unknown`: the platform does not say.",
    )
    source = ChoicesFilter(
        choices=Source.choices,
        method="with_values",
        label="Where the row came from. Only live rows are business.",
    )
    completeness = ChoicesFilter(
        choices=Order.Completeness.choices,
        method="with_values",
        label=(
            "Orders whose details are still to be fetched: `report`, known by report alone; `outdated`, here in "
            "full, with a newer status by a report."
        ),
    )
    purchased_after = TimeLimit("purchased_at", "gte", of="Purchased")
    purchased_before = TimeLimit("purchased_at", "lt", of="Purchased")
    updated_after = TimeLimit("platform_updated_at", "gte", of="Changed on the platform")
    updated_before = TimeLimit("platform_updated_at", "lt", of="Changed on the platform")
    synced_after = TimeLimit("synced_at", "gte", of="Last stored by OMS", note=LATE_COMMIT)
    synced_before = TimeLimit("synced_at", "lt", of="Last stored by OMS")
    ship_by_after = TimeLimit("ship_by", "gte", of="To be shipped")
    ship_by_before = TimeLimit(
        "ship_by", "lt", of="To be shipped", note=" Orders without a ship-by time are left out."
    )
    ids = IdsFilter("pk", label="Ids of OMS.")
    external_id = TextsFilter(commas=True, method="of_ids", label="Order ids of the platform, exactly.")
    sku = TextsFilter(method="of_skus", label="Orders with an item of exactly this SKU.")
    tracking_number = TextsFilter(
        method="of_tracking_numbers", label="Orders with a package of exactly this tracking number."
    )
    search = TextFilter(
        method="find",
        label="The beginning of an order id or SKU, an ASIN, a tracking number, or words of an item's title.",
    )

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Both limits of a time together, behind all other filters."""
        queryset = super().filter_queryset(queryset)
        for column, name in TIMES.items():
            limits = {
                "start": self.form.cleaned_data[f"{name}_after"],
                "end": self.form.cleaned_data[f"{name}_before"],
            }
            queryset = within(queryset, column, **limits, ordered_by=self._column)
        return queryset

    @property
    def _column(self) -> str:
        return column_of(self.data)

    def of_platforms(self, orders: QuerySet[Order], _name: str, ids: list[int]) -> QuerySet[Order]:
        return of_platforms(orders, ids, is_alone=by_platform_alone(self.data))

    def with_values(self, orders: QuerySet[Order], name: str, values: list[str]) -> QuerySet[Order]:
        return with_values(orders, name, values)

    def of_ids(self, orders: QuerySet[Order], _name: str, ids: list[str]) -> QuerySet[Order]:
        return of_ids(orders, ids)

    def of_skus(self, orders: QuerySet[Order], _name: str, skus: list[str]) -> QuerySet[Order]:
        return of_skus(orders, skus)

    def of_tracking_numbers(self, orders: QuerySet[Order], _name: str, numbers: list[str]) -> QuerySet[Order]:
        return of_tracking_numbers(orders, numbers)

    def find(self, orders: QuerySet[Order], _name: str, text: str) -> QuerySet[Order]:
        found = find_orders(orders, text)
        self.request.oms_is_scan = found.is_scan  # for the count
        return found.orders
