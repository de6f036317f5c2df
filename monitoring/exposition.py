"""What /metrics answers: the figures that the database has (`subjects/`), and the requests that all processes of this
gunicorn counted (`http.py`)."""

import logging
import os
from collections.abc import Iterator

from django.db import InterfaceError, OperationalError
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from integrations.sync.queue import QUEUE_ERRORS
from monitoring.directory import VARIABLE
from monitoring.subjects import SUBJECTS, Scrape

logger = logging.getLogger(__name__)

# Of the database as a whole: no other subject could be read either, and each attempt may take its time-out.
GONE = (OperationalError, InterfaceError)


def exposition(version: str) -> bytes:
    """All figures, in the text format of Prometheus. `version` is that of OMS."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector(version))
    if VARIABLE in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class DatabaseCollector(Collector):
    """All subjects. One that cannot be read is left out, and `oms_subject_up` says so."""

    def __init__(self, version: str) -> None:
        self._version = version

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(
            "oms_build_info", "Always 1; the label says which version runs.", labels=["version"]
        )
        build.add_metric([self._version], 1)
        yield build
        up = GaugeMetricFamily(
            "oms_subject_up",
            "Whether this subject could be read; 0: its figures are left out. All of them 0: the database is down.",
            labels=["subject"],
        )
        scrape, is_gone = Scrape(), False
        for name, collect in SUBJECTS.items():
            found: list[Metric] = []
            try:
                found = [] if is_gone else list(collect(scrape))
            except QUEUE_ERRORS as error:
                is_gone = isinstance(error, GONE)
                logger.error("Metrics of the subject %s cannot be read: %s", name, type(error).__name__)
            yield from found
            up.add_metric([name], bool(found))
        yield up
