"""When the syncs of each platform ended, kept by day (UTC) once it is over: what is shown of 30 days is shown of
hundreds of thousands of syncs.

A kept day is the same as its syncs: who closes a sync marks its day in the same transaction (SyncDay.mark), and a
marked day is read from the syncs, until the scheduler has counted it anew. It counts a day an hour after its end, when
no transaction is open any more that closed a sync of it.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import orjson
from django.db import transaction
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from core.database.spans import Seconds, midnight
from integrations.models import SyncDay, SyncLog
from integrations.sync.streams import STREAMS
from platforms.models import Platform, Source

KEPT_DAYS = 33  # those of the longest span, in any time zone
SECONDS = 2.0  # at one turn
DAY, SETTLED_AFTER = timedelta(days=1), timedelta(hours=1)
# A sync that continues from the watermark, or a whole sweep, of data that are not made up: what keeps a stream current.
REGULAR = Q(is_incremental=True, skus=[]) & ~Q(source=Source.MOCK)
_COMPLETED = Case(When(REGULAR, status__in=SyncLog.GOOD, then=Value(True)), default=Value(False))

OfDay = tuple[int, date]  # id of a platform, and a day


@dataclass(slots=True)
class Ends:
    """When the syncs of one stream ended on one day, in whole seconds since it began, ascending: by their status; and
    `regular`, those that kept it current. `gap` is the longest time between two of these."""

    by_status: dict[str, list[int]] = field(default_factory=dict)
    regular: list[int] = field(default_factory=list)
    gap: int = 0


Streams = Mapping[str, Ends]  # by name


def ends_of(platforms: Collection[int], first: date, last: date) -> Iterator[tuple[OfDay, Streams]]:
    """Of these days, the earliest first; days without any sync are left out. Two queries."""
    stored = SyncDay.objects.filter(platform__in=platforms, day__gte=first, day__lte=last, is_counted=True)
    found = {
        (platform, day): ends for platform, day, ends in stored.values_list("platform_id", "day", "ends")
    }
    days = [first + DAY * number for number in range((last - first).days + 1)]
    missing = {(platform, day) for day in days for platform in platforms} - found.keys()
    read = _read(missing)
    for day in days:
        for platform in platforms:
            if (of_day := (platform, day)) in missing:
                if of_day in read:
                    yield of_day, read[of_day]
            elif text := found[of_day]:
                yield of_day, {name: Ends(*values) for name, values in orjson.loads(text).items()}


def count_due(*, seconds: float = SECONDS, now: datetime | None = None) -> int:
    """Keep days that are over and were marked, or never counted, newest first, for a while. Returns how many.

    Raises DatabaseError.
    """
    end, counted = time.monotonic() + seconds, 0
    last = ((now or timezone.now()) - SETTLED_AFTER).astimezone(UTC).date() - DAY
    first = last - DAY * (KEPT_DAYS - 1)
    platforms = set(Platform.objects.values_list("pk", flat=True))
    rows = SyncDay.objects.filter(is_counted=True, day__gte=first, day__lte=last)
    known = defaultdict[date, set[int]](set)
    for platform, day in rows.values_list("platform_id", "day"):
        known[day].add(platform)
    for number in range(KEPT_DAYS):
        day = last - DAY * number
        if (due := platforms - known[day]) and time.monotonic() < end:
            _count(due, day)
            counted += len(due)
    if counted:
        SyncDay.objects.filter(day__lt=first).delete()
    return counted


@transaction.atomic
def _count(platforms: Collection[int], day: date) -> None:
    """First, whoever closes a sync of a day that is there waits for this, or this for them."""
    rows = SyncDay.objects.select_for_update().filter(day=day, platform__in=platforms)
    there = {row.platform_id: row for row in rows}
    read = _read({(platform, day) for platform in platforms})
    for platform in platforms:
        row = there.get(platform) or SyncDay(platform_id=platform, day=day)
        row.is_counted, row.ends = True, _text(read.get((platform, day), {}))
        there[platform] = row
    SyncDay.objects.bulk_create(row for row in there.values() if row.pk is None)
    SyncDay.objects.bulk_update((row for row in there.values() if row.pk), ("is_counted", "ends"))


def _text(streams: Streams) -> str:
    """ "" for a day without any."""
    ends = {name: (ends.by_status, ends.regular, ends.gap) for name, ends in streams.items()}
    return orjson.dumps(ends).decode() if ends else ""


def _read(of_days: Collection[OfDay]) -> dict[OfDay, dict[str, Ends]]:
    """From the syncs. No query for no day."""
    if not of_days:
        return {}
    days = sorted({day for _platform, day in of_days})
    begins = {day: int(midnight(day, UTC).timestamp()) for day in days}
    by_begin = {begin: day for day, begin in begins.items()}
    logs = SyncLog.objects.filter(
        platform__in={platform for platform, _day in of_days}, kind__in=list(STREAMS)
    )
    rows = logs.filter(_on(days)).order_by().values_list(
        "platform_id", "kind", "status", Seconds("finished_at"), _COMPLETED
    )  # fmt: skip
    found = defaultdict[OfDay, dict[str, Ends]](lambda: defaultdict(Ends))
    length = int(DAY.total_seconds())
    for platform, stream, status, moment, is_regular in rows.iterator():
        since = moment % length
        if (of_day := (platform, by_begin[moment - since])) in of_days:
            ends = found[of_day][stream]
            ends.by_status.setdefault(status, []).append(since)
            if is_regular:
                ends.regular.append(since)
    for ends in (ends for streams in found.values() for ends in streams.values()):
        for moments in (*ends.by_status.values(), ends.regular):
            moments.sort()
        ends.gap = max((after - before for before, after in pairwise(ends.regular)), default=0)
    return dict(found)


def _on(days: list[date]) -> Q:
    """That ended on one of these, which are in their order; said in as few pieces as there are."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and spans[-1][1] + DAY == day:
            spans[-1] = spans[-1][0], day
        else:
            spans.append((day, day))
    found = Q()
    for first, last in spans:
        found |= Q(finished_at__gte=midnight(first, UTC), finished_at__lt=midnight(last + DAY, UTC))
    return found
