"""Shipments that the platform is not proven to know, and whether anything is written at all."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Min
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.shipping.policy import is_stopped
from monitoring.subjects.base import Scrape
from orders.models import Shipment

LABELS = ("platform", "state")
State = Shipment.State
# Since when a shipment is in its state. The others are an end, and become as many as there are orders.
SINCE = {
    State.DRAFT: "made_at",
    State.QUEUED: "queued_at",
    State.SENT: "sent_at",
    State.REJECTED: "rejected_at",
    State.UNVERIFIED: "unverified_at",
}


def collect(scrape: Scrape) -> Iterator[Metric]:
    """Of active platforms; 0 where there is none in a state."""
    names = {platform.pk: platform.name for platform in scrape.platforms if platform.is_active}
    count = GaugeMetricFamily(
        "oms_shipments", "Shipments in this state, which the platform is not proven to know.", labels=LABELS
    )
    oldest = GaugeMetricFamily(
        "oms_shipments_oldest_seconds",
        "Since when the oldest of them is in this state; 0 where there is none.",
        labels=LABELS,
    )
    found = _counts()
    for pk, name in names.items():
        for state, since in SINCE.items():
            row = found.get((pk, state), {})
            count.add_metric([name, state], row.get("n", 0))
            oldest.add_metric([name, state], scrape.age(row[since]) if row.get(since) else 0)
    stopped = GaugeMetricFamily("oms_writing_stopped", "1 while all writing to platforms is stopped.")
    stopped.add_metric([], int(is_stopped()))
    yield from (count, oldest, stopped)


def _counts() -> dict[tuple[int, str], dict[str, Any]]:
    """How many, and the earliest time of each kind, by platform and state. One query of an index."""
    rows: Any = Shipment.objects.filter(state__in=SINCE, is_rehearsal=False).order_by()
    rows = rows.values("platform", "state").annotate(
        n=Count("pk"), **{name: Min(name) for name in SINCE.values()}
    )
    return {(row["platform"], row["state"]): row for row in rows}
