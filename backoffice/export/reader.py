"""For whom a file is made: a person who opens it in a spreadsheet, or a program that reads it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db.models import BooleanField, DateTimeField, QuerySet
from django.template.defaultfilters import yesno
from django.utils.formats import get_format
from django.utils.text import capfirst

from backoffice.export.chunks import Cells
from backoffice.export.table import Columns
from core.format import Text

SECONDS = len("2026-01-31 13:00:00")


@dataclass(frozen=True, slots=True)
class Reader:
    """How values are written into a CSV: what separates them, the decimal sign, and whether a program reads them.

    Times are UTC as ISO 8601 writes them for programs, and those of `zone` as spreadsheets of any language take them
    for a time.
    """

    separator: str = ","
    decimal: str = "."
    is_machine: bool = False
    zone: tzinfo = UTC

    def time(self, value: datetime) -> str:
        if self.is_machine:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return in_zone(value, self.zone).isoformat(sep=" ", timespec="seconds")[:SECONDS]


MACHINE = Reader(is_machine=True)


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The time there; in the first and last hours of the calendar, which not every zone has, that in UTC."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def of_language(zone: tzinfo = UTC) -> Reader:
    """A person of the active language. Where the decimal sign is a comma, spreadsheets separate by semicolons."""
    has_comma = str(get_format("DECIMAL_SEPARATOR")) == ","
    return Reader(separator=";", decimal=",", zone=zone) if has_comma else Reader(zone=zone)


def names(columns: Columns, rows: QuerySet[Any]) -> list[str]:
    """What the columns are called in the API; times say that they are UTC, since a spreadsheet's have no zone."""
    return [
        f"{name} (UTC)" if isinstance(_field_of(rows, column.path)[0], DateTimeField) else name
        for name, column in columns.items()
    ]


def titles(columns: Columns, rows: QuerySet[Any], zone: tzinfo) -> list[str]:
    """What the columns are called for people, in the active language; times name their zone."""
    return list(_titles(columns, rows, zone))


def _titles(columns: Columns, rows: QuerySet[Any], zone: tzinfo) -> Iterator[str]:
    for column in columns.values():
        field, owner = _field_of(rows, column.path)
        title = str(column.title or _name_of(field))
        if owner and owner.lower() not in title.lower():
            title = f"{owner}: {title}"
        yield f"{capfirst(title)} ({zone})" if isinstance(field, DateTimeField) else str(capfirst(title))


def labels(columns: Columns, rows: QuerySet[Any]) -> list[Mapping[Any, str]]:
    """Of each column what people call its values, in the active language; empty where values speak for themselves."""
    return [
        {} if column.inside or column.made else _labels_of(_field_of(rows, column.path)[0])
        for column in columns.values()
    ]


def labelled(chunks: Iterable[Cells], names: Sequence[Mapping[Any, str]]) -> Iterator[Cells]:
    """The cells with these labels in the place of their values; a value that has none stays as it is."""
    for cells in chunks:
        yield [
            [known.get(value, value) for value in column] if known else column
            for column, known in zip(cells, names, strict=True)
        ]


def _labels_of(field: Any) -> dict[Any, str]:
    if isinstance(field, BooleanField):
        return {value: str(yesno(value)) for value in (True, False)}
    return {value: str(label) for value, label in field.flatchoices if value != ""}


def _name_of(field: Any) -> Text:
    """A relation is called like the rows that it leads to."""
    name: Text = field.related_model._meta.verbose_name if field.is_relation else field.verbose_name
    return name


def _field_of(rows: QuerySet[Any], path: str) -> tuple[Any, str]:
    """The field at this path, and what it belongs to where that is not the row or its platform."""
    model, owner = rows.model, ""
    *way, last = path.split("__")
    for name in way:
        relation = model._meta.get_field(name)
        model = relation.related_model
        if name == "platform":
            return relation, ""
        owner = str(model._meta.verbose_name)
    if last in rows.query.annotations:
        return rows.query.annotations[last].output_field, owner
    return model._meta.get_field(last), owner
