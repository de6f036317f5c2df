"""How syncs end, how long they take, and which are open."""

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, SummaryMetricFamily

from integrations.models import SyncLog, SyncTotal
from monitoring.subjects.base import Scrape

LABELS = ("platform", "stream", "status")


def collect(_scrape: Scrape) -> Iterator[Metric]:
    ended = SummaryMetricFamily(
        "oms_sync_duration_seconds",
        "Syncs that ended: how many, and the seconds from their first claim to their end, waits for quota included.",
        labels=LABELS,
    )
    totals = SyncTotal.objects.order_by("platform__name", "kind", "status")
    for *labels, syncs, seconds in totals.values_list("platform__name", "kind", "status", "syncs", "seconds"):
        ended.add_metric(labels, count_value=syncs, sum_value=seconds)
    yield ended

    is_open = GaugeMetricFamily("oms_syncs_open", "Syncs that are queued, wait or run.", labels=LABELS)
    counted = SyncLog.objects.open().order_by().values_list("platform__name", "kind", "status")
    for *labels, syncs in counted.annotate(Count("pk")):
        is_open.add_metric(labels, syncs)
    yield is_open
