"""Counting rows up to a bound: nobody waits until a million rows are counted."""

from typing import Any

from django.db.models import QuerySet

COUNTED = 10_000  # above, "10,000+" says enough


def count_up_to(queryset: QuerySet[Any], most: int = COUNTED) -> tuple[int, bool]:
    """How many rows there are, and whether that is all of them: counting ends at `most`."""
    found = queryset.order_by()[: most + 1].values("pk").count()
    return min(found, most), found <= most
