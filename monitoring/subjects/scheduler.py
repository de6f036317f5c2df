"""Whether a scheduler works, wherever it runs."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.schedule.leadership import scheduler_seen_at
from monitoring.subjects.base import Scrape


def collect(_scrape: Scrape) -> Iterator[Metric]:
    seen_at = scheduler_seen_at()
    yield GaugeMetricFamily(
        "oms_scheduler_seen_timestamp_seconds",
        "When a scheduler last looked for what is due; 0 where none ever did.",
        value=seen_at.timestamp() if seen_at else 0,
    )
