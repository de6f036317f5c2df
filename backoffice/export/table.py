"""What an export holds. Columns are named like the fields of the REST API, so that scripts read both alike."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Model, QuerySet

from backoffice.export.chunks import Cells
from core.format import Text
from core.money import in_decimals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A field, by its path as Django writes it (`platform__name`). Money names the column of its currency.

    `inside` leads to a value inside a field that holds JSON. `title` is what people call the column; where it is empty,
    the field's own name. `made` makes the cells of what is stored at the paths `of`, which it takes in their order;
    columns with the same function share what it makes.
    """

    path: str
    currency: str = ""
    inside: tuple[str, ...] = ()
    title: Text = ""
    of: tuple[str, ...] = ()
    made: Callable[..., Sequence[Any]] | None = None


Columns = dict[str, Column]


def _as_it_is(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One table that a list can be exported as.

    `name` is part of the address and of the file's name. A row of the list is a row of the table, unless `lines` is
    another model: then its rows are those of `lines` whose foreign key `key` is that row (the items of an order).
    `of_list` says which columns stand for one of the list's, for those who want only what their list shows.
    `is_uploaded`: people change the file and upload it, so that its columns keep their names, and values are plain.
    """

    name: str
    label: Text
    columns: Columns
    lines: type[Model] | None = None
    key: str = "pk"
    annotate: Callable[[QuerySet[Any]], QuerySet[Any]] = (
        _as_it_is  # adds columns that are no fields of the row
    )
    of_list: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_uploaded: bool = False

    @property
    def paths(self) -> list[str]:
        paths = (path for column in self.columns.values() for path in (column.path, *column.of))
        return list(dict.fromkeys(paths))

    @property
    def amounts(self) -> dict[int, int]:
        """Which columns are money, and in which ones their currency stands, both by their places."""
        places = {name: at for at, name in enumerate(self.columns)}
        return {
            places[name]: places[column.currency] for name, column in self.columns.items() if column.currency
        }

    def with_columns_of(self, shown: Collection[str]) -> "Export":
        """What a list with these columns shows."""
        return self.with_columns([name for column in shown for name in self.of_list.get(column, ())])

    def with_columns(self, wanted: Collection[str]) -> "Export":
        """These alone, in the order of the export; money brings its currency with it."""
        names = {*wanted, *(self.columns[name].currency for name in wanted)}
        return replace(self, columns={name: self.columns[name] for name in self.columns if name in names})

    def cells_of(self, fields: Cells) -> Cells:
        """The cells of each column, of what is stored at `paths`: money with the decimals of its currency."""
        stored = dict(zip(self.paths, fields, strict=True))
        made: dict[Any, Sequence[Any]] = {}
        cells: list[Sequence[Any]] = []
        for column in self.columns.values():
            values = stored[column.path]
            if column.made is not None:
                if column.made not in made:
                    made[column.made] = column.made(*(stored[path] for path in column.of))
                values = made[column.made]
            if column.inside:
                values = [_inside(value, column.inside) for value in values]
            if column.currency:
                values = _money(values, stored[self.columns[column.currency].path])
            cells.append(values)
        return cells


def columns(*names: str, **paths: str) -> Columns:
    """Columns that are fields of the row, by their name or, as `platform="platform__name"`, by a path.

    The order is that of the arguments, named ones last.
    """
    return {name: Column(path=path) for name, path in ({field: field for field in names} | paths).items()}


def amounts(*names: str) -> Columns:
    """Columns of money, in the currency of the column `currency`."""
    return {name: Column(path=name, currency="currency") for name in names}


def insides(field: str, names: Mapping[str, Sequence[str]], title: Callable[[str, str], Text]) -> Columns:
    """Columns `group_name` of what the field, which holds JSON, has at group and name, which `title` names."""
    return {
        f"{group}_{name}": Column(path=field, inside=(group, name), title=title(group, name))
        for group, inner in names.items()
        for name in inner
    }


def titled(titles: Mapping[str, Text]) -> Columns:
    """Columns by their names, with what people call them: what is no field of the row has no name of its own."""
    return {name: Column(path=name, title=title) for name, title in titles.items()}


def _inside(value: Any, way: Sequence[str]) -> Any:
    for name in way:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _money(cells: Sequence[Any], currencies: Sequence[str]) -> list[Any]:
    return [
        None if amount is None else in_decimals_of(amount, currency)
        for amount, currency in zip(cells, currencies, strict=True)
    ]
