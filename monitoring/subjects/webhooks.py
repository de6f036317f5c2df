"""How far each webhook is behind what has changed, and which were switched off because they failed."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, OuterRef, Subquery
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from feed.models import Change, FeedPosition
from monitoring.subjects.base import MOST_COUNTED, Scrape
from webhooks.models import Delivery, Endpoint, Event

LABELS = ("endpoint",)  # its id: a name may be changed, and may be about a person


def collect(scrape: Scrape) -> Iterator[Metric]:
    pending = GaugeMetricFamily(
        "oms_webhook_pending_messages", "Messages that wait to be delivered.", labels=LABELS
    )
    oldest = GaugeMetricFamily(
        "oms_webhook_oldest_pending_seconds",
        "The age of the oldest of them; 0 where there is none.",
        labels=LABELS,
    )
    behind = GaugeMetricFamily(
        "oms_webhook_changes_behind",
        f"Changes that have not become messages yet; those without a number are counted up to {MOST_COUNTED}.",
        labels=LABELS,
    )
    lag = GaugeMetricFamily(
        "oms_webhook_lag_seconds",
        "The age of the oldest change or message that has not been delivered; 0 where there is none.",
        labels=LABELS,
    )
    off = GaugeMetricFamily(
        "oms_webhook_switched_off", "1 for a webhook that OMS has switched off.", labels=(*LABELS, "reason")
    )
    last = FeedPosition.objects.values_list("last", flat=True).get(pk=FeedPosition.ONLY)
    unnumbered, unnumbered_since = scrape.unnumbered
    endpoints = _endpoints()
    waiting = _pending([pk for pk, is_active, *_rest in endpoints if is_active])
    for pk, is_active, reason, position, *next_at in endpoints:
        labels = [str(pk)]
        if not is_active:
            if reason and reason != Endpoint.Off.BY_HAND:
                off.add_metric([*labels, reason], 1)
            continue
        messages, since = waiting.get(pk, (0, None))
        pending.add_metric(labels, messages)
        oldest.add_metric(labels, scrape.age(since) if since else 0)
        behind.add_metric(labels, max(0, last - position) + unnumbered)
        ages = [scrape.age(moment) for moment in (since, *next_at, unnumbered_since) if moment]
        lag.add_metric(labels, max(ages, default=0))
    yield from (pending, oldest, behind, lag, off)


def _endpoints() -> list[tuple[int, bool, str, int, datetime | None, datetime | None]]:
    """Id, whether it is on, why not, its position, and the times of the first numbered change and of the first event
    behind its positions."""
    behind = Change.objects.filter(sequence__gt=OuterRef("position")).order_by("sequence")
    events = Event.objects.filter(pk__gt=OuterRef("event_position")).order_by("pk")
    return list(
        Endpoint.objects.order_by("pk").values_list(
            "pk",
            "is_active",
            "off_reason",
            "position",
            Subquery(behind.values("at")[:1]),
            Subquery(events.values("created_at")[:1]),
        )
    )


def _pending(endpoints: list[int]) -> dict[int, tuple[int, datetime]]:
    """How many messages wait, and since when the oldest does. By the ids, so that the index over them is used."""
    waiting = Delivery.objects.filter(endpoint__in=endpoints, state=Delivery.State.PENDING).order_by()
    found = waiting.values_list("endpoint_id").annotate(Count("pk"), Min("created_at"))
    return {pk: (messages, since) for pk, messages, since in found}
