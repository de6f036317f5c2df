"""Finds and writes many rows of one table at once, with one query each.

The ORM can do both, and builds an expression for each parameter and a model instance for each row; a page of orders
is stored several times as fast this way (see `make bench`).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext
from typing import Any, NamedTuple

import orjson
from django.db import DataError, connections, models, router
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models.constants import OnConflict

from core.database.packets import Packets, packets_of

Row = Sequence[Any]
Adapt = Callable[[Sequence[Any]], Sequence[Any]]  # makes the values of a column ready for the driver

# SQLite keeps decimals as 8-byte floats: so many significant digits come back as they went in.
# https://www.sqlite.org/floatingpoint.html
SQLITE_DIGITS = 15
# Integers of a column are the same on every database; SQLite itself would keep 64 bits in each.
INTEGERS = BaseDatabaseOperations.integer_field_ranges
# A statement may be longer than its largest value, by other values of its row and the columns' names.
STATEMENT = 2**17
SMALL = 2**17  # characters of a row that fit into a packet of any server
WIDE = Context(prec=60)
NARROW = 6  # columns of a table that SQLite takes as JSON


class DoesNotFit(DataError):
    """A value for which its column has no room. `column` is "order_items.asin", `room` what there is room for."""

    def __init__(self, column: str, value: Any, room: str) -> None:
        super().__init__(f"{column} has room for {room}.")
        self.column, self.value, self.room = column, value, room


def one_of(connection: Any, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """The end of a condition, that a column has one of these values, and its parameters. Values are text or whole
    numbers. Raises ValueError for one that cannot be sent."""
    if connection.vendor == "sqlite":  # one statement for any number of values: the driver keeps it prepared
        return "IN (SELECT value FROM json_each(%s))", [_json(values)]
    return f"IN ({', '.join(['%s'] * len(values))})", list(values)


def _json(values: Sequence[Any]) -> str:
    try:
        return orjson.dumps(values).decode()
    except TypeError:  # half a surrogate pair, or a number of more than 64 bits
        raise ValueError("A value cannot be sent to the database.") from None


class BulkFind:
    """Finds rows of `model` by many values of each of the fields `by`, among those whose field `within` has one value.

    `within` and `by` should be what a unique index begins with, without a gap: SQLite, which knows nothing of its rows
    until somebody has it count them, would read all of a platform's for a page. Returns the columns of `fields`, which
    must be text or whole numbers: no driver needs a conversion for these. The rows stay locked until the transaction
    ends, where the database locks rows.
    """

    def __init__(
        self, model: type[models.Model], *, fields: Sequence[str], within: str, by: Sequence[str]
    ) -> None:
        self._model = model
        self._columns = [_column(model, name) for name in fields]
        self._within = _column(model, within)
        self._by = [_column(model, name) for name in by]

    def __call__(self, within: Any, values: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """`values`: those of each field. Raises django.db.DatabaseError, or ValueError for one that cannot be sent."""
        if not all(values):
            return []
        connection = connections[router.db_for_write(self._model)]
        quote = connection.ops.quote_name
        columns = ", ".join(map(quote, self._columns))
        conditions, parameters = [f"{quote(self._within)} = %s"], [within]
        for column, wanted in zip(self._by, values, strict=True):
            among, sent = one_of(connection, wanted)
            conditions.append(f"{quote(column)} {among}")
            parameters += sent
        table = quote(self._model._meta.db_table)
        sql = f"SELECT {columns} FROM {table} WHERE {' AND '.join(conditions)}"  # noqa: S608
        if connection.features.has_select_for_update:
            sql = f"{sql} FOR UPDATE"
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())


class BulkInsert:
    """Inserts rows into the table of `model`, given as rows or as columns; values stand in the order of `fields`,
    concrete fields.

    Values go to the database driver as they are (None, str, int, bool, JSON as text); aware datetimes are converted,
    amounts rounded to the column. What the columns have no room for is refused before it is sent: SQLite would keep it
    all the same.
    """

    def __init__(self, model: type[models.Model], *, fields: Sequence[str]) -> None:
        self._model = model
        self._fields: list[Any] = [model._meta.get_field(name) for name in fields]
        self._large = [
            at
            for at, field in enumerate(self._fields)
            if isinstance(field, models.TextField | models.JSONField)
        ]
        self._amounts = [
            at for at, field in enumerate(self._fields) if isinstance(field, models.DecimalField)
        ]
        self._marks = f"({', '.join(['%s'] * len(self._fields))})"
        self._prepared: dict[str, tuple[str, list[tuple[int, Adapt]]]] = {}  # by the alias of a connection

    def __call__(self, rows: Sequence[Row]) -> bool:
        """Whether an amount may have been rounded; hardly ever, and never where none was not.

        Raises DoesNotFit, or another django.db.DatabaseError, for a value that does not fit.
        """
        return bool(rows) and self.write_columns(list(zip(*rows, strict=True)))

    def write_columns(self, columns: Sequence[Sequence[Any]]) -> bool:
        """As above. By column, since most columns need nothing, and the others take less time as a whole."""
        connection = connections[router.db_for_write(self._model)]
        sql, adapters = self._prepare(connection)
        ready = list(columns)
        for position, adapt in adapters:
            ready[position] = adapt(columns[position])
        may_be_rounded = any(ready[position] is not columns[position] for position in self._amounts)
        if connection.vendor == "sqlite":
            for position in self._amounts:
                ready[position] = [None if amount is None else str(amount) for amount in ready[position]]
        self._send(connection, sql, ready)
        return may_be_rounded

    def _send(self, connection: Any, sql: str, ready: Sequence[Sequence[Any]]) -> None:
        if connection.vendor == "mysql":
            self._check_packets(connection, ready)
            packets = packets_of(connection.alias)
            with connection.cursor() as cursor:
                for portion in _joined(connection.connection, ready, packets.joined):
                    self._refuse_what_is_lost(packets, portion)
                    with packets.sending(portion.size, portion.rows):
                        cursor.execute(sql.replace(self._marks, portion.text, 1))
            return
        if connection.vendor == "sqlite" and len(ready) <= NARROW:
            self._write_as_json(connection, ready)
            return
        with connection.cursor() as cursor:
            cursor.executemany(sql, list(zip(*ready, strict=True)))

    def _write_as_json(self, connection: Any, columns: Sequence[Sequence[Any]]) -> None:
        """All rows in one text, and beside it the values that are the same in all of them.

        For each statement, SQLite looks for the table's last id, and writes it: for a narrow row, that takes longer
        than reading it from JSON.
        """
        values, alike, other = list[str](), list[Any](), list[Sequence[Any]]()
        for column in columns:
            is_alike = column.count(column[0]) == len(column)
            values.append("%s" if is_alike else f"value->>{len(other)}")
            (alike if is_alike else other).append(column[0] if is_alike else column)
        rows = list(zip(*other, strict=True)) if other else [()] * len(columns[0])
        # Without a WHERE, SQLite would read ON CONFLICT as the ON of a join.
        source = f"SELECT {', '.join(values)} FROM json_each(%s) WHERE true"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(self._sql(connection, source), [*alike, _json(rows)])

    def _prepare(self, connection: Any) -> tuple[str, list[tuple[int, Adapt]]]:
        """The statement, and which columns are to be adapted: made once, and used for each page."""
        if connection.alias not in self._prepared:
            adapters = [_adapter(field, connection) for field in self._fields]
            needed = [(position, adapt) for position, adapt in enumerate(adapters) if adapt is not None]
            self._prepared[connection.alias] = self._sql(connection, f"VALUES {self._marks}"), needed
        return self._prepared[connection.alias]

    def _check_packets(self, connection: Any, columns: Sequence[Sequence[Any]]) -> None:
        """Refuses a row that is larger than what the server takes at once: it would answer by ending the connection,
        and with it a transaction that holds other rows."""
        for position in self._large:
            if max(map(len, filter(None, columns[position])), default=0) < SMALL:
                continue
            with connection.cursor() as cursor:
                cursor.execute("SELECT @@max_allowed_packet")
                (most,) = cursor.fetchone()
            for row in zip(*(columns[large] for large in self._large), strict=True):
                size = sum(len(connection.connection.literal(value)) for value in row if value is not None)
                if size + STATEMENT > most:
                    field = self._fields[position]
                    raise DoesNotFit(
                        _name_of(field),
                        row[self._large.index(position)],
                        f"{most:,} bytes (max_allowed_packet)",
                    )

    def _refuse_what_is_lost(self, packets: Packets, portion: "Portion") -> None:
        """Refuses a row of which it is known that the connection does not take it."""
        most = packets.refused_from
        if most is None or portion.rows > 1 or portion.size < most:
            return
        longest = max(self._large, key=lambda at: len(portion.first[at] or ""), default=0)
        room = f"fewer than {most:,} bytes: the connection to the database ends at more"
        raise DoesNotFit(_name_of(self._fields[longest]), portion.first[longest], room)

    def _sql(self, connection: Any, source: str) -> str:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(field.column) for field in self._fields)
        table = quote(self._model._meta.db_table)
        return f"INSERT INTO {table} ({columns}) {source} {self._on_conflict(connection)}"

    def _on_conflict(self, connection: Any) -> str:
        """The end of the statement."""
        return ""


class BulkUpsert(BulkInsert):
    """Upserts rows of `model`, as BulkInsert inserts them. `unique` names the fields of a unique constraint; all other
    `fields` are replaced on a conflict."""

    def __init__(self, model: type[models.Model], *, fields: Sequence[str], unique: Sequence[str]) -> None:
        super().__init__(model, fields=fields)
        self._unique: list[Any] = [model._meta.get_field(name) for name in unique]
        self._replaced = [field for field in self._fields if field not in self._unique]

    def _on_conflict(self, connection: Any) -> str:
        suffix: str = connection.ops.on_conflict_suffix_sql(
            self._fields,
            OnConflict.UPDATE,
            [field.column for field in self._replaced],
            [field.column for field in self._unique],
        )
        return suffix


class Portion(NamedTuple):
    """`rows` rows of one statement as text, of `size` bytes, and the values of the first."""

    text: str
    size: int
    rows: int
    first: Row


def _joined(driver: Any, columns: Sequence[Sequence[Any]], most: int) -> Iterator[Portion]:
    """The rows as MySQL's statements have them behind VALUES, a portion for each statement, of `most` bytes or one row.

    mysqlclient's executemany does the same, but it looks up each value's type in Python: that took as long as all else
    that is done here with a page. A number in quotes is the same number to its column.
    """
    quoted, portion, size = driver.string_literal, list[bytes](), 0
    first: Row = ()
    for row in zip(*columns, strict=True):
        values = b"(%s)" % b",".join([b"NULL" if value is None else quoted(value) for value in row])
        if portion and size + len(values) > most:
            yield Portion(b",".join(portion).decode(driver.encoding), size, len(portion), first)
            portion, size = [], 0
        if not portion:
            first = row
        portion.append(values)
        size += len(values)
    yield Portion(b",".join(portion).decode(driver.encoding), size, len(portion), first)


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)


def _name_of(field: Any) -> str:
    return f"{field.model._meta.db_table}.{field.column}"


def _adapter(field: Any, connection: Any) -> Adapt | None:
    """What makes values of this field ready for the driver; None where the driver takes them as they are."""
    if isinstance(field, models.DateTimeField):
        return _aware if connection.features.supports_timezones else _naive_text(connection.timezone)
    if isinstance(field, models.DecimalField):
        return _amounts(field, as_floats=connection.vendor == "sqlite")
    if isinstance(field, models.BooleanField):
        return _whole_numbers if connection.vendor in ("sqlite", "mysql") else None
    if isinstance(field, models.CharField) and field.max_length:
        return _no_longer_than(field, field.max_length)
    bounds = INTEGERS.get(field.get_internal_type())
    return _within(field, *bounds) if bounds else None


def _no_longer_than(field: Any, length: int) -> Adapt:
    def check(texts: Sequence[Any]) -> Sequence[Any]:
        known = texts
        try:
            longest = max(map(len, texts), default=0)
        except TypeError:  # None is for the database to refuse, or to store
            known = [text for text in texts if text is not None]
            longest = max(map(len, known), default=0)
        if longest > length:
            raise DoesNotFit(_name_of(field), max(known, key=len), f"{length} characters")
        return texts

    return check


def _within(field: Any, lowest: int, highest: int) -> Adapt:
    def check(numbers: Sequence[int | None]) -> Sequence[int | None]:
        known = [number for number in numbers if number is not None]
        for number in (min(known), max(known)) if known else ():
            if not lowest <= number <= highest:
                raise DoesNotFit(_name_of(field), number, f"whole numbers from {lowest:,} to {highest:,}")
        return numbers

    return check


def _aware(times: Sequence[datetime | None]) -> Sequence[datetime | None]:
    if any(time is not None and time.tzinfo is None for time in times):
        raise ValueError("A time without a zone cannot be stored.")
    return times


def _naive_text(zone: Any) -> Adapt:
    """Times as text in `zone`, as Django writes them where a database has no zones."""

    def adapt(times: Sequence[datetime | None]) -> Sequence[str | None]:
        if zone is UTC:
            # orjson takes a tenth of the time of isoformat; it leaves subclasses of datetime to us.
            text = orjson.dumps(times, default=datetime.isoformat)
            if text.count(b"+00:00") + text.count(b"null") == len(times):  # nearly always
                return list(orjson.loads(text.replace(b"T", b" ").replace(b"+00:00", b"")))
        return [
            None if time is None else str(time.astimezone(zone).replace(tzinfo=None))
            for time in _aware(times)
        ]

    return adapt


def rounded(amount: Decimal, step: Decimal, context: Context = WIDE) -> Decimal:
    """The amount with as many decimal places as `step`, a half away from zero, as MySQL and PostgreSQL round.

    Raises InvalidOperation where it then has more digits than the context, or is infinite.
    """
    return amount.quantize(step, ROUND_HALF_UP, context)


def have_places(amounts: Sequence[Decimal], places: int) -> bool:
    """Whether none of these finite amounts has more decimal places: their sum has as many as the one with the most.

    Looks at all of them at once, for a page that nearly always has no such amount. False may also mean that a place
    is 0.
    """
    with localcontext(WIDE):
        exponent = sum(amounts, Decimal(0)).as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -places


def _amounts(field: models.DecimalField[Any, Any], *, as_floats: bool) -> Adapt:
    """Rounds amounts to the column, and refuses those that have more digits than it, or than SQLite keeps.

    Where there is nothing to do, which is nearly always, the answer is the very object that was given.

    MySQL's driver would send the word Infinity for the name of a column; PostgreSQL would store NaN.
    """
    before_point = (
        SQLITE_DIGITS - field.decimal_places
    )  # with so many digits, SQLite's float holds all of them
    small = Decimal(10) ** before_point
    step, context = Decimal(1).scaleb(-field.decimal_places), Context(prec=field.max_digits)
    room = f"{field.max_digits} digits, {field.decimal_places} of them behind the point"

    def fit(amount: Decimal) -> Decimal:
        try:
            fitting = rounded(amount, step, context)
        except InvalidOperation:
            raise DoesNotFit(_name_of(field), amount, room) from None
        if fitting.is_nan():
            raise DoesNotFit(_name_of(field), amount, room)
        if as_floats and not -small < fitting < small:
            digits = fitting.normalize().as_tuple().digits
            if len(digits) > SQLITE_DIGITS:
                raise DoesNotFit(_name_of(field), amount, f"{SQLITE_DIGITS} digits on SQLite")
        return fitting

    def are_plain(amounts: Sequence[Decimal]) -> bool:
        try:
            return max(map(Decimal.adjusted, amounts)) < before_point and have_places(
                amounts, field.decimal_places
            )
        except InvalidOperation:  # a signalling NaN
            return False

    def adapt(amounts: Sequence[Decimal | None]) -> Sequence[Any]:
        known = [amount for amount in amounts if amount is not None]
        if not known or are_plain(known):  # nearly always
            return amounts
        return [None if amount is None else fit(amount) for amount in amounts]

    return adapt


def _whole_numbers(flags: Sequence[bool | None]) -> Sequence[int | None]:
    """What SQLite and MySQL store. SQLite's driver looks for an adapter of everything that is no plain number or text,
    and MySQL's would quote the word True."""
    return [None if flag is None else int(flag) for flag in flags]
