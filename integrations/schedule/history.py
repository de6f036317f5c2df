"""What the rows of a platform's past syncs say that matters for its schedule, for many platforms at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast

from django.db import models
from django.db.models import Case, Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Concat, RowNumber

from integrations.errors import REFUSED_CODES
from integrations.models import StreamState, SyncLog
from integrations.sync import parts
from integrations.sync.streams import STREAMS
from integrations.sync.streams.states import interval_columns
from platforms.models import Platform

NOT_GOOD = [status for status in SyncLog.Status if status not in SyncLog.GOOD]
SAYS_NOTHING = [*SyncLog.OPEN, SyncLog.Status.CANCELLED]  # of the platform
# A sync that continues from the watermark, or a whole sweep; nobody's window, no few SKUs.
REGULAR = Q(is_incremental=True, skus=[])
# Mock data that stands in hides an error; mock data that was asked for does not.
BAD = Q(status=SyncLog.Status.FAILED) | (Q(status=SyncLog.Status.FALLBACK) & ~Q(error_code=""))
AT_ONCE = 200  # conditions in one query; SQLite takes a thousand
LOOKED_AT = 12  # failures of a stream, one by one; pauses have reached their longest by then
COLUMNS = (
    "platform_id",
    "kind",
    "queued_at",
    "finished_at",
    "error_code",
    "error_message",
    "credentials_digest",
)

WANTED = ("open", "closed", "good", "regular", "interval", "refused")  # of a platform and stream

Key = tuple[int, str]


@dataclass(frozen=True)
class Failure:
    """A regular run that failed. `is_alone`: after the trouble of this stream began, another stream of the platform
    went well, and has not failed since. So the platform answered, and the trouble is this stream's own."""

    log: SyncLog
    is_alone: bool


@dataclass
class History:
    """Of one platform and stream. `interval`: minutes between scheduled syncs. `rests_until`: see sync/parts.py.
    `good`: id of the newest run that went well, 0 for none. The rest is later than that: how many regular runs failed
    in a row, the newest LOOKED_AT of them, newest first, and the first that was refused."""

    interval: int = 0
    is_open: bool = False
    rests_until: datetime | None = None
    last_regular: SyncLog | None = None
    good: int = 0
    failures: int = 0
    newest_failures: list[Failure] = field(default_factory=list)
    first_refusal: SyncLog | None = None


class Streak(NamedTuple):
    """Regular runs that failed since the last one that went well: how many; ids of the first, of the first that was
    refused, and of the newest LOOKED_AT."""

    in_a_row: int
    first: int
    first_refusal: int | None
    newest: list[int]


def histories(platforms: Sequence[Platform]) -> dict[Key, History]:
    """By (id of the platform, stream), in two queries; two more for each hundred platforms that fail."""
    if not platforms:
        return {}
    ids = [platform.pk for platform in platforms]
    found = {(pk, kind): History() for pk in ids for kind in STREAMS}
    newest = _newest(ids)
    unwell = {}
    for key, history in found.items():
        row = newest[key]
        history.is_open = bool(row["open"])
        history.interval = row["interval"] or 0
        history.good = row["good"] or 0
        if (row["closed"] or 0) > history.good:
            unwell[key] = history.good
    regular = _with_scopes([last for row in newest.values() if (last := row["regular"])])
    for key, history in found.items():
        history.last_regular = regular.get(newest[key]["regular"] or 0)
    for platform in platforms:
        for kind in STREAMS:
            found[platform.pk, kind].rests_until = _rests_until(platform, kind, newest, regular)
    for key, streak, rows in _failures(unwell):
        history = found[key]
        history.failures = streak.in_a_row
        history.newest_failures = [_failure(rows[pk], streak.first) for pk in streak.newest]
        history.first_refusal = rows.get(streak.first_refusal or 0)
    return found


def _with_scopes(pks: Collection[int]) -> dict[int, SyncLog]:
    """These runs, each with the scope that it covered."""
    scope = KeyTextTransform("scope", "checkpoint")
    return SyncLog.objects.only(*COLUMNS).annotate(scope=scope).in_bulk(list(pks))


def _rests_until(
    platform: Platform, kind: str, newest: dict[Key, dict[str, Any]], regular: dict[int, SyncLog]
) -> datetime | None:
    row = newest[platform.pk, kind]
    last = regular.get(row["regular"] or 0)
    if not row["refused"] or last is None:
        return None
    state = StreamState(platform=platform, stream=kind, refused_parts=row["refused"])
    return parts.rests_until(platform, state, last.scope or "")  # type: ignore[attr-defined]  # annotated


def _newest(ids: list[int]) -> dict[Key, dict[str, Any]]:
    """Whether a run is open, the interval, the refused parts, and ids of the newest run that is closed, that went well,
    that was regular.

    Each is found from the newest on.
    """
    found = {}
    rows = _newest_of_all(tuple(STREAMS)).filter(pk__in=ids)
    for row in cast("Iterable[dict[str, Any]]", rows):
        for kind in STREAMS:
            found[row["pk"], kind] = {name: row[f"{kind}_{name}"] for name in WANTED}
    nothing: dict[str, Any] = dict.fromkeys(WANTED)
    return {(pk, kind): found.get((pk, kind), nothing) for pk in ids for kind in STREAMS}


@cache
def _newest_of_all(streams: tuple[str, ...]) -> QuerySet[Platform, Any]:
    """What `_newest` reads, of all platforms. Made once: to make it takes longer than to read it."""
    # Said by what they are not: `status IN (…)` leads SQLite to the index of status instead of sync_latest.
    closed = SyncLog.objects.filter(platform=OuterRef("pk")).exclude(status__in=SyncLog.OPEN)
    wanted = {
        "closed": closed,
        "good": closed.exclude(status__in=NOT_GOOD),
        "regular": closed.filter(REGULAR),
    }
    columns = {
        f"{kind}_{name}": Subquery(_first(logs.filter(kind=kind)))
        for kind in streams
        for name, logs in wanted.items()
    }
    is_open = {f"{kind}_open": Exists(SyncLog.objects.filter(open_key=_open_key(kind))) for kind in streams}
    states = StreamState.objects.filter(platform=OuterRef("pk"))
    refused = {
        f"{kind}_refused": Subquery(states.filter(stream=kind).values("refused_parts")[:1])
        for kind in streams
    }
    return Platform.objects.order_by().values("pk", **is_open, **columns, **refused, **interval_columns())


def _open_key(kind: str) -> Concat:
    """As `SyncLog.open_key_of` makes it, of the platform of the outer query."""
    return Concat(Cast(OuterRef("pk"), models.CharField()), Value(f":{kind}"))


def _first(logs: QuerySet[SyncLog]) -> QuerySet[SyncLog, Any]:
    return logs.order_by("-pk").values("pk")[:1]


def _failures(since: dict[Key, int]) -> Iterator[tuple[Key, Streak, dict[int, SyncLog]]]:
    """What failed after the given run of each platform and stream, where anything did, with the rows by id."""
    keys = list(since)
    for start in range(0, len(keys), AT_ONCE):
        streaks = _streaks({key: since[key] for key in keys[start : start + AT_ONCE]})
        pks = {pk for streak in streaks.values() for pk in (*streak.newest, streak.first_refusal) if pk}
        rows = _beside_others(pks)
        for key, streak in streaks.items():
            yield key, streak, rows


def _streaks(since: dict[Key, int]) -> dict[Key, Streak]:
    later = Q()
    for (pk, kind), good in since.items():
        later |= Q(platform=pk, kind=kind, pk__gt=good)
    newest, found = defaultdict[Key, list[int]](list), dict[Key, Streak]()
    for platform_id, kind, in_a_row, first, first_refusal, pk in _ranked().filter(later):
        key = platform_id, kind
        newest[key].append(pk)
        found[key] = Streak(in_a_row, first, first_refusal, newest[key])
    return found


@cache
def _ranked() -> QuerySet[SyncLog, Any]:
    """What `_streaks` reads, of all runs. Made once, as `_newest_of_all` is."""
    stream, refused = [F("platform_id"), F("kind")], Q(error_code__in=REFUSED_CODES)
    return (
        SyncLog.objects.filter(BAD, REGULAR)
        .annotate(
            rank=Window(RowNumber(), partition_by=stream, order_by=F("pk").desc()),
            in_a_row=Window(Count("pk"), partition_by=stream),
            first=Window(Min("pk"), partition_by=stream),
            first_refusal=Window(Min(Case(When(refused, then="pk"))), partition_by=stream),
        )
        .filter(rank__lte=LOOKED_AT)
        .order_by("-pk")
        .values_list("platform_id", "kind", "in_a_row", "first", "first_refusal", "pk")
    )


def _beside_others(pks: Collection[int]) -> dict[int, SyncLog]:
    """These runs. Each has, of each stream, the ids of the newest run before it: `closed_orders` of those that say
    something of the platform, `good_orders` of those that went well."""
    return _with_others_before(tuple(STREAMS)).in_bulk(list(pks)) if pks else {}


@cache
def _with_others_before(streams: tuple[str, ...]) -> QuerySet[SyncLog]:
    before = SyncLog.objects.filter(platform=OuterRef("platform"), pk__lt=OuterRef("pk"))
    wanted = {"closed": before.exclude(status__in=SAYS_NOTHING), "good": before.exclude(status__in=NOT_GOOD)}
    columns = {
        f"{name}_{kind}": Subquery(_first(logs.filter(kind=kind)))
        for kind in streams
        for name, logs in wanted.items()
    }
    return SyncLog.objects.only(*COLUMNS).annotate(**columns)


def _failure(log: SyncLog, first: int) -> Failure:
    """`first`: the id of the first run of the streak that it belongs to."""
    others = [kind for kind in STREAMS if kind != log.kind]
    goods = [(getattr(log, f"good_{kind}") or 0, getattr(log, f"closed_{kind}")) for kind in others]
    return Failure(log, is_alone=any(good > first and good == closed for good, closed in goods))
