"""How long stock lasts: the available units divided by recent sales. It needs orders and stock, so neither app can
hold it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import F, Min, QuerySet, Sum
from django.utils import timezone

from integrations.models import SyncLog
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from platforms.models import Source

SALES_DAYS = 30
FIRST_ORDER, KEPT_SECONDS = "cover:first-order", 300

Key = tuple[int, str, str]  # platform, marketplace, SKU


@dataclass(frozen=True, slots=True)
class Cover:
    """Units `sold` in the last 30 days, and for how many `days` what is available lasts at that pace; None where
    nothing was sold, or where it is not known what is available."""

    sold: int
    days: float | None
    of_days: int = SALES_DAYS

    @property
    def pace(self) -> float:
        """Units a day."""
        return self.sold / self.of_days


def covers(items: Collection[InventoryItem]) -> dict[int, Cover]:
    """By the rows' ids. Two queries at most, for any number of rows."""
    sold = _units_sold({item.sku for item in items})
    return {
        item.pk: _cover(item, sold.get((item.platform_id, item.marketplace_id, item.sku), 0))
        for item in items
    }


def recent_sales(item: InventoryItem, count: int = 10) -> list[OrderItem]:
    """The newest lines of live orders in this marketplace that have this SKU, with their orders."""
    return list(
        _sold_since(timezone.now() - timedelta(days=SALES_DAYS), {item.sku})
        .filter(order__platform=item.platform_id, order__marketplace_id=item.marketplace_id)
        .select_related("order")
        .defer("order__payload")
        .order_by("-order__purchased_at", "-pk")[:count]
    )


def last_change(item: InventoryItem) -> SyncLog | None:
    """The sync that was running when this row was last stored; None for a replay, and for a log that is deleted.

    There is one at a time for each platform, which makes it the one.
    """
    logs = SyncLog.objects.filter(platform=item.platform_id, kind=SyncLog.Kind.INVENTORY)
    log = logs.filter(started_at__lte=item.synced_at).order_by("-started_at", "-pk").first()
    if log is None or (log.finished_at is not None and log.finished_at < item.synced_at):
        return None
    return log


def _cover(item: InventoryItem, sold: int) -> Cover:
    if sold <= 0 or item.available is None or item.gone_at is not None:
        return Cover(max(sold, 0), None)
    return Cover(sold, max(item.available, 0) * SALES_DAYS / sold)


def _units_sold(skus: Collection[str]) -> dict[Key, int]:
    rows = (
        _sold_since(timezone.now() - timedelta(days=SALES_DAYS), skus)
        .order_by()
        .values_list("order__platform_id", "order__marketplace_id", "sku")
        .annotate(units=Sum("quantity_ordered"))
    )
    return {(platform, marketplace, sku): units or 0 for platform, marketplace, sku, units in rows}


def _sold_since(since: datetime, skus: Collection[str]) -> QuerySet[OrderItem]:
    """Lines of live orders that are not cancelled. A line is looked up by SKU and order: without a first order, all
    that was ever sold of a best seller would be read."""
    return OrderItem.objects.filter(
        sku__in=skus,
        order__gte=_first_order(since),
        order__purchased_at__gte=since,
        order__source=Source.LIVE,
    ).exclude(order__status=Order.Status.CANCELLED)


def _first_order(since: datetime) -> int:
    """No higher than the lowest id of the orders since then, which the index on the time of purchase answers alone.

    The sum keeps databases from scanning all ids, from the lowest one, until an order is young enough. Kept for
    some minutes: the orders that come have higher ids, and fewer of the others are young enough.
    """
    first: int | None = cache.get(FIRST_ORDER)
    if first is None:
        young = Order.objects.filter(purchased_at__gte=since).order_by()
        first = young.aggregate(first=Min(F("pk") + 0))["first"]
        cache.set(FIRST_ORDER, first, KEPT_SECONDS)
    return first or 0
