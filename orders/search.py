"""Finding orders by an order id, a SKU, an ASIN, a tracking number or words of a title.

Each search is a query of its own that an index answers. If it finds few orders, they are looked up by id. If it finds
many, orders are read in the order of the list, and the first page is full after a few steps.
"""

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, StrIndex
from django.db.models.lookups import GreaterThan

from core.database.prefix import prefix
from orders.models import Order, OrderItem, OrderPackage
from orders.products import NEXT_LINE, products_with, words_of
from platforms.models import Platform

FEW = 4000  # lines or products
SHORTEST_PART, LONGEST_PART = 4, 16  # characters of a part of an id


class FoundOrders(NamedTuple):
    """`is_scan`: many orders match, and counting them would scan all orders."""

    orders: QuerySet[Order]
    is_scan: bool = False


class Search(NamedTuple):
    """`rows`: the orders or items that match, read by an index; `condition`: whether one order matches."""

    rows: QuerySet[Any]
    condition: Q


def find_exact(orders: QuerySet[Order], text: str, *, few: int = FEW) -> FoundOrders | None:
    """Orders of exactly this id, or else with an item of exactly this SKU or ASIN, or a package with exactly this
    tracking number; None where there is none."""
    by_id = Order.objects.filter(Q(platform__in=all_platforms(), external_id=text))
    if by_id.exists():
        return _narrow_or_scan(orders, [Search(by_id, Q(external_id=text))], few)
    for column, value in (("sku", text), ("asin", text.upper())):
        items = OrderItem.objects.filter(**{column: value})
        if items.exists():
            return _narrow_or_scan(orders, [Search(items, _item_condition(column, Q(scanned=value)))], few)
    by_package = _by_package(text)
    return _narrow_or_scan(orders, by_package, few) if by_package and by_package[0].rows.exists() else None


def find_orders(orders: QuerySet[Order], text: str, *, few: int = FEW) -> FoundOrders:
    """Orders whose id begins with `text`, or that have an item whose SKU does, whose ASIN it is, or whose product's
    title holds all its words, or a package with this tracking number. Where there is none, orders with `text` somewhere
    in the id. The case of letters matters in ids, SKUs and tracking numbers."""
    if not text.strip():
        return FoundOrders(orders)
    by_id, by_sku = prefix("external_id", text), prefix("sku", text)
    asin = text.upper()
    searches = [
        Search(Order.objects.filter(by_id, platform__in=all_platforms()), by_id),
        Search(OrderItem.objects.filter(by_sku), _item_condition("sku", prefix("scanned", text))),
        Search(OrderItem.objects.filter(asin=asin), _item_condition("asin", Q(scanned=asin))),
        *_by_package(text.strip()),
    ]
    products = list(products_with(text).values_list("sku", "words")[: few + 1])
    skus = [sku for sku, _words in products]
    has_words = Q(Exists(_of_order().filter(_has_words(text))))
    # Those with accents are found by their SKU: no database compares the titles of items without them.
    if accented := [sku for sku, words in products if NEXT_LINE in words]:
        has_words |= _item_condition("sku", Q(scanned__in=accented))
    if len(skus) > few:  # all of them were sold, so the lines are too many as well
        return _narrow_or_scan(orders, searches, few, scan=has_words)
    if skus:
        searches.append(Search(OrderItem.objects.filter(sku__in=skus), has_words))
    elif is_part_of_id(text.strip()) and not any(search.rows.exists() for search in searches):
        return _with_part_of_id(orders, text.strip(), few)
    return _narrow_or_scan(orders, searches, few)


def is_part_of_id(text: str) -> bool:
    """Whether it may be looked for in the middle of ids. No index has them by their middle: all ids are read, which
    takes a tenth of a second for a million of them, so it has to look like an id, and not like a whole one."""
    looks_so = text.isascii() and " " not in text and any(map(str.isdigit, text))
    return looks_so and SHORTEST_PART <= len(text) <= LONGEST_PART


def _with_part_of_id(orders: QuerySet[Order], text: str, few: int) -> FoundOrders:
    """Orders with `text` somewhere in the id. The index of the key has all that is read first; for OMS's own id,
    PostgreSQL would look at each row."""
    holds = Q(GreaterThan(StrIndex("external_id", Value(text)), 0))
    keys = list(Order.objects.filter(holds).order_by().values_list("platform_id", "external_id")[: few + 1])
    if len(keys) > few:
        return FoundOrders(orders.filter(holds), is_scan=True)
    named: dict[int, list[str]] = {}
    for platform_id, external_id in keys:
        named.setdefault(platform_id, []).append(external_id)
    of_platforms = (Q(platform=platform_id, external_id__in=names) for platform_id, names in named.items())
    found = Order.objects.filter(reduce(or_, of_platforms, Q(pk__in=[])))
    return FoundOrders(orders.filter(pk__in=list(found.order_by().values_list("pk", flat=True))))


def _narrow_or_scan(
    orders: QuerySet[Order], searches: list[Search], few: int, *, scan: Q | None = None
) -> FoundOrders:
    found: set[int] = set()
    scan = scan or Q()
    for search in searches:
        column = "pk" if search.rows.model is Order else "order_id"
        ids = list(search.rows.order_by().values_list(column, flat=True)[: few + 1])
        if len(ids) > few:
            scan |= search.condition
        else:
            found.update(ids)
    return FoundOrders(orders.filter(scan | Q(pk__in=found)), is_scan=bool(scan))


def _by_package(tracking_number: str) -> list[Search]:
    """By exactly this tracking number; nothing for text without a digit, which is none."""
    if not any(map(str.isdigit, tracking_number)):
        return []
    packages = OrderPackage.objects.filter(tracking_number=tracking_number)
    has_package = OrderPackage.objects.filter(order=OuterRef("pk"), tracking_number=tracking_number)
    return [Search(packages, Q(Exists(has_package)))]


def _of_order() -> QuerySet[OrderItem]:
    return OrderItem.objects.filter(order=OuterRef("pk"))


def _item_condition(column: str, condition: Q) -> Q:
    """Has an item with this `condition` on `scanned`, the column inside a function: an index on it would tempt MariaDB
    to collect all such items of all orders first."""
    return Q(Exists(_of_order().alias(scanned=Coalesce(column, Value(""))).filter(condition)))


def _has_words(text: str) -> Q:
    """An item's title holds all words. SQLite knows the case of ASCII letters alone."""
    words = Q()
    for word in words_of(text):
        spellings = {word} if word.isascii() else {word, word.upper(), word.capitalize()}
        words &= reduce(or_, (Q(title__icontains=spelling) for spelling in sorted(spellings)))
    return words


def all_platforms() -> list[int]:
    """All of them, which makes order ids an index's business: it begins with the platform."""
    return list(Platform.objects.values_list("pk", flat=True))


def orders_named(
    text: str, platform_id: int | None = None, *, within: Collection[int] | None = None
) -> list[tuple[int, int]]:
    """Id and platform id of the order with this id: OMS's own id, or else the id that a platform gave it. Several,
    where platforms gave the same one. With a platform, only the id that this one gave it. `within`: as if there were
    no other platforms than these."""
    orders = Order.objects.all() if within is None else Order.objects.filter(platform__in=within)
    named = orders.filter(external_id=text).order_by("pk").values_list("pk", "platform_id")
    if platform_id is not None:
        return list(named.filter(platform=platform_id))
    if text.isascii() and text.isdecimal() and len(text) < 19:
        own = list(orders.filter(pk=int(text)).values_list("pk", "platform_id"))
        if own:
            return own
    return list(named.filter(platform__in=all_platforms())[:FEW])
