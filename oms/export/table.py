"""What an export holds. Columns are named like the fields of the REST API, so that scripts read both alike."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet

from oms.admin_values import Text
from oms.money import amount_text

Columns = dict[str, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One table that a list can be exported as.

    `name` is part of the address and of the file's name. `prepare` fetches what the columns need along with the rows.
    `lines` are what a row of the list becomes: itself, or several (the items of an order).
    """

    name: str
    label: Text
    columns: Columns
    prepare: Callable[[QuerySet[Any]], QuerySet[Any]] = lambda queryset: queryset
    lines: Callable[[Any], Iterable[Any]] = lambda row: (row,)

    def cells(self, row: Any) -> Iterable[list[Any]]:
        """The values of each line that this row of the list becomes."""
        for line in self.lines(row):
            yield [value(line) for value in self.columns.values()]


def columns(*names: str, **paths: str) -> Columns:
    """Columns that are attributes of the row, by their name or, as `platform="platform.name"`, by a dotted path.

    The order is that of the arguments, named ones last.
    """
    return {name: attrgetter(path) for name, path in ({each: each for each in names} | paths).items()}


def amounts(*names: str) -> Columns:
    """Columns of money, with the decimals of the row's `currency`."""
    return {name: _amount(name) for name in names}


def _amount(name: str) -> Callable[[Any], Decimal | None]:
    def value(row: Any) -> Decimal | None:
        amount = getattr(row, name)
        return None if amount is None else Decimal(amount_text(amount, row.currency))

    return value
