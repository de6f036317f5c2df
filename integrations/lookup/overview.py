"""What a page about platforms shows at a glance, in a fixed number of queries."""

from collections.abc import Iterable
from functools import cache, reduce
from operator import or_
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

from integrations.models import SyncLog
from integrations.sync.streams import STREAMS
from integrations.sync.streams.states import with_states
from platforms.models import Platform, Source

NOT_SHOWN = ("checkpoint", "notes", "skus")


def with_overview(platforms: QuerySet[Platform]) -> QuerySet[Platform]:
    """The platforms, each with `open_windows` (open syncs with a window of their own), what `with_states` and
    `latest_of` tell, and the annotations `has_mock` and `has_sandbox` (whether such rows are stored)."""
    return (
        with_states(platforms)
        .annotate(has_mock=has_rows(Source.MOCK), has_sandbox=has_rows(Source.SANDBOX))
        .annotate(**_newest(tuple(STREAMS)))
        .prefetch_related(_open_windows())
    )


def attach_latest(platforms: Iterable[Platform]) -> None:
    """Read the newest sync of each stream of many platforms at once, for `latest_of` each of them. One query."""
    ids = {
        platform: [getattr(platform, f"newest_{kind}", None) for kind in STREAMS] for platform in platforms
    }
    logs = SyncLog.objects.defer(*NOT_SHOWN).in_bulk({pk for newest in ids.values() for pk in newest if pk})
    for platform, newest in ids.items():
        mine = [logs[pk] for pk in newest if pk in logs]
        for log in mine:
            log.platform = platform
        platform._latest = {log.kind: log for log in mine}  # type: ignore[attr-defined]


def latest_of(platform: Platform) -> dict[str, SyncLog]:
    """stream -> its newest sync, of a platform that `with_overview` has prepared, read now or by `attach_latest`."""
    if not hasattr(platform, "_latest"):
        attach_latest([platform])
    latest: dict[str, SyncLog] = platform._latest  # type: ignore[attr-defined]
    return latest


@cache
def _newest(streams: tuple[str, ...]) -> dict[str, Subquery]:
    """Ids of the newest sync of each stream, which an index finds. Made once: to make them takes longer than that."""
    # What a deferred one waits for says more; look-backs come and go.
    begun = SyncLog.objects.filter(platform=OuterRef("pk")).order_by("-pk")
    begun = begun.exclude(status=SyncLog.Status.DEFERRED).exclude(trigger=SyncLog.Trigger.LOOK_BACK)
    return {f"newest_{kind}": Subquery(begun.filter(kind=kind).values("pk")[:1]) for kind in streams}


@cache
def good_ends(streams: tuple[str, ...]) -> dict[str, Subquery]:
    """Annotations of platforms, `good_orders` of the stream of orders: when the last good sync ended, which is what
    every page means with that."""
    logs = SyncLog.objects.filter(platform=OuterRef("pk"), status__in=SyncLog.GOOD, source=Source.LIVE)
    # What is new does not come with look-backs.
    logs = logs.exclude(trigger=SyncLog.Trigger.LOOK_BACK).order_by("-finished_at")
    return {f"good_{kind}": Subquery(logs.filter(kind=kind).values("finished_at")[:1]) for kind in streams}


@cache
def _open_windows() -> Any:  # a Prefetch, which is generic to mypy alone
    windows = SyncLog.objects.filter(status__in=SyncLog.OPEN, is_incremental=False)
    windows = windows.exclude(trigger=SyncLog.Trigger.LOOK_BACK).defer(*NOT_SHOWN)
    return Prefetch("sync_logs", queryset=windows, to_attr="open_windows")


def has_rows(source: str) -> Exists:
    """An annotation of platforms: whether records of this source are stored."""
    rows = {"platform": OuterRef("pk"), "source": source}
    models = [stream.model for stream in STREAMS.values() if stream.model is not None]
    return reduce(or_, [Exists(model._default_manager.filter(**rows)) for model in models])
