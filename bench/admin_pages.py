"""Server time of the admin's pages on a big database: the whole request, from the log-in's session to the last byte.

Beside it, in the same round, the statements of the same page sent again over a bare cursor: what the database alone
takes for it.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from backoffice.shipping.many import MOST
from bench import million, million_shipments
from bench.report import Result
from integrations.lookup.sync_days import count_due as count_syncs
from integrations.models import SyncLog
from inventory.models import InventoryItem
from orders.models import Order, OrderItem, SalesDay, Shipment
from orders.sales import Months
from orders.sales_days import count_due as count_sales
from orders.sales_days import mark_changed
from orders.sales_months import count_due_months

MEDIAN_MS, P95_MS = 100, 300
PACKED = 400  # orders at the shipping desk
SALES = "/admin/reports/sales/"  # whose tables are asked for once it is shown
Statement = tuple[str, Any]


@dataclass(slots=True)
class Timed:
    """One page: milliseconds of each request, of this process's work in it, and of its statements alone."""

    name: str
    queries: int = 0
    page: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        return sorted(self.page)[math.ceil(0.95 * len(self.page)) - 1]

    @property
    def ratio(self) -> float:
        return statistics.median(page / bare for page, bare in zip(self.page, self.bare, strict=True))

    def result(self, database: str, target: float | None = MEDIAN_MS) -> Result:
        cpu = statistics.median(self.cpu)
        note = f"p95 {self.p95:.0f} ms, cpu {cpu:.0f} ms, {self.queries} queries, {self.ratio:.1f} × their bare SQL"
        return Result(
            name=self.name, database=database, values=tuple(self.page), unit=" ms", note=note, target=target,
            at_most=True,
        )  # fmt: skip


def measure(name: str, *, orders: int, skus: int, rounds: int) -> list[Result]:
    """Fill the database with `orders`, open each page `rounds` times, and say how long it took."""
    with million.in_a_hurry():
        million.fill(orders=orders, skus=skus)
    while count_syncs():
        pass
    client = logged_in()
    timed = [timed_page(client, page, address, rounds) for page, address in pages().items()]
    # The page asks for them once it is shown, and they are kept for 5 minutes; hence without a target.
    cold = Timed("the figures of the home page, counted anew")
    for _round in range(rounds):
        cache.clear()
        _open(client, "/admin/home-charts/", cold)
    slowest = max(timed, key=lambda page: page.p95)
    worst = Result(
        name=f"the slowest page at p95: {slowest.name}",
        database=name,
        values=(slowest.p95,),
        unit=" ms",
        note=f"of {len(timed)} pages with {orders:,} orders and {skus:,} SKUs",
        target=P95_MS,
        at_most=True,
    )
    ratio = Result(
        name="server time of a page to its bare SQL",
        database=name,
        values=tuple(page.ratio for page in timed),
        unit="×",
        note="the median of each page",
    )
    return [
        *(page.result(name) for page in timed),
        cold.result(name, None),
        *_sales(client, name),
        worst,
        ratio,
    ]


def _sales(client: Client, name: str) -> list[Result]:
    """The report of 12 months: of its days none, all, or all but 30 of the largest platform counted. Without a target
    where not all are."""
    last = Order.objects.latest("purchased_at")
    months = Months.until(last.purchased_at.date(), 12)
    address = f"{SALES}?from={months.first:%Y-%m}&to={months.last:%Y-%m}"
    SalesDay.objects.all().delete()
    cold = Timed("sales of 12 months, from the orders")
    _open(client, address, cold)
    _count_sales()
    warm = timed_page(client, "sales of 12 months, counted", address, 5)
    with transaction.atomic():
        mark_changed(last.platform_id, [last.purchased_at - timedelta(days=days) for days in range(30)])
    marked = timed_page(client, "sales of 12 months, 30 days to count", address, 5)
    _count_sales()
    return [cold.result(name, None), warm.result(name), marked.result(name, None)]


def _count_sales() -> None:
    for count in (count_sales, count_due_months):
        while count():
            pass


def pages() -> dict[str, str]:
    """What is opened: lists, filters, searches, single rows; with values that the database has."""
    lists = {
        "orders": "/admin/orders/order/?",
        "stock": "/admin/inventory/inventoryitem/?",
        "planning": "/admin/inventory/plannedsku/?",
        "shipments": "/admin/orders/shipment/?",
        "syncs": "/admin/integrations/synclog/?",
        "failures": "/admin/integrations/syncfailure/?",
        "platforms": "/admin/platforms/platform/?",
    }
    item = OrderItem.objects.order_by("-id")[0]
    shipped = Order.objects.filter(total__isnull=False, pk__in=Shipment.objects.values("order"))
    order = shipped.order_by("-purchased_at").select_related("platform")[0]
    stock = InventoryItem.objects.order_by("-id")[0]
    word = item.title.split()[1]
    filtered = {
        name: lists[name.split(",")[0].split(" ")[0]] + query
        for name, query in _filters(order, item, stock, word).items()
    }
    single = _single_pages(order, stock) | _answers(order, item, word) | _shipping()
    return {"home": "/admin/", "home, figures": "/admin/home-charts/", **lists, **filtered, **single}


def _filters(order: Order, item: OrderItem, stock: InventoryItem, word: str) -> dict[str, str]:
    """Queries of lists, whose names the names begin with."""
    day = order.purchased_at.date()
    return {
        "orders, page 3": "p=3",
        "orders, a late page": f"p={min(1000, Order.objects.count() // 50)}",
        "orders of a platform": f"platform__id__exact={order.platform_id}",
        "orders, shipped": "status__exact=shipped",
        "orders, unshipped": "status__exact=unshipped",
        "orders, live": "source__exact=live",
        "orders by the merchant": "fulfilled_by__exact=merchant",
        "orders of a marketplace": f"marketplace={order.marketplace_id}",
        "orders to ship, overdue": "to_ship=overdue",
        "orders with failures": "failures=open",
        "orders of a week": f"purchased_at_from={day - timedelta(days=6)}&purchased_at_to={day}",
        "orders whose buyers ask to cancel": "buyer_requested_cancellation__exact=1",
        "orders, made up": "source__exact=mock",
        "orders that may still be cancelled": "buyer_requested_cancellation__exact=1&status__in=pending,unshipped",
        "orders, search by id": f"q={order.external_id}",
        "orders, search by the beginning of an id": f"q={order.external_id[:8]}",
        "orders, search by SKU": f"q={item.sku}",
        "orders, search by ASIN": f"q={item.asin}",
        "orders, search by a word": f"q={word}",
        "orders, search in vain": "q=nothing+has+this",
        "stock, low": "stock=low&source__exact=live",
        "stock, gone": "listed=no",
        "stock, search by SKU": f"q={stock.sku}",
        "stock, search by a word": f"q={word}",
        "planning, to reorder": "state=reorder",
        "planning, by days of cover": "o=number_cover",
        "planning of a platform": f"platform__id__exact={order.platform_id}",
        "shipments of a platform": f"platform__id__exact={order.platform_id}",
        "shipments, not confirmed": "state__in=sent",
        "shipments, confirmed": "state__in=confirmed",
        "shipments, rejected, of a platform": f"state__in=rejected&platform__id__exact={order.platform_id}",
        "shipments of a common carrier": "carrier=UPS",
        "shipments of a rare carrier": "carrier=Yodel",
        "shipments of a month": f"made_at_from={day - timedelta(days=29)}&made_at_to={day}",
        "shipments of a week, by a carrier": f"made_at_from={day - timedelta(days=6)}&made_at_to={day}&carrier=DHL",
        "shipments, search by tracking number": "q=1Z0000000000000001",
        "shipments, search by order id": f"q={order.external_id}",
        "shipments, search in vain": "q=nothing+has+this",
        "syncs that failed": "status__exact=failed",
    }


def _shipping() -> dict[str, str]:
    """The desk with a day's packed orders, and the page for as many orders as it takes."""
    million_shipments.open_desk(PACKED)
    ids = Order.objects.to_ship().order_by("pk").values_list("pk", flat=True)[:MOST]
    return {
        "shipping desk": "/admin/shipping/",
        "shipping of many orders": f"/admin/shipping/orders/?orders={','.join(map(str, ids))}",
    }


def _single_pages(order: Order, stock: InventoryItem) -> dict[str, str]:
    return {
        "where is my order?": f"/admin/where/?id={order.external_id}",
        "health": "/admin/health/",
        "API usage": "/admin/integrations/apiusage/",
        "API quotas": "/admin/integrations/apiquota/",
        "an order": f"/admin/orders/order/{order.pk}/change/",
        "a SKU": f"/admin/inventory/inventoryitem/{stock.pk}/change/",
        "a sync": f"/admin/integrations/synclog/{SyncLog.objects.order_by('-id')[0].pk}/change/",
    }


def _answers(order: Order, item: OrderItem, word: str) -> dict[str, str]:
    return {
        "API, orders": "/orders",
        "API, orders of a SKU": f"/orders?sku={item.sku}",
        "API, orders of a platform, shipped": f"/orders?platform_name={order.platform.name}&status=shipped",
        "API, orders, shipped": "/orders?status=shipped&source=live",
        "API, orders, made up": "/orders?source=mock",
        "API, search by a word": f"/orders?search={word}",
        "API, stock": "/inventory",
        "API, stock, search by a word": f"/inventory?search={word}",
        "API, syncs": "/sync-logs",
    }


def logged_in() -> Client:
    user = User.objects.filter(username="bench").first() or User.objects.create_superuser("bench")
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


def timed_page(client: Client, name: str, address: str, rounds: int) -> Timed:
    """The first request is not counted: it fills the caches that a server in use has filled."""
    timed = Timed(name)
    for _round in range(rounds + 1):
        _open(client, address, timed)
    del timed.page[0], timed.cpu[0], timed.bare[0]
    return timed


def _open(client: Client, address: str, timed: Timed) -> None:
    statements: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        start, worked = time.perf_counter(), time.process_time()
        response = client.get(
            address, secure=True, headers={"HX-Request": "true"} if SALES in address else None
        )
        taken, worked = time.perf_counter() - start, time.process_time() - worked
    if response.status_code != 200:
        raise ValueError(f"{address} was answered with {response.status_code}")
    timed.queries = len(statements)
    timed.page.append(taken * 1000)
    timed.cpu.append(worked * 1000)
    timed.bare.append(_bare(statements) * 1000)


def _bare(statements: Sequence[Statement]) -> float:
    """Seconds for the SELECTs among them, rows fetched and thrown away."""
    start = time.perf_counter()
    with connection.cursor() as cursor:
        for sql, params in statements:
            if sql.lstrip("( ").upper().startswith("SELECT"):
                cursor.execute(sql, params)
                cursor.fetchall()
    return time.perf_counter() - start
