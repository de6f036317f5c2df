"""How far what is stored is behind the channel, and what the schedule does about it. Of active platforms with
credentials."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.models import SyncLog
from integrations.schedule.due import Due, next_dues
from integrations.schedule.history import NOT_GOOD, REGULAR
from integrations.sync.streams import STREAMS
from integrations.sync.streams.states import interval_of, watermark_name
from monitoring.subjects.base import Scrape
from platforms.models import Platform, Source

STREAM = ("platform", "stream")
Good = tuple[datetime | None, datetime | None]  # when the last good sync began and ended


def collect(scrape: Scrape) -> Iterator[Metric]:
    active = [platform for platform in scrape.platforms if platform.is_active and platform.is_configured]
    dues, good = next_dues(active), _last_good(active)
    lag = GaugeMetricFamily(
        "oms_stream_lag_seconds",
        "How far what is stored is behind the channel: the age of the watermark; of a stream without one, of the begin "
        "of the last complete good sync. Absent before the first.",
        labels=STREAM,
    )
    last = GaugeMetricFamily(
        "oms_stream_last_good_timestamp_seconds", "When the last complete good sync ended.", labels=STREAM
    )
    interval = GaugeMetricFamily(
        "oms_stream_interval_seconds", "The time between scheduled syncs; 0: only by hand.", labels=STREAM
    )
    failures = GaugeMetricFamily(
        "oms_stream_failures_in_a_row", "Regular syncs that failed since the last good one.", labels=STREAM
    )
    schedule = GaugeMetricFamily(
        "oms_stream_schedule",
        "1 for why the next sync is due when it is (docs/operations.md, The schedule).",
        labels=(*STREAM, "reason"),
    )
    for platform in active:
        for name, due in _dues_of(platform, dues):
            labels = [platform.name, name]
            began, ended = good[platform.pk, name]
            complete = getattr(platform, watermark_name(name)) if STREAMS[name].has_window else began
            if complete is not None:
                lag.add_metric(labels, scrape.age(complete))
            if ended is not None:
                last.add_metric(labels, ended.timestamp())
            interval.add_metric(labels, interval_of(platform, name) * 60)
            failures.add_metric(labels, due.failures)
            schedule.add_metric([*labels, due.reason], 1)
    yield from (lag, last, interval, failures, schedule)


def _dues_of(platform: Platform, dues: dict[tuple[int, str], Due]) -> Iterator[tuple[str, Due]]:
    return ((name, due) for (pk, name), due in dues.items() if pk == platform.pk)


def _last_good(platforms: list[Platform]) -> dict[tuple[int, str], Good]:
    """One query. Of live data alone: mock data says nothing of the channel."""
    columns = {}
    for name in STREAMS:
        # Said by what they are not: `status IN (…)` leads SQLite to another index than sync_latest.
        logs = SyncLog.objects.filter(REGULAR, platform=OuterRef("pk"), kind=name, source=Source.LIVE)
        newest = logs.exclude(status__in=NOT_GOOD).order_by("-pk")
        columns[f"{name}_began"] = Subquery(newest.values("started_at")[:1])
        columns[f"{name}_ended"] = Subquery(newest.values("finished_at")[:1])
    ids = [platform.pk for platform in platforms]
    rows = Platform.objects.filter(pk__in=ids).order_by().values("pk", **columns)
    found: dict[int, dict[str, Any]] = {row["pk"]: dict(row) for row in rows}
    nothing: dict[str, Any] = {}  # a platform that was deleted meanwhile
    return {
        (pk, name): (
            found.get(pk, nothing).get(f"{name}_began"),
            found.get(pk, nothing).get(f"{name}_ended"),
        )
        for pk in ids
        for name in STREAMS
    }
