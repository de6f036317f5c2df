"""Finding stock by what people have at hand: a SKU, an ASIN, an FNSKU, words of a title."""

from typing import NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from inventory.models import InventoryItem

CODES = ("sku", "asin", "fnsku")
FEW = 1000
COUNTED = 20_000
LAST_CHARACTER = "\U0010ffff"


class Found(NamedTuple):
    """`known` is how many they are, None where there are too many to have been counted on the way."""

    items: QuerySet[InventoryItem]
    known: int | None


def find_exact(items: QuerySet[InventoryItem], text: str) -> Found | None:
    """Rows of exactly this SKU, ASIN or FNSKU; None where there is none."""
    ids: set[int] = set()
    for code in CODES:  # each by its own index
        ids.update(InventoryItem.objects.filter(**{code: text}).order_by().values_list("pk", flat=True)[:FEW])
    return _found(items, Q(pk__in=ids)) if ids else None


def find_stock(items: QuerySet[InventoryItem], text: str) -> Found:
    """Rows that are `matching`."""
    return _found(items, matching(text))


def matching(text: str) -> Q:
    """SKU, ASIN or FNSKU begins with `text`, or the title holds all its words."""
    words = Q()
    for word in text.split():
        words &= Q(title__icontains=word)
    codes = Q()
    for code in CODES:
        codes |= _prefix(code, text)
    return codes | words if words else codes


def _found(items: QuerySet[InventoryItem], condition: Q) -> Found:
    """The titles are read once: a list would count all that match, and read them again for a page of it."""
    ids = list(items.filter(condition).order_by().values_list("pk", flat=True)[: COUNTED + 1])
    found = items.filter(pk__in=ids) if len(ids) <= FEW else items.filter(condition)
    return Found(found, len(ids) if len(ids) <= COUNTED else None)


def _prefix(field: str, text: str) -> Q:
    """`field` begins with `text`, so that an index finds it: LIKE does not use one on SQLite."""
    if connection.vendor == "postgresql":  # its usual collations sort otherwise
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + LAST_CHARACTER})
