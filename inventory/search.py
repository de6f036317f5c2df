"""Finding stock by a SKU, an ASIN, an FNSKU or words of a title."""

from typing import NamedTuple

from django.db.models import Q, QuerySet

from core.database.prefix import prefix
from inventory.models import InventoryItem

CODES = ("sku", "asin", "fnsku")
FEW = 1000


class FoundStock(NamedTuple):
    """`is_scan`: many rows match, and counting them would scan all titles."""

    items: QuerySet[InventoryItem]
    is_scan: bool


def find_exact(items: QuerySet[InventoryItem], text: str) -> FoundStock | None:
    """Rows of exactly this SKU, ASIN or FNSKU; None where there is none."""
    ids: set[int] = set()
    for code in CODES:  # each by its own index
        ids.update(InventoryItem.objects.filter(**{code: text}).order_by().values_list("pk", flat=True)[:FEW])
    return _found(items, Q(pk__in=ids)) if ids else None


def find_stock(items: QuerySet[InventoryItem], text: str) -> FoundStock:
    """Rows that are `matching`."""
    return _found(items, matching(text))


def matching(text: str) -> Q:
    """SKU, ASIN or FNSKU begins with `text`, or the title holds all its words."""
    words = Q()
    for word in text.split():
        words &= Q(title__icontains=word)
    codes = Q()
    for code in CODES:
        codes |= prefix(code, text)
    return codes | words if words else codes


def _found(items: QuerySet[InventoryItem], condition: Q) -> FoundStock:
    """If few rows match, all titles are read once. If many match, the first page of the list is full after few rows."""
    ids = list(items.filter(condition).order_by().values_list("pk", flat=True)[: FEW + 1])
    is_scan = len(ids) > FEW
    return FoundStock(items.filter(condition) if is_scan else items.filter(pk__in=ids), is_scan)
