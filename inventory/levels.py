"""Stock that has become low: by what a sync stored, or by a threshold that somebody set."""

from collections.abc import Iterable, Mapping

from feed.models import Change
from feed.recording import Changed, add_changes
from inventory.models import InventoryItem, Level

LOW = (Level.OUT, Level.LOW)


def levels_of(ids: Iterable[int]) -> dict[int, int]:
    """The levels of these rows, by id. One query, none for no row."""
    wanted = list(ids)
    if not wanted:
        return {}
    return dict(InventoryItem.objects.filter(pk__in=wanted).order_by().values_list("pk", "level"))


def add_low_stock(platform_id: int, before: Mapping[int, int]) -> None:
    """Note in the change feed which of these rows have become low or run out. Called after they were written; `before`
    has the levels that they had. A row that is new, or comes back, has become nothing."""
    rows = InventoryItem.objects.filter(pk__in=list(before), level__in=LOW).order_by("pk") if before else ()
    fallen = [
        Changed(item.pk, item.sku, ("level",))
        for item in rows
        if item.level < before[item.pk] and before[item.pk] != Level.GONE
    ]
    add_changes(Change.Kind.STOCK_LOW, platform_id, fallen)
