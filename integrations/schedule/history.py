"""What the rows of a platform's past syncs say that matters for its schedule, for many platforms at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery

from integrations.errors import REFUSED_CODES
from integrations.models import SyncLog
from integrations.sync.streams import STREAMS
from integrations.sync.streams.states import interval_columns
from platforms.models import Platform

NOT_GOOD = [status for status in SyncLog.Status if status not in SyncLog.GOOD]
# A sync that continues from the watermark, or a whole sweep; nobody's window, no few SKUs.
REGULAR = Q(is_incremental=True, skus=[])
# Mock data that stands in hides an error; mock data that was asked for does not.
BAD = Q(status=SyncLog.Status.FAILED) | (Q(status=SyncLog.Status.FALLBACK) & ~Q(error_code=""))
AT_ONCE = 200  # conditions in one query; SQLite takes a thousand
COLUMNS = (
    "platform_id",
    "kind",
    "queued_at",
    "finished_at",
    "error_code",
    "error_message",
    "credentials_digest",
)

Key = tuple[int, str]


@dataclass
class History:
    """Of one platform and stream. `interval`: minutes between scheduled syncs. `good`: id of the newest run that went
    well, 0 for none. The rest is later than that: `failures` in a row, and the newest of them; `refusal`, the newest
    run that ended with one of REFUSED_CODES."""

    interval: int = 0
    is_open: bool = False
    last_regular: SyncLog | None = None
    good: int = 0
    failures: int = 0
    last_failure: SyncLog | None = None
    refusal: SyncLog | None = None


class Streak(NamedTuple):
    """What failed since the last run that went well: how many regular ones; ids of the newest of them, and of the
    newest that was refused."""

    in_a_row: int = 0
    newest: int | None = None
    newest_refusal: int | None = None


def histories(platforms: Sequence[Platform]) -> dict[Key, History]:
    """By (id of the platform, stream), in four queries; one more for each hundred platforms that fail."""
    ids = [platform.pk for platform in platforms]
    found = {(pk, kind): History() for pk in ids for kind in STREAMS}
    keys = [SyncLog.open_key_for(platform, kind) for platform in platforms for kind in STREAMS]
    open_ones = SyncLog.objects.filter(open_key__in=keys)
    for pk, kind in open_ones.values_list("platform_id", "kind"):
        found[pk, kind].is_open = True
    newest = _newest(ids)
    unwell = {}
    for key, history in found.items():
        row = newest[key]
        history.interval = row["interval"] or 0
        history.good = row["good"] or 0
        if (row["closed"] or 0) > history.good:
            unwell[key] = history.good
    streaks = _streaks(unwell)
    rows = _rows(
        [newest[key]["regular"] for key in found]
        + [pk for streak in streaks.values() for pk in (streak.newest, streak.newest_refusal)]
    )
    for key, history in found.items():
        streak = streaks.get(key, Streak())
        history.last_regular = rows.get(newest[key]["regular"])
        history.failures = streak.in_a_row
        history.last_failure = rows.get(streak.newest)
        history.refusal = rows.get(streak.newest_refusal)
    return found


def _newest(ids: list[int]) -> dict[Key, dict[str, int | None]]:
    """The interval, and ids of the newest run that is closed, that went well, that was a regular one.

    Each is found from the newest on.
    """
    # Said by what they are not: `status IN (…)` leads SQLite to the index of status instead of sync_latest.
    closed = SyncLog.objects.filter(platform=OuterRef("pk")).exclude(status__in=SyncLog.OPEN)
    wanted = {
        "closed": closed,
        "good": closed.exclude(status__in=NOT_GOOD),
        "regular": closed.filter(REGULAR),
    }
    columns = {
        f"{kind}_{name}": Subquery(_first(logs.filter(kind=kind)))
        for kind in STREAMS
        for name, logs in wanted.items()
    }
    found = {}
    rows = Platform.objects.filter(pk__in=ids).order_by().values("pk", **columns, **interval_columns())
    for row in cast("Iterable[dict[str, Any]]", rows):
        for kind in STREAMS:
            found[row["pk"], kind] = {name: row[f"{kind}_{name}"] for name in (*wanted, "interval")}
    nothing: dict[str, int | None] = dict.fromkeys((*wanted, "interval"))
    return {(pk, kind): found.get((pk, kind), nothing) for pk in ids for kind in STREAMS}


def _first(logs: QuerySet[SyncLog]) -> QuerySet[SyncLog, Any]:
    return logs.order_by("-pk").values("pk")[:1]


def _streaks(since: dict[Key, int]) -> dict[Key, Streak]:
    """What failed after the given run of each platform and kind."""
    keys, found = list(since), dict[Key, Streak]()
    for start in range(0, len(keys), AT_ONCE):
        later = Q()
        for key in keys[start : start + AT_ONCE]:
            later |= Q(platform=key[0], kind=key[1], pk__gt=since[key])
        rows = (
            SyncLog.objects.filter(BAD, later)
            .order_by()
            .values("platform_id", "kind")
            .annotate(
                in_a_row=Count("pk", filter=REGULAR),
                newest=Max("pk", filter=REGULAR),
                newest_refusal=Max("pk", filter=Q(error_code__in=REFUSED_CODES)),
            )
            .values_list("platform_id", "kind", "in_a_row", "newest", "newest_refusal")
        )
        found.update({(row[0], row[1]): Streak(*row[2:]) for row in rows})
    return found


def _rows(pks: Iterable[int | None]) -> dict[int | None, SyncLog]:
    wanted = {pk for pk in pks if pk is not None}
    return {log.pk: log for log in SyncLog.objects.filter(pk__in=wanted).only(*COLUMNS)}
