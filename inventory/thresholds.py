"""Sets thresholds, and records in the admin's history who set them."""

from collections.abc import Sequence

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet

from feed.models import Change
from feed.recording import Changed, add_changes
from inventory.levels import add_low_stock
from inventory.models import InventoryItem

AT_ONCE = 1000


def set_threshold(*, items: QuerySet[InventoryItem], threshold: int | None, user_id: int) -> int:
    """Give all `items` this threshold (None: none) in the name of a user. Returns how many had another one."""
    changed = 0
    ids = list(items.order_by().values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        changed += _set(ids[start : start + AT_ONCE], threshold, user_id)
    return changed


@transaction.atomic
def _set(ids: Sequence[int], threshold: int | None, user_id: int) -> int:
    found = InventoryItem.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    others = [item for item in found if item.threshold != threshold]
    kind = ContentType.objects.get_for_model(InventoryItem).pk
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_id,
            content_type_id=kind,
            object_id=str(item.pk),
            object_repr=str(item)[:200],
            action_flag=CHANGE,
            change_message=threshold_change(item.threshold, threshold),
        )
        for item in others
    )
    _write(others, threshold)
    return len(others)


def _write(items: Sequence[InventoryItem], threshold: int | None) -> None:
    InventoryItem.objects.filter(pk__in=[item.pk for item in items]).update(threshold=threshold)
    for platform_id in sorted({item.platform_id for item in items}):
        of_platform = [item for item in items if item.platform_id == platform_id]
        changed = [Changed(item.pk, item.sku, ("threshold",)) for item in of_platform]
        add_changes(Change.Kind.STOCK_UPDATED, platform_id, changed)
        add_low_stock(platform_id, {item.pk: item.level for item in of_platform})


@transaction.atomic
def save_threshold(item: InventoryItem) -> None:
    """Store the threshold of this row alone, as a form has set it. Its history is the form's."""
    stored = InventoryItem.objects.select_for_update().get(pk=item.pk)
    if stored.threshold != item.threshold:
        _write([stored], item.threshold)


def threshold_change(before: int | None, after: int | None) -> str:
    """For the history: `Threshold: none → 5.`"""
    old, new = ("none" if value is None else value for value in (before, after))
    return f"Threshold: {old} → {new}."
