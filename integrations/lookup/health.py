"""How well the syncs of each platform and stream went in the last days, and how far behind its data are now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.db.models import BooleanField, Case, Count, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from integrations.models import ApiQuota, ApiUsage, SyncFailure, SyncLog
from integrations.quota.usage import sharing
from integrations.sync.streams import STREAMS, streams_of
from integrations.sync.streams.states import interval_of, watermark_name, with_states
from platforms.models import Platform, Source

SPANS = (7, 30)  # days
# Bad: nothing that was asked for was read. A sync that somebody cancelled did not fail.
BAD = (SyncLog.Status.FAILED, SyncLog.Status.FALLBACK)
# A sync that continues from the watermark, or a whole sweep, of data that are not made up: what keeps a stream current.
REGULAR = Q(is_incremental=True, skus=[]) & ~Q(source=Source.MOCK)
IS_REGULAR = Case(
    When(REGULAR, then=Value(True)),
    default=Value(False),
    output_field=BooleanField(),
)


class Day(NamedTuple):
    """How many syncs ended on a day."""

    good: int = 0
    partial: int = 0
    failed: int = 0


@dataclass(slots=True)
class Spell:
    """Of one stream in the last so many days. `longest_gap`: without a completed regular sync; it may still last, and
    is not longer than these days, or than the platform is there. None: of a platform that was never synced."""

    runs: int = 0
    failed: int = 0
    longest_gap: timedelta | None = None


@dataclass(slots=True, kw_only=True)
class StreamHealth:
    """`spells` by length in days. `complete_until`: the data are complete up to here; None where they never were."""

    stream: str
    interval: int
    spells: dict[int, Spell]
    open_failures: int
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


class _Run(NamedTuple):
    status: str
    finished_at: datetime
    is_regular: bool


Key = tuple[int, str]  # id of a platform, name of a stream


def health_of(visible: Collection[int] | None = None) -> list[PlatformHealth]:
    """Each platform by name, of the visible ones, None: of all. Six queries for any number of platforms."""
    now = timezone.now()
    platforms = list(_platforms(visible))
    runs, failures = _runs(visible, now), _open_failures(visible)
    calls = _calls(visible, now)
    return [
        PlatformHealth(
            platform=platform,
            streams=[
                _stream(platform, name, runs[platform.pk, name], failures.get((platform.pk, name), 0), now)
                for name in streams_of(platform)
            ],
            calls=calls.get(platform.pk, {span: Calls() for span in SPANS}),
            days=_days([run for name in streams_of(platform) for run in runs[platform.pk, name]], now),
        )
        for platform in platforms
    ]


def _platforms(visible: Collection[int] | None) -> QuerySet[Platform]:
    """Each with its states, and for each stream when the newest whole reading began."""
    good = SyncLog.objects.filter(REGULAR, platform=OuterRef("pk")).order_by("-pk")
    # Said by what they are not, so that SQLite reads them by the index of the newest ones.
    good = good.exclude(status__in=[status for status in SyncLog.Status if status not in SyncLog.GOOD])
    read = {
        f"read_{name}": Subquery(good.filter(kind=name).values("started_at")[:1])
        for name, stream in STREAMS.items()
        if not stream.has_window
    }
    platforms = with_states(Platform.objects.order_by("-is_active", "name")).annotate(**read)
    return platforms if visible is None else platforms.filter(pk__in=visible)


def _runs(visible: Collection[int] | None, now: datetime) -> dict[Key, list[_Run]]:
    """The syncs that ended in the longest span, oldest first."""
    ended = SyncLog.objects.filter(finished_at__gte=now - timedelta(days=max(SPANS)), finished_at__lte=now)
    if visible is not None:
        ended = ended.filter(platform__in=visible)
    rows = ended.annotate(regular=IS_REGULAR).order_by("finished_at")
    found = defaultdict[Key, list[_Run]](list)
    for platform, kind, *run in rows.values_list("platform_id", "kind", "status", "finished_at", "regular"):
        found[platform, kind].append(_Run(*run))
    return found


def _open_failures(visible: Collection[int] | None) -> dict[Key, int]:
    rows = SyncFailure.objects.open().order_by()
    if visible is not None:
        rows = rows.filter(platform__in=visible)
    counts = rows.values_list("platform_id", "kind").annotate(count=Count("pk"))
    return {(platform, kind): count for platform, kind, count in counts}


def _stream(
    platform: Platform, name: str, runs: Sequence[_Run], open_failures: int, now: datetime
) -> StreamHealth:
    has_window = STREAMS[name].has_window
    until = getattr(platform, watermark_name(name) if has_window else f"read_{name}")
    return StreamHealth(
        stream=name,
        interval=interval_of(platform, name),
        spells={span: _spell(platform, runs, until, now, timedelta(days=span)) for span in SPANS},
        open_failures=open_failures,
        complete_until=until,
    )


def _spell(
    platform: Platform, runs: Sequence[_Run], until: datetime | None, now: datetime, span: timedelta
) -> Spell:
    since = now - span
    mine = [run for run in runs if run.finished_at >= since]
    good = [run.finished_at for run in mine if run.is_regular and run.status in SyncLog.GOOD]
    gap = None
    if mine or until:
        moments = [max(since, platform.created_at), *good, now]
        gap = max(later - earlier for earlier, later in pairwise(moments))
    failed = sum(run.status in BAD for run in mine)
    return Spell(runs=len(mine), failed=failed, longest_gap=None if gap is None else max(gap, timedelta(0)))


def _days(runs: Iterable[_Run], now: datetime) -> dict[date, Day]:
    today = timezone.localdate(now)
    counts = {today - timedelta(days=back): [0, 0, 0] for back in reversed(range(max(SPANS)))}
    places = {SyncLog.Status.SUCCEEDED: 0, SyncLog.Status.PARTIAL: 1, **dict.fromkeys(BAD, 2)}
    for run in runs:
        counted = counts.get(timezone.localdate(run.finished_at))
        place = places.get(SyncLog.Status(run.status))
        if counted is not None and place is not None:
            counted[place] += 1
    return {day: Day(*counted) for day, counted in counts.items()}


def _calls(visible: Collection[int] | None, now: datetime) -> dict[int, dict[int, Calls]]:
    """By platform, and by length in days."""
    sums = {
        f"{name}_{span}": Coalesce(Sum(name, filter=Q(hour__gte=now - timedelta(days=span))), 0)
        for name in ("calls", "throttled")
        for span in SPANS
    }
    usage = ApiUsage.objects.filter(hour__gte=now - timedelta(days=max(SPANS))).order_by()
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
                share = row[f"calls_{span}"] / (rate * timedelta(days=span).total_seconds())
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
