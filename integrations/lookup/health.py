"""How well the syncs of each platform and stream went in the last days, and how far behind its data are now."""

from bisect import bisect, bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import sub
from typing import Any, NamedTuple

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.database.spans import midnight
from integrations.lookup.overview import good_ends
from integrations.lookup.sync_days import REGULAR, Ends, ends_of
from integrations.models import ApiQuota, ApiUsage, SyncFailure, SyncLog
from integrations.quota.usage import sharing
from integrations.sync.streams import STREAMS, streams_of
from integrations.sync.streams.states import interval_of, watermark_name, with_states
from platforms.models import Platform

SPANS = (7, 30)  # days, of which today is the last
# Bad: nothing that was asked for was read. A sync that somebody cancelled did not fail.
BAD = (SyncLog.Status.FAILED, SyncLog.Status.FALLBACK)
# Said by what they are not, so that SQLite reads them by the index of the days or of the newest ones.
NOT_GOOD = [status for status in SyncLog.Status if status not in SyncLog.GOOD]


class Day(NamedTuple):
    """How many syncs ended on a day; `others` were cancelled."""

    good: int = 0
    partial: int = 0
    failed: int = 0
    others: int = 0

    @property
    def runs(self) -> int:
        return sum(self)


@dataclass(slots=True)
class Spell:
    """Of one stream in the last so many days. `longest_gap`: without a completed regular sync; it may still last, and
    is not longer than these days, or than the platform is there. None: of a platform that was never synced."""

    runs: int = 0
    failed: int = 0
    longest_gap: timedelta | None = None


@dataclass(slots=True, kw_only=True)
class StreamHealth:
    """`spells` by length in days. `ended`: when the last good sync did. `complete_until`: the data are complete up to
    here. None where there was none, and where they never were."""

    stream: str
    interval: int
    spells: dict[int, Spell]
    open_failures: int
    ended: datetime | None
    complete_until: datetime | None

    def lag(self, now: datetime) -> timedelta | None:
        """How far behind the data are."""
        return max(now - self.complete_until, timedelta(0)) if self.complete_until else None


@dataclass(slots=True)
class Calls:
    """To the platform, in so many days. `share`: of what the account is granted of the operation that was used most,
    `busiest`, 1.0 for all of it; None where no quota is known. Several platforms may draw from one quota: these are
    the calls of this one."""

    made: int = 0
    throttled: int = 0
    share: float | None = None
    busiest: str = ""


@dataclass(slots=True, kw_only=True)
class PlatformHealth:
    """`calls` by length in days; `days` are those of the longest span, oldest first, in the active time zone."""

    platform: Platform
    streams: list[StreamHealth]
    calls: dict[int, Calls]
    days: dict[date, Day] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Clock:
    """The days of the longest span in the active time zone: `begins[0]` is the begin of the first one."""

    now: datetime
    days: list[date]
    begins: list[datetime]
    end: datetime

    def since(self, span: int) -> datetime:
        return self.begins[-span]


Key = tuple[int, str]  # id of a platform, name of a stream


@dataclass(slots=True)
class _History:
    """What became of the syncs of one stream: `counts` by the number of the day and the status; `gaps` and the last
    completed regular sync so far, `reached`, in seconds, by length in days."""

    since: dict[int, int]
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    gaps: dict[int, int] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, platform: Platform, clock: _Clock) -> "_History":
        since = {span: int(max(clock.since(span), platform.created_at).timestamp()) for span in SPANS}
        return cls(since=since, gaps=dict.fromkeys(SPANS, 0), reached=dict(since))

    def add(self, begin: int, ends: Ends, seconds: Sequence[int]) -> None:
        """A day (UTC) that begins then, later than those before. `seconds` are where the days of the reader begin, and
        the last one ends."""
        for status, moments in ends.by_status.items():
            for day, count in _by_day(begin, moments, seconds):
                self.counts[day, status] += count
        for span, since in self.since.items():
            moments, gap = ends.regular, ends.gap
            if begin <= since:
                moments = moments[bisect(moments, since - begin) :]
                gap = max(map(sub, moments[1:], moments), default=0)
            if moments:
                self.gaps[span] = max(self.gaps[span], gap, begin + moments[0] - self.reached[span])
                self.reached[span] = begin + moments[-1]

    def longest_gap(self, span: int, now: datetime) -> timedelta:
        return timedelta(seconds=max(self.gaps[span], int(now.timestamp()) - self.reached[span]))


def health_of(visible: Collection[int] | None = None) -> list[PlatformHealth]:
    """Each platform by name, of the visible ones, None: of all. Seven queries for any number of platforms and syncs."""
    clock = _clock()
    platforms = list(_platforms(visible))
    histories, failures = _histories(platforms, clock), _open_failures(visible)
    calls = _calls(visible, clock)
    return [
        PlatformHealth(
            platform=platform,
            streams=[
                _stream(
                    platform, name, histories[platform.pk, name],
                    failures.get((platform.pk, name), 0), clock,
                )
                for name in streams_of(platform)
            ],
            calls=calls.get(platform.pk, {span: Calls() for span in SPANS}),
            days=_days([histories[platform.pk, name] for name in streams_of(platform)], clock),
        )
        for platform in platforms
    ]  # fmt: skip


def _clock() -> _Clock:
    now, zone = timezone.now(), timezone.get_current_timezone()
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in reversed(range(max(SPANS)))]
    begins = [midnight(day, zone) for day in days]
    return _Clock(now=now, days=days, begins=begins, end=midnight(today + timedelta(days=1), zone))


def _platforms(visible: Collection[int] | None) -> QuerySet[Platform]:
    """Each with its states, and for each stream when the newest whole reading began and the last good sync ended."""
    good = SyncLog.objects.filter(REGULAR, platform=OuterRef("pk")).order_by("-pk")
    good = good.exclude(status__in=NOT_GOOD)
    read = {
        f"read_{name}": Subquery(good.filter(kind=name).values("started_at")[:1])
        for name, stream in STREAMS.items()
        if not stream.has_window
    }
    platforms = with_states(Platform.objects.order_by("-is_active", "name"))
    platforms = platforms.annotate(**read, **good_ends(tuple(STREAMS)))
    return platforms if visible is None else platforms.filter(pk__in=visible)


def _histories(platforms: Sequence[Platform], clock: _Clock) -> dict[Key, _History]:
    histories = {
        (platform.pk, name): _History.of(platform, clock)
        for platform in platforms
        for name in streams_of(platform)
    }
    first, last = (moment.astimezone(UTC).date() for moment in (clock.begins[0], clock.end))
    seconds = [int(moment.timestamp()) for moment in (*clock.begins, clock.end)]
    for (platform_id, day), streams in ends_of([platform.pk for platform in platforms], first, last):
        begin = int(midnight(day, UTC).timestamp())
        for name, ends in streams.items():
            if history := histories.get((platform_id, name)):
                history.add(begin, ends, seconds)
    return histories


def _by_day(begin: int, moments: Sequence[int], seconds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """How many of these moments, counted from `begin`, are on each of the days that begin at `seconds`, by number."""
    place = 0
    for day in range(bisect(seconds, begin) - 1, len(seconds) - 1):
        until = bisect_left(moments, seconds[day + 1] - begin)
        if day >= 0 and until > place:
            yield day, until - place
        if until == len(moments):
            return
        place = until


def _open_failures(visible: Collection[int] | None) -> dict[Key, int]:
    rows = SyncFailure.objects.open().order_by()
    if visible is not None:
        rows = rows.filter(platform__in=visible)
    counts = rows.values_list("platform_id", "kind").annotate(count=Count("pk"))
    return {(platform, kind): count for platform, kind, count in counts}


def _stream(
    platform: Platform, name: str, history: _History, open_failures: int, clock: _Clock
) -> StreamHealth:
    has_window = STREAMS[name].has_window
    until = getattr(platform, watermark_name(name) if has_window else f"read_{name}")
    return StreamHealth(
        stream=name,
        interval=interval_of(platform, name),
        spells={span: _spell(history, until, clock, span) for span in SPANS},
        open_failures=open_failures,
        ended=getattr(platform, f"good_{name}"),
        complete_until=until,
    )


def _spell(history: _History, until: datetime | None, clock: _Clock, span: int) -> Spell:
    first = len(clock.days) - span
    mine = dict.fromkeys(SyncLog.Status.values, 0)
    for (day, status), count in history.counts.items():
        if day >= first:
            mine[status] += count
    runs = sum(mine.values())
    gap = history.longest_gap(span, clock.now) if runs or until else None
    return Spell(runs=runs, failed=sum(mine[status] for status in BAD), longest_gap=gap)


def _days(streams: Sequence[_History], clock: _Clock) -> dict[date, Day]:
    found = {day: [0, 0, 0, 0] for day in clock.days}
    places = {SyncLog.Status.SUCCEEDED: 0, SyncLog.Status.PARTIAL: 1, **dict.fromkeys(BAD, 2)}
    for history in streams:
        for (day, status), count in history.counts.items():
            found[clock.days[day]][places.get(SyncLog.Status(status), 3)] += count
    return {day: Day(*counted) for day, counted in found.items()}


def _calls(visible: Collection[int] | None, clock: _Clock) -> dict[int, dict[int, Calls]]:
    """By platform, and by length in days."""
    sums = {
        f"{name}_{span}": Coalesce(Sum(name, filter=Q(hour__gte=clock.since(span))), 0)
        for name in ("calls", "throttled")
        for span in SPANS
    }
    usage = ApiUsage.objects.filter(hour__gte=clock.begins[0]).order_by()
    if visible is not None:
        usage = usage.filter(platform__in=visible)
    rates = _rates(visible)
    found: dict[int, dict[int, Calls]] = {}
    rows: Any = usage.values("platform__name", "platform_id", "operation").annotate(**sums)
    for row in rows:
        rate = rates.get((row["platform__name"], row["operation"]))
        of_platform = found.setdefault(row["platform_id"], {span: Calls() for span in SPANS})
        for span, calls in of_platform.items():
            calls.made += row[f"calls_{span}"]
            calls.throttled += row[f"throttled_{span}"]
            if rate:
                share = row[f"calls_{span}"] / (rate * (clock.now - clock.since(span)).total_seconds())
                if calls.share is None or share > calls.share:
                    calls.share, calls.busiest = share, row["operation"]
    return found


def _rates(visible: Collection[int] | None) -> dict[tuple[str, str], float]:
    """By name of a platform and operation: the calls a second that its account is granted."""
    shared = sharing(visible)
    buckets = ApiQuota.objects.filter(account_key__in=shared)
    return {
        (name, operation): rate
        for key, operation, rate in buckets.values_list("account_key", "operation", "rate")
        for name in shared[key]
    }
