"""What an export holds. Columns are named like the fields of the REST API, so that scripts read both alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from backoffice.export.chunks import Cells
from core.format import Text
from core.money import in_decimals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A field, by its path as Django writes it (`platform__name`). Money names the column of its currency."""

    path: str
    currency: str = ""


Columns = dict[str, Column]


def _as_it_is(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One table that a list can be exported as.

    `name` is part of the address and of the file's name. A row of the list is a row of the table, unless `lines` is
    another model: then its rows are those of `lines` whose foreign key `key` is that row (the items of an order).
    """

    name: str
    label: Text
    columns: Columns
    lines: type[Model] | None = None
    key: str = "pk"
    annotate: Callable[[QuerySet[Any]], QuerySet[Any]] = (
        _as_it_is  # adds columns that are no fields of the row
    )

    @property
    def paths(self) -> list[str]:
        return [column.path for column in self.columns.values()]

    def with_decimals(self, cells: Cells) -> Cells:
        """The same cells, money with the decimals of its currency."""
        by_name = dict(zip(self.columns, cells, strict=True))
        return [
            _money(by_name[name], by_name[column.currency]) if column.currency else by_name[name]
            for name, column in self.columns.items()
        ]


def columns(*names: str, **paths: str) -> Columns:
    """Columns that are fields of the row, by their name or, as `platform="platform__name"`, by a path.

    The order is that of the arguments, named ones last.
    """
    return {name: Column(path=path) for name, path in ({field: field for field in names} | paths).items()}


def amounts(*names: str) -> Columns:
    """Columns of money, in the currency of the column `currency`."""
    return {name: Column(path=name, currency="currency") for name in names}


def _money(cells: Sequence[Any], currencies: Sequence[str]) -> list[Any]:
    return [
        None if amount is None else in_decimals_of(amount, currency)
        for amount, currency in zip(cells, currencies, strict=True)
    ]
