"""Changes that no reader has asked for yet. They are numbered by whoever reads next: feed/reading.py."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from monitoring.subjects.base import MOST_COUNTED, Scrape


def collect(scrape: Scrape) -> Iterator[Metric]:
    waiting, since = scrape.unnumbered
    yield GaugeMetricFamily(
        "oms_feed_unnumbered_changes",
        f"Changes that nobody has read since they were written; counted up to {MOST_COUNTED}.",
        value=waiting,
    )
    yield GaugeMetricFamily(
        "oms_feed_oldest_unnumbered_seconds",
        "The age of the oldest of them; 0 where there is none.",
        value=scrape.age(since) if since else 0,
    )
