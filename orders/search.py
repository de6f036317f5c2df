"""Finding orders by what people have at hand: an order id, a SKU, an ASIN, words of a title.

Each way is a query of its own that an index answers. Where they find few orders, these are looked up by id; where they
find many, the orders are walked in the order of the list, and the first page is full after a few steps.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.models import Order, OrderItem
from orders.products import products_with
from platforms.models import Platform

FEW = 4000
LAST_CHARACTER = "\U0010ffff"


class Found(NamedTuple):
    """`is_walk`: there are many, and counting them would take a walk through all orders."""

    orders: QuerySet[Order]
    is_walk: bool = False


def find_exact(orders: QuerySet[Order], text: str) -> Found | None:
    """Orders of exactly this id, or else with an item of exactly this SKU or ASIN; None where there is none."""
    by_id = Order.objects.filter(Q(platform__in=_platforms(), external_id=text)).values_list("pk", flat=True)
    if ids := list(by_id[:FEW]):
        return Found(orders.filter(pk__in=ids))
    for lookup in ({"sku": text}, {"asin": text.upper()}):
        items = OrderItem.objects.filter(**lookup)
        if items.exists():
            return _narrow_or_walk(orders, [items], Q(Exists(items.filter(order=OuterRef("pk")))))
    return None


def find_orders(orders: QuerySet[Order], text: str) -> Found:
    """Orders whose id begins with `text`, or that have an item whose SKU does, whose ASIN it is, or whose product's
    title holds all its words. The case of letters matters in ids and SKUs."""
    if not text.strip():
        return Found(orders)
    by_id = Order.objects.filter(prefix("external_id", text), platform__in=_platforms())
    products = products_with(text)
    some = list(products.values_list("sku", flat=True)[: FEW + 1])
    by_title = Q(sku__in=some) if len(some) <= FEW else Q(sku__in=products.values("sku"))
    ways = [Q(asin=text.upper()), prefix("sku", text), by_title]
    items = [OrderItem.objects.filter(way) for way in ways]
    here = OrderItem.objects.filter(order=OuterRef("pk"))
    of_items = Q(Exists(here.filter(ways[0] | ways[1] | ways[2])))
    return _narrow_or_walk(orders, [by_id, *items], prefix("external_id", text) | of_items)


def prefix(field: str, text: str) -> Q:
    """`field` begins with `text`, so that an index finds it: LIKE does not use one on SQLite."""
    if connection.vendor == "postgresql":  # its usual collations sort otherwise
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + LAST_CHARACTER})


def _narrow_or_walk(orders: QuerySet[Order], ways: list[QuerySet[Any]], walk: Q) -> Found:
    found: set[int] = set()
    for ids in _ids(ways):
        found.update(ids)
        if len(ids) > FEW:
            return Found(orders.filter(walk), is_walk=True)
    return Found(orders.filter(pk__in=found))


def _ids(ways: list[QuerySet[Any]]) -> Iterator[list[int]]:
    for way in ways:
        column = "pk" if way.model is Order else "order_id"
        yield list(way.order_by().values_list(column, flat=True)[: FEW + 1])


def _platforms() -> list[int]:
    """All of them, which makes order ids an index's business: it begins with the platform."""
    return list(Platform.objects.values_list("pk", flat=True))
