"""Finds and writes many rows of one table at once, with one query each.

The ORM can do both, and builds an expression for each parameter and a model instance for each row; a page of orders
is stored several times as fast this way (see `make bench`).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any

import orjson
from django.db import DataError, connections, models, router
from django.db.models.constants import OnConflict

Row = Sequence[Any]
Adapt = Callable[[Sequence[Any]], Sequence[Any]]  # makes the values of a column ready for the driver

# SQLite keeps decimals as 8-byte floats: so many significant digits come back as they went in.
# https://www.sqlite.org/floatingpoint.html
SQLITE_DIGITS = 15


class BulkFind:
    """Finds rows of `model` by many values of the field `by`, among those whose field `within` has one value.

    Returns the columns of `fields`, which must be text or whole numbers: no driver needs a conversion for these.
    The rows stay locked until the transaction ends, where the database locks rows.
    """

    def __init__(self, model: type[models.Model], *, fields: Sequence[str], within: str, by: str) -> None:
        self._model = model
        self._columns = [_column(model, name) for name in fields]
        self._within = _column(model, within)
        self._by = _column(model, by)

    def __call__(self, within: Any, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Raises django.db.DatabaseError, or ValueError for a value that cannot be sent."""
        if not values:
            return []
        connection = connections[router.db_for_write(self._model)]
        quote = connection.ops.quote_name
        columns = ", ".join(map(quote, self._columns))
        marks = ", ".join(["%s"] * len(values))
        sql = (
            f"SELECT {columns} FROM {quote(self._model._meta.db_table)} "  # noqa: S608
            f"WHERE {quote(self._within)} = %s AND {quote(self._by)} IN ({marks})"
        )
        if connection.features.has_select_for_update:
            sql = f"{sql} FOR UPDATE"
        with connection.cursor() as cursor:
            cursor.execute(sql, [within, *values])
            return list(cursor.fetchall())


class BulkUpsert:
    """Upserts rows of `model`, given as rows or as columns; values stand in the order of `fields`, concrete fields.

    Values go to the database driver as they are (None, str, int, bool, Decimal, JSON as text); aware datetimes are
    converted. `unique` names the fields of a unique constraint; all other `fields` are replaced on a conflict.
    """

    def __init__(self, model: type[models.Model], *, fields: Sequence[str], unique: Sequence[str]) -> None:
        self._model = model
        self._fields: list[Any] = [model._meta.get_field(name) for name in fields]
        self._unique: list[Any] = [model._meta.get_field(name) for name in unique]
        self._replaced = [field for field in self._fields if field not in self._unique]
        self._prepared: dict[str, tuple[str, list[tuple[int, Adapt]]]] = {}  # by the alias of a connection

    def __call__(self, rows: Sequence[Row]) -> None:
        """Raises django.db.DatabaseError, ValueError or OverflowError for a value that does not fit."""
        if rows:
            self.write_columns(list(zip(*rows, strict=True)))

    def write_columns(self, columns: Sequence[Sequence[Any]]) -> None:
        """As above. By column, since most columns need nothing, and the others take less time as a whole."""
        connection = connections[router.db_for_write(self._model)]
        sql, adapters = self._prepare(connection)
        ready = list(columns)
        for position, adapt in adapters:
            ready[position] = adapt(columns[position])
        with connection.cursor() as cursor:
            cursor.executemany(sql, list(zip(*ready, strict=True)))

    def _prepare(self, connection: Any) -> tuple[str, list[tuple[int, Adapt]]]:
        """The statement, and which columns are to be adapted: made once, and used for each page."""
        if connection.alias not in self._prepared:
            adapters = [_adapter(field, connection) for field in self._fields]
            needed = [(position, adapt) for position, adapt in enumerate(adapters) if adapt is not None]
            self._prepared[connection.alias] = self._sql(connection), needed
        return self._prepared[connection.alias]

    def _sql(self, connection: Any) -> str:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(field.column) for field in self._fields)
        marks = ", ".join(["%s"] * len(self._fields))
        table = quote(self._model._meta.db_table)
        return f"INSERT INTO {table} ({columns}) VALUES ({marks}) {self._on_conflict(connection)}"  # noqa: S608

    def _on_conflict(self, connection: Any) -> str:
        replaced = [field.column for field in self._replaced]
        if connection.vendor == "mysql":
            # mysqlclient joins the rows of executemany into few statements, but only where it knows the ending. It
            # does not know Django's for MySQL 8 ("AS new ON DUPLICATE …"), and would send row after row.
            quote = connection.ops.quote_name
            changes = (f"{quote(column)} = VALUES({quote(column)})" for column in replaced)
            return f"ON DUPLICATE KEY UPDATE {', '.join(changes)}"
        suffix: str = connection.ops.on_conflict_suffix_sql(
            self._fields, OnConflict.UPDATE, replaced, [field.column for field in self._unique]
        )
        return suffix


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)


def _adapter(field: Any, connection: Any) -> Adapt | None:
    """What makes values of this field ready for the driver; None where the driver takes them as they are."""
    if isinstance(field, models.DateTimeField):
        return _aware if connection.features.supports_timezones else _naive_text(connection.timezone)
    if isinstance(field, models.DecimalField):
        return _exact_text(field) if connection.vendor == "sqlite" else _finite
    if isinstance(field, models.BooleanField) and connection.vendor == "sqlite":
        return _whole_numbers
    return None


def _aware(times: Sequence[datetime | None]) -> Sequence[datetime | None]:
    if any(time is not None and time.tzinfo is None for time in times):
        raise ValueError("A time without a zone cannot be stored.")
    return times


def _naive_text(zone: Any) -> Adapt:
    """Times as text in `zone`, as Django writes them where a database has no zones."""

    def adapt(times: Sequence[datetime | None]) -> Sequence[str | None]:
        if zone is UTC and all(time is None or time.tzinfo is UTC for time in times):
            # Nearly always. orjson takes a tenth of the time of isoformat; it leaves subclasses of datetime to us.
            text = orjson.dumps(times, default=datetime.isoformat)
            return list(orjson.loads(text.replace(b"T", b" ").replace(b"+00:00", b"")))
        return [
            None if time is None else str(time.astimezone(zone).replace(tzinfo=None))
            for time in _aware(times)
        ]

    return adapt


def _finite(amounts: Sequence[Decimal | None]) -> Sequence[Decimal | None]:
    """MySQL's driver would send the word Infinity for the name of a column; PostgreSQL would store NaN."""
    if not all(amount is None or amount.is_finite() for amount in amounts):
        raise DataError("The amount is not a number.")
    return amounts


def _exact_text(field: models.DecimalField[Any, Any]) -> Adapt:
    """Refuses what SQLite would round, or keep although it does not fit and could never be read again."""
    small = Decimal(10) ** (SQLITE_DIGITS - field.decimal_places)  # below, the float holds every digit
    step, context = Decimal(1).scaleb(-field.decimal_places), Context(prec=field.max_digits)

    def check(amount: Decimal) -> None:
        digits = amount.quantize(step, context=context).normalize().as_tuple().digits
        if len(digits) > SQLITE_DIGITS:
            raise DataError(f"SQLite keeps {SQLITE_DIGITS} digits of an amount; this one has {len(digits)}.")

    def adapt(amounts: Sequence[Decimal | None]) -> Sequence[str | None]:
        present = [amount for amount in amounts if amount is not None]
        try:
            if present and not -small < min(present) <= max(present) < small:
                for amount in present:
                    check(amount)
        except InvalidOperation:  # NaN, infinite, or more digits than the column has
            raise DataError(f"The amount does not fit into {field.max_digits} digits.") from None
        return [None if amount is None else str(amount) for amount in amounts]

    return adapt


def _whole_numbers(flags: Sequence[bool | None]) -> Sequence[int | None]:
    """What SQLite stores; its driver looks for an adapter of everything that is no plain number or text."""
    return [None if flag is None else int(flag) for flag in flags]
