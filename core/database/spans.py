"""Days and months of a time zone, and seconds, of moments that are stored: no database needs to know time zones."""

from collections.abc import Sequence
from datetime import date, datetime, time, tzinfo
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Expression, Func, IntegerField, Value, When
from django.db.models.sql.compiler import SQLCompiler


def midnight(day: date, zone: tzinfo) -> datetime:
    """The moment at which the day begins there."""
    return datetime.combine(day, time.min, zone)


def number_of_span(column: str, midnights: Sequence[datetime], first: int = 0) -> Expression:
    """In which day or month, which begin at `midnights`, the moment of `column` is: how many of these are not after
    it, plus `first`. A tree of comparisons, nine for 400 days; a day has the hours that it has."""
    if not midnights:
        return Value(first, IntegerField())
    middle = len(midnights) // 2
    return Case(
        When(
            **{f"{column}__lt": midnights[middle]},
            then=number_of_span(column, midnights[:middle], first),
        ),
        default=number_of_span(column, midnights[middle + 1 :], first + middle + 1),
        output_field=IntegerField(),
    )


class Seconds(Func):
    """The whole seconds from 1970 to the moment: a number is read ten times as fast as a time."""

    output_field = IntegerField()
    # Without what follows the seconds, which would be rounded. And without a percent sign, which Django would take for
    # a parameter where it writes the statement down.
    template = "CAST(round((julianday(substr(%(expressions)s, 1, 19)) - 2440587.5) * 86400) AS integer)"

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, Any]:
        return self.as_sql(
            compiler,
            connection,
            template="TIMESTAMPDIFF(SECOND, '1970-01-01', %(expressions)s)",
            **extra_context,
        )

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, Any]:
        template = "CAST(floor(extract(epoch FROM %(expressions)s)) AS bigint)"
        return self.as_sql(compiler, connection, template=template, **extra_context)
