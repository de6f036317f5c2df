"""States of streams as attributes of their platforms, for lists, forms and JSON: `orders_interval`, `orders_watermark`.

The names are those of the REST API. The engine reads StreamState itself.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from audit.recording import record
from integrations.models import StreamState
from integrations.sync.streams import STREAMS, streams_of
from platforms.models import Platform, add_platform_change

LONGEST_INTERVAL = 366 * 24 * 60  # minutes


def interval_name(stream: str) -> str:
    return f"{stream}_interval"


def watermark_name(stream: str) -> str:
    return f"{stream}_watermark"


def interval_of(platform: Platform, stream: str) -> int:
    """Minutes, of a platform that `with_states` or `attach_states` has prepared."""
    minutes: int = getattr(platform, interval_name(stream))
    return minutes


def windowed(platform: Platform | None = None) -> list[str]:
    """Names of the streams that have a watermark: of all, or of those that the platform's channel delivers."""
    streams = STREAMS if platform is None else streams_of(platform)
    return [name for name, stream in streams.items() if stream.has_window]


def with_states(platforms: QuerySet[Platform]) -> QuerySet[Platform]:
    """Each platform with the minutes between syncs of each stream and the watermark of those that have one.

    No query more, for any number of platforms.
    """
    watermarks = {watermark_name(name): _column(name, "watermark") for name in windowed()}
    return platforms.annotate(**interval_columns(), **watermarks)


def interval_columns() -> dict[str, Coalesce]:
    """Annotations of platforms: minutes between scheduled syncs of each stream."""
    return {
        interval_name(name): Coalesce(_column(name, "interval_minutes"), stream.default_interval)
        for name, stream in STREAMS.items()
    }


def attach_states(platform: Platform) -> None:
    """The same attributes on one platform, as they are stored now."""
    names = [*map(interval_name, STREAMS), *map(watermark_name, windowed())]
    found = with_states(Platform.objects.filter(pk=platform.pk)).values(*names).get()
    for name in names:
        setattr(platform, name, found[name])


def set_intervals(platform: Platform, minutes: Mapping[str, int]) -> None:
    """Store minutes between scheduled syncs, by name of the stream. The change feed tells which are others now."""
    with transaction.atomic():
        stored = StreamState.objects.filter(platform=platform.pk)
        before = dict(stored.exclude(interval_minutes=None).values_list("stream", "interval_minutes"))
        changed: dict[str, list[int | None]] = {}
        for stream, value in minutes.items():
            old = before.get(stream, STREAMS[stream].default_interval)
            if value != old:
                changed[interval_name(stream)] = [old, value]
            StreamState.write(platform.pk, stream, interval_minutes=value)
        if changed:
            add_platform_change(platform, changed)
            record("platform.changed", platform, changes=changed)


def pop_intervals(values: dict[str, Any]) -> dict[str, int]:
    """Take the intervals, which are no columns of platforms, out of `values`; by name of the stream."""
    return {name: values.pop(interval_name(name)) for name in STREAMS if interval_name(name) in values}


def absent_names(platform: Platform) -> list[str]:
    """Attributes about streams that the platform's channel does not deliver."""
    absent = [name for name in STREAMS if name not in streams_of(platform)]
    return [*map(interval_name, absent), *map(watermark_name, absent)]


def _column(stream: str, column: str) -> Subquery:
    states = StreamState.objects.filter(platform=OuterRef("pk"), stream=stream)
    return Subquery(states.values(column)[:1])
