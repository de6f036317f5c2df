"""Lists of stock of some platforms, in the order of one index (`stock_lowest_first`, `stock_sku`)."""

from collections.abc import Collection
from typing import Any, TypeVar

from django.db.models import QuerySet

from core.database.listing import in_order
from inventory.models import InventoryItem
from inventory.search import FEW

Rows = TypeVar("Rows", bound=QuerySet[Any])


def of_platforms(items: Rows, platform_ids: Collection[int]) -> Rows:
    """Those of these platforms: few are looked up by id; of many, the first page is full after a few steps, while
    SQLite would read and sort all of them."""
    of_them = InventoryItem.objects.filter(platform__in=platform_ids)
    ids = list(of_them.order_by().values_list("pk", flat=True)[: FEW + 1])
    if len(ids) <= FEW:
        return items.filter(pk__in=ids)
    found: Rows = in_order(items, "platform_id", *sorted(platform_ids), nothing=0)  # type: ignore[assignment]
    return found
