"""FBA stock out of nothing but (seed, marketplace, SKU index, row)."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from simulator.catalog import product, scatter
from simulator.model import Stock
from simulator.orders import Book

SECOND_CONDITIONS = ("UsedLikeNew", "UsedGood", "CollectibleMint")


def stock_keys(book: Book) -> list[tuple[int, int]]:
    """(SKU index, row) of every row of a marketplace. A few SKUs have two (FNSKU, condition)."""
    return [(index, row) for index in range(book.skus) for row in range(2 if index % 17 == 5 else 1)]


def make_stock(book: Book, marketplace_id: str, index: int, row: int) -> Stock:
    """The stock row; equal arguments give equal rows."""
    place = book.marketplace_ids.index(marketplace_id)
    rng = Random(scatter(book.seed, index * 2 + row, 100 + place))
    item = product(index)
    never, empty = index % 11 == 4, index % 7 == 2
    top = 0 if never or empty else 12
    fulfillable = rng.randrange(top * 40 + 1)
    working, shipped, receiving = (rng.randrange(top + 1) for _ in range(3))
    reserved = (rng.randrange(top + 1), rng.randrange(top + 1), rng.randrange(top + 1))
    researching = (rng.randrange(top // 4 + 1), rng.randrange(top // 4 + 1), rng.randrange(top // 4 + 1))
    unfulfillable = tuple(rng.randrange(top // 4 + 1) for _ in range(6))
    total = fulfillable + working + shipped + receiving + sum(reserved) + sum(unfulfillable)
    updated = book.end - timedelta(milliseconds=rng.randrange(60 * 86_400_000))
    return Stock(
        marketplace_id=marketplace_id,
        sku=item.sku,
        asin=item.asin,
        fnsku=f"X{place:01d}{row:01d}{index:07d}",
        title="" if index % 19 == 8 else item.title,
        condition=SECOND_CONDITIONS[index % 3] if row else "NewItem",
        # Whether Amazon counts researched units in its total is not documented, so only half of the rows do.
        total=total + (sum(researching) if index % 2 else 0),
        fulfillable=fulfillable,
        inbound_working=working,
        inbound_shipped=shipped,
        inbound_receiving=receiving,
        reserved=reserved,
        researching=researching,
        unfulfillable=unfulfillable,
        updated=None if never else updated.replace(microsecond=0) if index % 4 == 1 else updated,
        blanks=index % 2 == 0,
    )
