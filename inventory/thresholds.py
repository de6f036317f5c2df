"""Sets thresholds, and records who set them."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from audit.recording import record_each
from feed.models import Change
from feed.recording import Changed, add_changes
from inventory.levels import add_low_stock
from inventory.models import InventoryItem

AT_ONCE = 1000


def set_threshold(*, items: QuerySet[InventoryItem], threshold: int | None) -> int:
    """Give all `items` this threshold (None: none). Returns how many had another one."""
    changed = 0
    ids = list(items.order_by().values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        changed += _set(ids[start : start + AT_ONCE], threshold)
    return changed


@transaction.atomic
def _set(ids: Sequence[int], threshold: int | None) -> int:
    found = InventoryItem.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    others = [item for item in found if item.threshold != threshold]
    _write(others, threshold)
    return len(others)


def _write(items: Sequence[InventoryItem], threshold: int | None) -> None:
    record_each("threshold.changed", [(item, {"threshold": [item.threshold, threshold]}) for item in items])
    InventoryItem.objects.filter(pk__in=[item.pk for item in items]).update(threshold=threshold)
    for platform_id in sorted({item.platform_id for item in items}):
        of_platform = [item for item in items if item.platform_id == platform_id]
        changed = [Changed(item.pk, item.sku, ("threshold",)) for item in of_platform]
        add_changes(Change.Kind.STOCK_UPDATED, platform_id, changed)
        add_low_stock(platform_id, {item.pk: item.level for item in of_platform})


@transaction.atomic
def save_threshold(item: InventoryItem) -> None:
    """Store the threshold of this row alone, as a form has set it."""
    stored = InventoryItem.objects.select_for_update().get(pk=item.pk)
    if stored.threshold != item.threshold:
        _write([stored], item.threshold)
