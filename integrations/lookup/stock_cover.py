"""How long stock lasts: the available units divided by recent sales. It needs orders and stock, so neither app can
hold it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import F, Min, QuerySet, Sum
from django.utils import timezone

from integrations.models import SyncLog
from integrations.registry import CHANNELS
from inventory.models import InventoryItem
from orders.models import Order, OrderItem

SALES_DAYS = 30
FIRST_ORDER, KEPT_SECONDS = "cover:first-order", 300

Key = tuple[int, str, str, str]  # platform, source, marketplace, SKU
Pool = tuple[int, str, str, str, int]  # platform, source, SKU, FNSKU, units available


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
    """By the rows' ids. Three queries at most, for any number of rows.

    One unit may be listed in several marketplaces. Sales of all that share it count.
    """
    sold, pools = _units_sold(items), _pools(items)
    return {item.pk: _cover(item, sum(sold.get(key, 0) for key in _keys(item, pools))) for item in items}


def recent_sales(item: InventoryItem, count: int = 10) -> list[OrderItem]:
    """The newest lines of orders that took of this stock, with their orders."""
    marketplaces = {marketplace for _platform, _source, marketplace, _sku in _keys(item, _pools([item]))}
    return list(
        _taking_stock(timezone.now() - timedelta(days=SALES_DAYS), [item])
        .filter(order__platform=item.platform_id, order__marketplace_id__in=marketplaces)
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


def _pools(items: Collection[InventoryItem]) -> dict[Pool, set[str]]:
    """The marketplaces that list the same units: rows of one platform, SKU and FNSKU that say the same number.

    Channels do not tell that a unit is listed twice. Two marketplaces with stock of their own hardly ever have exactly
    as much of one product; where they do, what is left is taken to last shorter than it does.
    """
    # By SKU alone: told the platforms as well, SQLite reads all their rows instead of the few of these SKUs.
    rows = InventoryItem.objects.filter(sku__in={item.sku for item in items})
    listed = rows.filter(gone_at=None, available__isnull=False).exclude(fnsku="").order_by()
    pools: dict[Pool, set[str]] = {}
    for marketplace, *pool in listed.values_list(
        "marketplace_id", "platform_id", "source", "sku", "fnsku", "available"
    ):
        pools.setdefault(tuple(pool), set()).add(marketplace)  # type: ignore[arg-type]
    return pools


def _keys(item: InventoryItem, pools: dict[Pool, set[str]]) -> set[Key]:
    """Where the units of this row are sold."""
    shared: set[str] = set()
    if item.available is not None:
        shared = pools.get((item.platform_id, item.source, item.sku, item.fnsku, item.available), shared)
    return {
        (item.platform_id, item.source, marketplace, item.sku)
        for marketplace in {item.marketplace_id, *shared}
    }


def _units_sold(items: Collection[InventoryItem]) -> dict[Key, int]:
    rows = (
        _taking_stock(timezone.now() - timedelta(days=SALES_DAYS), items)
        .order_by()
        .values_list("order__platform_id", "order__source", "order__marketplace_id", "sku")
        .annotate(units=Sum("quantity_ordered"))
    )
    return {tuple(key): units or 0 for *key, units in rows}


def _taking_stock(since: datetime, items: Collection[InventoryItem]) -> QuerySet[OrderItem]:
    """Lines of orders of the same sources that are not cancelled, and are shipped from the stock of their channel. A
    line is looked up by SKU and order: without a first order, all that was ever sold of a best seller would be read."""
    ships_itself = [kind for kind, channel in CHANNELS.items() if channel.ships_its_stock]
    return (
        OrderItem.objects.filter(
            sku__in={item.sku for item in items},
            order__gte=_first_order(since),
            order__purchased_at__gte=since,
            order__source__in={item.source for item in items},
        )
        .exclude(order__status=Order.Status.CANCELLED)
        .exclude(order__fulfilled_by=Order.FulfilledBy.MERCHANT, order__platform__kind__in=ships_itself)
    )


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
