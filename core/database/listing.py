"""A filter that leaves a list in the order of its index."""

from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce


def in_order(queryset: QuerySet[Any], name: str, *values: Any, nothing: Any = "") -> QuerySet[Any]:
    """Filter by one of `values` so that the database has no reason to leave the order of the list: the column stands
    in a function. `nothing`: a value of the column's type that no row has."""
    alias = f"frequent_{name}"
    queryset = queryset.alias(**{alias: Coalesce(name, Value(nothing))})
    return queryset.filter(**{f"{alias}__in": values})
