"""Backfills and catch-ups: whether the last one waits or failed, what it has to fetch, and since when orders are not
known."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from integrations.completeness.keeping_up.standing import unknown_since
from integrations.completeness.standing import newest_fetching_jobs
from integrations.models import CatchUp, FetchingJob
from monitoring.subjects.base import Scrape

LABELS = ("platform", "job")


def collect(scrape: Scrape) -> Iterator[Metric]:
    """Of active platforms. Two queries."""
    names = {platform.pk: platform.name for platform in scrape.platforms if platform.is_active}
    jobs = newest_fetching_jobs(names, scrape.now)
    yield from _jobs(scrape, names, jobs)
    unknown = GaugeMetricFamily(
        "oms_orders_unknown_seconds",
        "How old the changes of orders are that not even lists have made known. Absent where no catch-up is open.",
        labels=("platform",),
    )
    for job in jobs:
        if isinstance(job, CatchUp) and job.is_open:
            unknown.add_metric([names[job.platform_id]], scrape.age(unknown_since(job)))
    yield unknown


def _jobs(scrape: Scrape, names: dict[int, str], jobs: list[FetchingJob]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "oms_fetching_job",
        "1 for the status of the last backfill and catch-up, while it is open and for 7 days after.",
        labels=(*LABELS, "status"),
    )
    left = GaugeMetricFamily(
        "oms_fetching_job_orders_left",
        "Orders that an open one has to fetch, as last counted.",
        labels=LABELS,
    )
    overdue = GaugeMetricFamily(
        "oms_fetching_job_overdue_seconds",
        "Since when an open one should have gone on; 0 where it is not its time yet.",
        labels=LABELS,
    )
    for job in jobs:
        labels = [names[job.platform_id], "catch_up" if isinstance(job, CatchUp) else "backfill"]
        state.add_metric([*labels, job.status], 1)
        if job.is_open:
            left.add_metric(labels, job.lacking or 0)
            overdue.add_metric(labels, scrape.age(job.resume_at) if job.resume_at else 0)
    yield from (state, left, overdue)
