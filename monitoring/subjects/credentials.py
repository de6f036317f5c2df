"""How old the values of the credentials are that the channel wants renewed, and how long they last."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.lookup.renewals import renewals_of
from monitoring.subjects.base import Scrape

LABELS = ("platform", "credential")


def collect(scrape: Scrape) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "oms_credential_age_seconds",
        "How long ago this value of the credentials was set, where the channel wants it renewed.",
        labels=LABELS,
    )
    left = GaugeMetricFamily(
        "oms_credential_left_seconds",
        "The time until it has to be renewed; negative once that is past.",
        labels=LABELS,
    )
    for platform in scrape.platforms:
        if platform.is_active:
            for renewal in renewals_of(platform):
                labels = [platform.name, renewal.name]
                age.add_metric(labels, scrape.age(renewal.set_at))
                left.add_metric(labels, (renewal.ends_at - scrape.now).total_seconds())
    yield from (age, left)
