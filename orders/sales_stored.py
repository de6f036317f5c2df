"""Reads the sums that are kept of what was sold: of months where they are true, and else of days."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, TypeVar

from django.db.models import Count, Q, QuerySet, Sum

from core.database.spans import midnight, number_of_span
from orders.models import MonthLines, MonthOrders, SalesDay, SalesMonth, SummedLines, SummedOrders
from orders.sales_days import DAY, cuts
from orders.sales_sums import PAYER, PLACE, Key, Lines, Orders

Span = tuple[datetime, datetime]  # from, until
Sums = TypeVar("Sums", Orders, Lines)


@dataclass(frozen=True, slots=True)
class Split:
    """A time in parts: months of which there are sums, by their number; spans of which there are sums of days; and
    others, of which the orders have to be read."""

    months: Mapping[Span, int]
    summed: Sequence[Span]
    others: Sequence[Span]


def split(platform_ids: Collection[int], starts: Sequence[datetime], end: datetime) -> Split:
    """From the first of `starts`, which are those of months, until `end`. Two queries."""
    counted, kept = _counted_days(platform_ids, starts[0], end), _kept_months(platform_ids, starts[0], end)
    months: dict[Span, int] = {}
    summed: list[Span] = []
    others: list[Span] = []
    for number, month in enumerate(pairwise((*starts, end))):
        days = days_of(*month)
        if month in kept and counted.issuperset(days):
            months[month] = number
            continue
        # Of a day that the month cuts in two, there are sums of both parts, or the orders are read.
        usable = counted - {day for day in (days[0], days[-1]) if not _is_cut_by(day, month)}
        for is_counted, some in groupby(days, usable.__contains__):
            _extend(summed if is_counted else others, _within(list(some), month))
    return Split(months, summed, others)


def days_of(start: datetime, end: datetime) -> list[date]:
    """All that have a moment in it."""
    first, last = start.astimezone(UTC).date(), (end - timedelta.resolution).astimezone(UTC).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def within(column: str, spans: Iterable[Span]) -> Q:
    """Rows whose moment in `column` is in one of these; no row where there is none."""
    found = Q(pk__in=())
    for start, end in spans:
        found |= Q(**{f"{column}__gte": start, f"{column}__lt": end})
    return found


def stored_orders(
    platform_ids: Collection[int], found: Split, starts: Sequence[datetime]
) -> Iterator[tuple[Key, Orders]]:
    """As sums_of_orders, of the stored sums; `number` says which of `starts` they follow. Two queries."""
    yield from _of_months(MonthOrders, platform_ids, found.months, PLACE, Orders)
    yield from _of_days(_rows(SummedOrders, platform_ids, found.summed), PLACE, Orders, starts)


def stored_lines(
    platform_ids: Collection[int], found: Split, starts: Sequence[datetime]
) -> Iterator[tuple[Key, Lines]]:
    """As sums_of_lines, likewise."""
    names = (*PLACE, *PAYER)
    yield from _of_months(MonthLines, platform_ids, found.months, names, Lines)
    yield from _of_days(_rows(SummedLines, platform_ids, found.summed), names, Lines, starts)


def _of_months(
    model: Any,
    platform_ids: Collection[int],
    months: Mapping[Span, int],
    names: Sequence[str],
    kind: type[Sums],
) -> Iterator[tuple[Key, Sums]]:
    if not months:
        return
    times = [moment for month in months for moment in month]
    of_platforms = model.objects.filter(month__platform__in=list(platform_ids))
    found = of_platforms.filter(month__starts_at__gte=min(times), month__ends_at__lte=max(times))
    sums = [field.name for field in fields(kind)]
    row: dict[str, Any]
    for row in found.values("month__starts_at", "month__ends_at", "month__platform_id", *names[1:], *sums):
        # The same time has other months in other zones.
        if (number := months.get((row["month__starts_at"], row["month__ends_at"]))) is not None:
            key = number, row["month__platform_id"], *(row[name] for name in names[1:])
            yield key, kind.of({name: row[name] for name in sums})


def _rows(model: Any, platform_ids: Collection[int], spans: Sequence[Span]) -> QuerySet[Any]:
    rows: QuerySet[Any] = model.objects.filter(within("starts_at", spans), platform__in=list(platform_ids))
    # Said once more in one piece, which an index answers.
    return rows.filter(starts_at__gte=spans[0][0], starts_at__lt=spans[-1][1]) if spans else rows


def _of_days(
    rows: QuerySet[Any], names: Sequence[str], kind: type[Sums], starts: Sequence[datetime]
) -> Iterator[tuple[Key, Sums]]:
    sums = [field.name for field in fields(kind)]
    numbered = rows.annotate(number=number_of_span("starts_at", starts[1:]))
    row: dict[str, Any]
    found = numbered.values("number", *names).annotate(**{f"sum_{name}": Sum(name) for name in sums})
    for row in found:
        values = {name: row[f"sum_{name}"] for name in sums}
        yield (row["number"], *(row[name] for name in names)), kind.of(values)


def _counted_days(platform_ids: Collection[int], start: datetime, end: datetime) -> set[date]:
    """Those that are counted of all these platforms."""
    days = SalesDay.objects.filter(
        platform__in=list(platform_ids), is_counted=True,
        day__gte=start.astimezone(UTC).date(), day__lte=end.astimezone(UTC).date(),
    )  # fmt: skip
    found = days.values("day").annotate(platforms=Count("pk")).filter(platforms=len(platform_ids))
    return set(found.values_list("day", flat=True))


def _kept_months(platform_ids: Collection[int], start: datetime, end: datetime) -> set[Span]:
    """Those of which the sums of all these platforms were true when their days were last counted."""
    months = SalesMonth.objects.filter(platform__in=list(platform_ids), is_counted=True)
    months = months.filter(starts_at__gte=start, ends_at__lte=end)
    found = months.values("starts_at", "ends_at").annotate(platforms=Count("pk"))
    rows = found.filter(platforms=len(platform_ids))
    return set(rows.values_list("starts_at", "ends_at"))


def _is_cut_by(day: date, month: Span) -> bool:
    """Whether the sums of the day tell apart what is of the month."""
    begin = midnight(day, UTC)
    return all(moment in cuts(day) for moment in month if begin <= moment < begin + DAY)


def _within(days: Sequence[date], month: Span) -> Span:
    return max(month[0], midnight(days[0], UTC)), min(month[1], midnight(days[-1] + DAY, UTC))


def _extend(spans: list[Span], span: Span) -> None:
    """Add it, to the last one where it goes on from there."""
    if spans and spans[-1][1] == span[0]:
        spans[-1] = spans[-1][0], span[1]
    else:
        spans.append(span)
