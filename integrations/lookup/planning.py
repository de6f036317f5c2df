"""Counts what the planning shows of each SKU: its stock over all marketplaces, and what was sold of it. It needs orders
and stock, so neither app can hold it.

Counted by the scheduler, into a table of one row for each SKU: a page that added up the orders of 90 days would take
seconds at a million orders, and could not be sorted by what it adds up.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, Sum, Value
from django.db.models.functions import Concat
from django.utils import timezone

from core.database.bulk import BulkUpsert
from core.database.listing import in_order
from integrations.models import SyncLog
from integrations.registry import CHANNELS
from inventory.models import InventoryItem, PlannedSku, PlanningState
from inventory.planning import cover_days, days_of, is_dead, is_late, reorder, settings_by_sku, tags_by_name
from orders.models import Order
from orders.retention import kept_since
from platforms.models import Platform, Source

SPANS = (7, 30, 90)  # days of which sales are counted
LONGEST = SPANS[-1]
# Counted anew once an hour, since days pass; and after a sync, where that takes no more than this part of the time.
EVERY = timedelta(hours=1)
AT_THE_SOONEST = timedelta(minutes=1)
SHARE = 200
AT_ONCE = 500  # rows, in one statement

KEY = ("source", "sku")
COUNTED = (
    "asin", "title", "listings", "available", "inbound", "sold_7", "sold_30", "sold_90", "cover_days", "lead_days",
    "target_days", "reorder", "is_late", "is_dead", "tag",
)  # fmt: skip
_write = BulkUpsert(
    PlannedSku, fields=("platform", *KEY, *COUNTED), unique=("platform", *KEY)
)  # by column, in one statement

Key = tuple[str, str]  # source, SKU
Product = tuple[str, str]  # ASIN, title
Sums = list[int | None]  # units sold in each of SPANS


@dataclass(slots=True)
class Stock:
    """The listed rows of a SKU. `pools` are units that are counted once, by FNSKU and number: rows of one FNSKU that
    say the same number are the same units, as in stock_cover.py."""

    asin: str = ""
    title: str = ""
    listings: int = 0
    unknown: bool = False  # of a row it is not known what is available
    pools: dict[tuple[str, int, int], int | None] = field(default_factory=dict)  # -> units inbound

    def add(self, row: int, fnsku: str, product: Product, available: int | None, inbound: int | None) -> None:
        self.listings += 1
        asin, title = product
        self.asin, self.title = self.asin or asin, self.title or title
        if available is None:
            self.unknown = True
            return
        pool = (fnsku, available, 0 if fnsku else row)
        known = [units for units in (self.pools.get(pool), inbound) if units is not None]
        self.pools[pool] = max(known, default=None)

    @property
    def available(self) -> int | None:
        if self.unknown or not self.listings:
            return None
        return sum(available for _fnsku, available, _row in self.pools)

    @property
    def inbound(self) -> int | None:
        inbound = [units for units in self.pools.values() if units is not None]
        if self.unknown or not self.listings or len(inbound) < len(self.pools):
            return None
        return sum(inbound)


@dataclass(slots=True)
class Sales:
    """Units of a SKU sold in each of SPANS: of the stock that its channel ships, and in all."""

    of_stock: Sums = field(default_factory=lambda: [0] * len(SPANS))
    of_all: Sums = field(default_factory=lambda: [0] * len(SPANS))

    def add(self, units: Sums, *, takes_stock: bool) -> None:
        self.of_all = _added(self.of_all, units)
        if takes_stock:
            self.of_stock = _added(self.of_stock, units)


def count_due() -> int:
    """Count the planned SKUs of each platform of which that is due. Returns of how many it was.

    Safe to call at any time, and from several processes.
    """
    states = {state.platform_id: state for state in PlanningState.objects.all()}
    finished = dict(
        SyncLog.objects.filter(status__in=SyncLog.GOOD, finished_at__gte=timezone.now() - EVERY)
        .order_by()
        .values_list("platform_id")
        .annotate(Max("finished_at"))
    )
    counted = 0
    for platform in Platform.objects.defer("api_config").order_by("pk"):
        if _is_due(states.get(platform.pk), finished.get(platform.pk)):
            count_platform(platform)
            counted += 1
    return counted


def _is_due(state: PlanningState | None, finished_at: datetime | None) -> bool:
    if state is None:
        return True
    age = timezone.now() - state.counted_at
    if finished_at is None or finished_at < state.counted_at:
        return age >= EVERY
    return age >= max(AT_THE_SOONEST, timedelta(seconds=state.seconds * SHARE))


def count_platform(platform: Platform) -> int:
    """Make the planned SKUs of this platform equal to its stock and orders. Returns how many rows became different.

    In five reads for any number of SKUs, and a write for each 500 rows that changed.
    """
    began, now = time.monotonic(), timezone.now()
    since = orders_known_since(platform)
    plans = dict(_plans(platform, since, now))
    stored = {
        tuple(key): (pk, tuple(values))
        for pk, *row in PlannedSku.objects.filter(platform=platform)
        .order_by()
        .values_list("pk", *KEY, *COUNTED)
        for key, values in [(row[: len(KEY)], row[len(KEY) :])]
    }
    changed = [key for key, plan in plans.items() if key not in stored or stored[key][1] != plan]
    for start in range(0, len(changed), AT_ONCE):
        _write([(platform.pk, *key, *plans[key]) for key in sorted(changed)[start : start + AT_ONCE]])
    gone = [pk for key, (pk, _values) in stored.items() if key not in plans]
    for start in range(0, len(gone), AT_ONCE):
        PlannedSku.objects.filter(pk__in=gone[start : start + AT_ONCE]).delete()
    PlanningState.objects.update_or_create(
        platform=platform,
        defaults={"counted_at": now, "seconds": time.monotonic() - began, "orders_since": since},
    )
    return len(changed) + len(gone)


def orders_known_since(platform: Platform) -> datetime | None:
    """From when on all live orders of this platform are stored; None where nothing says so.

    Scheduled windows follow each other without a gap; others lengthen them where they meet. Where the log is kept too
    short to tell, the oldest of the orders stands for that. What KEEP_ORDERS_MONTHS has deleted is not known any more.
    """
    windows = SyncLog.objects.filter(
        platform=platform, kind=SyncLog.Kind.ORDERS, status__in=SyncLog.GOOD, source=Source.LIVE
    ).exclude(window_start=None)
    regular = windows.filter(is_incremental=True)
    known: list[datetime] = [each for each in [regular.aggregate(first=Min("window_start"))["first"]] if each]
    if not known or settings.KEEP_SYNC_LOG_DAYS <= LONGEST:
        live = Order.objects.filter(platform=platform, source=Source.LIVE).order_by("purchased_at")
        known += live.values_list("purchased_at", flat=True)[:1]
    if not known:
        return None
    since = min(known)
    others = windows.filter(is_incremental=False).exclude(window_end=None).order_by("-window_end")
    for start, end in others.values_list("window_start", "window_end"):
        if end is None or start is None or end < since:
            break
        since = min(start, since)
    return max(since, kept_since(timezone.now()) or since)


def _plans(
    platform: Platform, since: datetime | None, now: datetime
) -> Iterator[tuple[Key, tuple[Any, ...]]]:
    """The values of COUNTED, of each SKU that is listed, or was sold lately without being gone."""
    stock, gone = _stock_of(platform)
    sales, products = _sales_of(platform, now)
    chosen, tags = settings_by_sku(platform.pk), tags_by_name(platform.pk)
    for key in {*stock, *(key for key in sales if key not in gone)}:
        source, sku = key
        listed, sold = stock.get(key, Stock()), sales.get(key, Sales())
        units = sold.of_stock if listed.listings else sold.of_all
        if source == Source.LIVE:
            units = _known(units, since, now)
        _week, month, quarter = units
        lead, target = days_of(chosen.get(sku), tags)
        available, inbound = listed.available, listed.inbound
        cover = cover_days(available, month)
        wanted = reorder(sold=month, available=available, inbound=inbound, lead_days=lead, target_days=target)
        asin, title = products.get(key, ("", ""))
        yield key, (
            listed.asin or asin, listed.title or title, listed.listings, available, inbound, *units, cover, lead,
            target, wanted, is_late(cover, lead), is_dead(available, quarter),
            chosen[sku].tag if sku in chosen else "",
        )  # fmt: skip


def _stock_of(platform: Platform) -> tuple[dict[Key, Stock], set[Key]]:
    """The stock of each SKU that is listed, and those that are gone from all marketplaces. One query."""
    stock, gone = defaultdict[Key, Stock](Stock), set[Key]()
    rows = InventoryItem.objects.filter(platform=platform).order_by()
    for row, source, sku, fnsku, asin, title, available, inbound, gone_at in rows.values_list(
        "pk", "source", "sku", "fnsku", "asin", "title", "available", "inbound", "gone_at"
    ).iterator():
        if gone_at is None:
            stock[source, sku].add(row, fnsku, (asin, title), available, inbound)
        else:
            gone.add((source, sku))
    return stock, gone - stock.keys()


def _sales_of(platform: Platform, now: datetime) -> tuple[dict[Key, Sales], dict[Key, Product]]:
    """What was sold of each SKU, cancelled orders left out, and what it is called in some of them. One query.

    The orders of 90 days are a range of an index that holds all that is asked of them. The platform stands in a
    function, or SQLite would read all orders of the platform; the SKU does, so that no database reads the lines of all
    orders in the order of their SKUs.
    """
    channel = CHANNELS.get(platform.kind)
    ships_itself = channel is not None and channel.ships_its_stock
    recent = Order.objects.filter(purchased_at__gte=now - timedelta(days=LONGEST))
    young = in_order(recent, "platform_id", platform.pk, nothing=0)
    rows = (
        young.exclude(status=Order.Status.CANCELLED)
        .order_by()
        .annotate(sold_sku=Concat("items__sku", Value("")))
        .exclude(sold_sku="")
        .values_list("source", "sold_sku", "fulfilled_by")
        .annotate(**_units(now), asin=Max("items__asin"), title=Max("items__title"))
    )
    sales, products = defaultdict[Key, Sales](Sales), dict[Key, Product]()
    for source, sku, fulfilled_by, *counts, asin, title in rows.iterator():
        takes_stock = not (ships_itself and fulfilled_by == Order.FulfilledBy.MERCHANT)
        units = [
            None if unknown else sold or 0 for sold, unknown in zip(counts[::2], counts[1::2], strict=True)
        ]
        sales[source, sku].add(units, takes_stock=takes_stock)
        products[source, sku] = asin, title
    return sales, products


def _units(now: datetime) -> dict[str, Any]:
    """By each of SPANS the units, and the lines that do not say how many."""
    wanted: dict[str, Any] = {}
    for days in SPANS:
        young = Q(purchased_at__gte=now - timedelta(days=days))
        wanted[f"units_{days}"] = Sum("items__quantity_ordered", filter=young)
        wanted[f"unknown_{days}"] = Count(
            F("items__pk"), filter=young & Q(items__quantity_ordered__isnull=True)
        )
    return wanted


def _added(first: Iterable[int | None], second: Iterable[int | None]) -> Sums:
    """What is not known makes a sum unknown."""
    return [
        None if one is None or other is None else one + other
        for one, other in zip(first, second, strict=True)
    ]


def _known(units: Sums, since: datetime | None, now: datetime) -> Sums:
    """What was sold in a span is known where the orders of all of it are."""
    return [
        sold if since is not None and since <= now - timedelta(days=days) else None
        for sold, days in zip(units, SPANS, strict=True)
    ]
