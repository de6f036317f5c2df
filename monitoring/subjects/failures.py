"""Records that could not be stored, and that nobody has replayed or dismissed."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.models import SyncFailure
from monitoring.subjects.base import Scrape

LABELS = ("platform", "stream")


def collect(scrape: Scrape) -> Iterator[Metric]:
    counted = GaugeMetricFamily(
        "oms_failures_open",
        "Records that are not stored and wait to be replayed or dismissed.",
        labels=LABELS,
    )
    oldest = GaugeMetricFamily(
        "oms_failures_oldest_seconds", "The age of the oldest of them; 0 where there is none.", labels=LABELS
    )
    waiting = SyncFailure.objects.open().order_by().values_list("platform__name", "kind")
    found = {
        (platform, kind): (failures, since)
        for platform, kind, failures, since in waiting.annotate(Count("pk"), Min("created_at"))
    }
    known = {(platform.name, name) for platform, name in scrape.streams}
    for labels in sorted(known | set(found)):
        failures, since = found.get(labels, (0, None))
        counted.add_metric(labels, failures)
        oldest.add_metric(labels, scrape.age(since) if since else 0)
    yield from (counted, oldest)
