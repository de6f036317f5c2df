"""What orders consist of and tables of their own hold: lines, packages. How they are found by their orders."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models

from core.upsert import Values

StoredParts = dict[str, tuple[int, Values]]  # by the platform's id of the part: id of the row, and its values


def stored_parts(
    model: type[models.Model], order_ids: Iterable[int], names: Sequence[str]
) -> dict[int, StoredParts]:
    """What is stored of each of these orders, by their ids: the columns `names` of rows of `model`. One query, none for
    no order."""
    found: dict[int, StoredParts] = {order_id: {} for order_id in order_ids}
    if found:
        rows: Any = model._default_manager.filter(order_id__in=found).order_by("id")
        for order_id, external_id, pk, *values in rows.values_list("order_id", "external_id", "id", *names):
            found[order_id][external_id] = (pk, values)
    return found
