"""Converts the cells of a column into values of a file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def converted(
    cells: Sequence[Any], converters: Mapping[type, Callable[[Any], T]], other: Callable[[Any], T]
) -> list[T]:
    """Each cell by the converter of its type; `other` takes types that have none.

    A column is of one type, except for unknown values: its converter is looked up once, not for each of a million
    cells.
    """
    kinds = set(map(type, cells))
    if len(kinds) == 1:
        return list(map(converters.get(kinds.pop(), other), cells))
    return [converters.get(type(cell), other)(cell) for cell in cells]
