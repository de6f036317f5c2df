"""What is left of the quota of each account. Platforms with one account have the same figures."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.models import ApiQuota
from integrations.quota.token_bucket import standing
from integrations.quota.usage import sharing
from monitoring.subjects.base import Scrape

LABELS = ("platform", "operation")


def collect(scrape: Scrape) -> Iterator[Metric]:
    left = GaugeMetricFamily("oms_quota_calls_left", "Calls that could be made now.", labels=LABELS)
    burst = GaugeMetricFamily("oms_quota_calls_limit", "Calls that can be saved up.", labels=LABELS)
    rate = GaugeMetricFamily("oms_quota_calls_per_second", "Calls that come in each second.", labels=LABELS)
    names = sharing()
    for bucket in ApiQuota.objects.order_by("account_key", "operation"):
        calls, _seconds = standing(bucket, scrape.now)
        for name in names.get(bucket.account_key, ()):  # none: of credentials that are no longer stored
            labels = [name, bucket.operation]
            left.add_metric(labels, calls)
            burst.add_metric(labels, bucket.burst)
            rate.add_metric(labels, bucket.rate)
    yield from (left, burst, rate)
