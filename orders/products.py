"""Which SKUs have which titles: what the search for words of a title looks through, instead of millions of items."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

from django.db import connections, router
from django.db.models import QuerySet

from core.database.bulk import BulkUpsert, one_of
from orders.models import OrderedProduct

MOST_WORDS = 8
NEXT_LINE = "\n"  # between a title and the same without accents
# Letters that Unicode does not take apart into a letter and an accent.
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})

_write_products = BulkUpsert(OrderedProduct, fields=("key", "sku", "words"), unique=("key",))


def remember_products(titles: Iterable[tuple[str, str]]) -> None:
    """Store which (SKU, title) were sold. Costs one query where all of them are known already."""
    wanted = {key_of(*pair): pair for pair in set(titles) if pair[0] and pair[1]}
    if not wanted:
        return
    missing = wanted.keys() - _known(list(wanted))
    # In one order everywhere, so that two workers that note the same products wait for, and never block, each other.
    _write_products([(key, wanted[key][0], _words(wanted[key][1])) for key in sorted(missing)])


def _known(keys: Sequence[str]) -> set[str]:
    """Those that are noted. Without the ORM, which would build an expression for each key, page after page."""
    connection = connections[router.db_for_write(OrderedProduct)]
    quote = connection.ops.quote_name
    table, (among, parameters) = quote(OrderedProduct._meta.db_table), one_of(connection, keys)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {quote('key')} FROM {table} WHERE {quote('key')} {among}", parameters)  # noqa: S608
        return {row[0] for row in cursor.fetchall()}


def products_with(text: str) -> QuerySet[OrderedProduct]:
    """Products whose title holds all words of `text`, or parts of words, in any order and case, with or without
    accents."""
    products = OrderedProduct.objects.all()
    for word in words_of(text):
        products = products.filter(words__contains=without_accents(word))
    return products


def words_of(text: str) -> list[str]:
    return text.casefold().split()[:MOST_WORDS]


def without_accents(text: str) -> str:
    """`brulee` for `brûlée`."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text.translate(LETTERS))
    return "".join(character for character in apart if not unicodedata.combining(character))


@lru_cache(maxsize=50_000)  # a seller's products come again on every page
def key_of(sku: str, title: str) -> str:
    return blake2b(f"{sku}\0{title.casefold()}".encode(errors="replace"), digest_size=16).hexdigest()


def _words(title: str) -> str:
    """What is looked through: the title casefolded, and where that differs behind it without accents."""
    words = title.casefold().replace(NEXT_LINE, " ")
    plain = without_accents(words)
    return words if plain == words else f"{words}{NEXT_LINE}{plain}"
