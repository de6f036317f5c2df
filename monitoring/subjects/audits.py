"""How far orders are proven complete, what stays open, and when audits last ended well."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.completeness.overview import proofs_of
from integrations.completeness.standing import audit_standings, last_jobs, still_open
from monitoring.subjects.base import Scrape

LABELS = ("platform", "stream")


def collect(scrape: Scrape) -> Iterator[Metric]:
    """Of active platforms."""
    names = {platform.pk: platform.name for platform in scrape.platforms if platform.is_active}
    yield _proven(names)
    yield from _open(scrape, names)
    yield from _standings(scrape, names)


def _proven(names: dict[int, str]) -> Metric:
    proven = GaugeMetricFamily(
        "oms_orders_proven_until_timestamp_seconds",
        "The end of the last day until which orders are proven complete. Absent before the first one.",
        labels=("platform",),
    )
    for pk, proof in proofs_of(names).items():
        if proof.until is not None:
            end = datetime.combine(proof.until + timedelta(days=1), time.min, UTC)
            proven.add_metric([names[pk]], end.timestamp())
    return proven


def _open(scrape: Scrape, names: dict[int, str]) -> Iterator[Metric]:
    count = GaugeMetricFamily(
        "oms_audit_open", "Days of orders, and marketplaces of stock, that audits left open.", labels=LABELS
    )
    oldest = GaugeMetricFamily(
        "oms_audit_open_oldest_seconds", "Since when the oldest of them is open.", labels=LABELS
    )
    for still in still_open(names, scrape.now):
        labels = [names[still.platform_id], still.stream]
        count.add_metric(labels, still.count)
        oldest.add_metric(labels, scrape.age(still.since))
    yield from (count, oldest)


def _standings(scrape: Scrape, names: dict[int, str]) -> Iterator[Metric]:
    behind = GaugeMetricFamily(
        "oms_audit_behind_seconds",
        "How long ago the last audit ended that did not fail; before it, since the first live sync.",
        labels=LABELS,
    )
    failed = GaugeMetricFamily(
        "oms_audit_failed", "1 where the last audit failed, 0 otherwise.", labels=LABELS
    )
    for standing in audit_standings(last_jobs(names)):
        labels = [names[standing.platform_id], standing.stream]
        behind.add_metric(labels, scrape.age(standing.since))
        failed.add_metric(labels, int(standing.failed is not None))
    yield from (behind, failed)
