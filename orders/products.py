"""Which SKUs have which titles: what the search for words of a title looks through, instead of millions of items."""

from collections.abc import Iterable
from hashlib import blake2b

from django.db.models import QuerySet

from orders.models import OrderedProduct

MOST_WORDS = 8


def remember_products(titles: Iterable[tuple[str, str]]) -> None:
    """Note which (SKU, title) were sold. Costs one query where all of them are known already."""
    wanted = {key_of(sku, title): (sku, title.casefold()) for sku, title in set(titles) if sku and title}
    known = set(OrderedProduct.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    # In one order everywhere, so that two workers that note the same products wait for, and never block, each other.
    rows = [
        OrderedProduct(key=key, sku=sku, words=words)
        for key, (sku, words) in sorted(wanted.items())
        if key not in known
    ]
    OrderedProduct.objects.bulk_create(rows, ignore_conflicts=True)


def products_with(text: str) -> QuerySet[OrderedProduct]:
    """Products whose title holds all words of `text`, or parts of words, in any order and case."""
    products = OrderedProduct.objects.all()
    for word in words_of(text):
        products = products.filter(words__contains=word)
    return products


def words_of(text: str) -> list[str]:
    return text.casefold().split()[:MOST_WORDS]


def key_of(sku: str, title: str) -> str:
    return blake2b(f"{sku}\0{title.casefold()}".encode(errors="replace"), digest_size=16).hexdigest()
