"""Of which products pictures are wanted: first those in orders to ship, then in recent orders, then in stock.

A few small queries, whatever there is: the most urgent orders and the newest are looked at, and no others.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Exists, OuterRef

from integrations.models import ProductPicture
from inventory.models import InventoryItem
from orders.listing import of_visible
from orders.models import Order, OrderItem
from platforms.models import Source

MOST_TO_SHIP, MOST_RECENT, MOST_IN_STOCK = 2000, 1000, 200
AT_ONCE = 500  # values in a condition

Product = tuple[str, str, str]  # source, marketplace, ASIN
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Batch:
    """Products of one source and marketplace, to be asked for together."""

    source: str
    site: str
    asins: tuple[str, ...]


def wanted_batches(
    platform_id: int, now: datetime, at_once: int, without: Collection[str] = ()
) -> list[Batch]:
    """The most urgent products whose pictures are to be asked for: a batch for each marketplace, but for those
    `without`; [] where there are none."""
    finders: tuple[Callable[[int, datetime], Iterable[Product]], ...] = (_to_ship, _recent, _in_stock)
    for find in finders:
        if batches := _batches(_unsettled(platform_id, now, find(platform_id, now), without), at_once):
            return batches
    return []


def _to_ship(platform_id: int, _now: datetime) -> Iterator[Product]:
    orders = of_visible(Order.objects.to_ship(), [platform_id]).order_by("ship_by", "pk")
    return _of_orders(orders.values_list("pk", "source", "marketplace_id")[:MOST_TO_SHIP])


def _recent(platform_id: int, _now: datetime) -> Iterator[Product]:
    orders = Order.objects.filter(platform=platform_id).order_by("-purchased_at", "-pk")
    return _of_orders(orders.values_list("pk", "source", "marketplace_id")[:MOST_RECENT])


def _of_orders(orders: Iterable[tuple[int, str, str]]) -> Iterator[Product]:
    places = {pk: (source, site) for pk, source, site in orders}
    for ids in _parts(list(places)):
        items = OrderItem.objects.filter(order__in=ids).exclude(asin="").order_by()
        asins: dict[int, list[str]] = {}
        for order_id, asin in items.values_list("order_id", "asin"):
            asins.setdefault(order_id, []).append(asin)
        for order_id in ids:  # as urgent as they are
            for asin in asins.get(order_id, ()):
                yield (*places[order_id], asin)


def _in_stock(platform_id: int, now: datetime) -> Iterator[Product]:
    settled = ProductPicture.objects.settled(now).filter(platform=platform_id, asin=OuterRef("asin"))
    rows = InventoryItem.objects.filter(~Exists(settled), platform=platform_id, gone_at=None).exclude(asin="")
    yield from rows.order_by("pk").values_list("source", "marketplace_id", "asin")[:MOST_IN_STOCK]


def _unsettled(
    platform_id: int, now: datetime, products: Iterable[Product], without: Collection[str]
) -> list[Product]:
    """Each product once, without those of which nothing is to be asked. Test data of a platform has no pictures."""
    first: dict[str, Product] = {}
    for product in products:
        if product[0] != Source.SANDBOX and product[1] not in without:
            first.setdefault(product[2], product)
    pictures, settled = ProductPicture.objects.settled(now).filter(platform=platform_id), set[str]()
    for asins in _parts(list(first)):
        settled.update(pictures.filter(asin__in=asins).values_list("asin", flat=True))
    return [product for asin, product in first.items() if asin not in settled]


def _batches(products: Iterable[Product], at_once: int) -> list[Batch]:
    """The first `at_once` of each source and marketplace."""
    groups: dict[tuple[str, str], list[str]] = {}
    for source, site, asin in products:
        groups.setdefault((source, site), []).append(asin)
    return [Batch(source, site, tuple(asins[:at_once])) for (source, site), asins in groups.items()]


def _parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
