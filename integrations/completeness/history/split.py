"""Which orders come in full by pages and which by their ids.

The two quotas are separate, so both are used side by side: pages read the newest orders, down to the point from which
on ids take as long as pages do until there; ids read the ones before it. What has to be shipped comes by its id before
all others, and so does what pages should have brought and did not.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import Case, QuerySet, When
from django.utils import timezone

from integrations.completeness.history.failures import given_up
from integrations.completeness.plan_facts import facts_of
from integrations.completeness.planner import split_enrichment
from integrations.models import FetchingJob, SyncLog
from integrations.protocol import Window
from integrations.registry import CHANNELS
from orders.models import Order

SECOND = timedelta(seconds=1)
SETTLED_FOR = timedelta(hours=1)
FIRST_LOOK = timedelta(days=90)  # what has to be shipped is no older
PAGES_UNTIL, SPLIT_AT, SETTLED_AT = "pages_until", "split_at", "settled_at"
Rows = QuerySet[Order]


def lacking(job: FetchingJob) -> Rows:
    """Orders that it has to fetch, the newest first: their details are not here, or older than a list."""
    return job.without_details()


def open_ones(job: FetchingJob) -> Rows:
    """Of these, those that were not given up in this job."""
    return lacking(job).exclude(given_up(job, job.queued_at))


def time_of(place: dict[str, Any], name: str) -> datetime | None:
    text = place.get(name)
    return datetime.fromisoformat(text) if text else None


def settled(job: FetchingJob, *, again: bool = False) -> dict[str, Any]:
    """Where the two meet, as it is to be stored in the place; {} where it was found out not long ago, unless it is to
    be `again`."""
    now, before = timezone.now(), time_of(job.place, SETTLED_AT)
    if before is not None and now - before < SETTLED_FOR and not again:
        return {}
    rows, (start, end) = lacking(job), job.purchase_span()
    count = rows.count()
    window = Window(SyncLog.WindowBy.CREATED, start, end)
    facts = facts_of(job.platform, window, orders=count, known=count, full=0, is_listed=True)
    by_pages = split_enrichment(facts, facts.page, facts.single).by_pages if facts else 0
    last = rows.values_list("purchased_at", flat=True)[by_pages - 1 : by_pages].first() if by_pages else None
    return {SETTLED_AT: now.isoformat(), SPLIT_AT: (last or end).isoformat()}


def next_window(job: FetchingJob) -> Window | None:
    """The span that pages read next: as many orders as are on one page, from the newest that lacks its full answer."""
    first_purchase, last_purchase = job.purchase_span()
    until = time_of(job.place, PAGES_UNTIL) or last_purchase
    first = time_of(job.place, SPLIT_AT) or last_purchase
    rows = open_ones(job).filter(purchased_at__lt=until, purchased_at__gte=first)
    newest = rows.values_list("purchased_at", flat=True).first()
    if newest is None:
        return None
    operations = CHANNELS[job.platform.kind].order_operations
    size = operations.page_size if operations else 1
    stored = Order.objects.filter(
        platform=job.platform_id, purchased_at__lte=newest, purchased_at__gte=first_purchase
    )
    times = list(stored.order_by("-purchased_at", "-id").values_list("purchased_at", flat=True)[:size])
    start, end = times[-1].replace(microsecond=0), newest.replace(microsecond=0) + SECOND
    return Window(SyncLog.WindowBy.CREATED, max(start, first_purchase), min(end, last_purchase))


def next_ids(job: FetchingJob, count: int, *, urgent: bool, but: Collection[str] = ()) -> list[str]:
    """So many orders that are to be fetched by their ids, each once, `but` these. `urgent`: what has to be shipped is
    looked for; of that, first what cannot be shipped since the ids of its lines are not known."""
    groups = ([_to_ship(job)] if urgent else []) + [_passed(job), _before(job)]
    rows_of_groups = (rows.exclude(external_id__in=list(but)) if but else rows for rows in groups)
    found: Iterator[str] = chain(
        (each for each in job.unlisted if each not in but),
        *(rows.values_list("external_id", flat=True)[:count] for rows in rows_of_groups),
    )
    return list(dict.fromkeys(found))[:count]


def has_to_ship(job: FetchingJob) -> bool:
    return _to_ship(job).exists()


def _to_ship(job: FetchingJob) -> Rows:
    young = open_ones(job).filter(purchased_at__gte=timezone.now() - FIRST_LOOK)
    to_ship = young.filter(status__in=Order.TO_SHIP).exclude(fulfilled_by=Order.FulfilledBy.PLATFORM)
    is_known = Case(When(completeness=Order.Completeness.REPORT, then=0), default=1)
    return to_ship.order_by(is_known, *job.FIRST_TO_SHIP)


def _passed(job: FetchingJob) -> Rows:
    """What pages have passed, and did not bring."""
    until = time_of(job.place, PAGES_UNTIL)
    return open_ones(job).filter(purchased_at__gte=until) if until else Order.objects.none()


def _before(job: FetchingJob) -> Rows:
    first = time_of(job.place, SPLIT_AT)
    return open_ones(job).filter(purchased_at__lt=first) if first else open_ones(job)
