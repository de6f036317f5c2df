"""The queue between whoever asks for syncs and the workers."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.sync.backlog import backlog
from monitoring.subjects.base import Scrape


def collect(scrape: Scrape) -> Iterator[Metric]:
    """Raises QUEUE_ERRORS (integrations.sync.queue)."""
    waiting = backlog()
    yield GaugeMetricFamily(
        "oms_queue_messages",
        "Messages whose time has come and that no worker has taken yet.",
        value=waiting.messages,
    )
    yield GaugeMetricFamily(
        "oms_queue_oldest_message_seconds",
        "For how long the oldest of them could have been taken; 0 where there is none.",
        value=waiting.age(scrape.now).total_seconds(),
    )
