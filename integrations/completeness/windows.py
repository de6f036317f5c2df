"""Many orders of one time are fetched by pages where the planner says that these bring them sooner than their ids do,
or as soon for less quota. What pages do not bring comes by its id afterwards."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.claim import Claim
from integrations.completeness.healing import NOT_OF_ONE, Outcome, judged
from integrations.completeness.plan_facts import facts_of
from integrations.completeness.planner import LaneCode, plan
from integrations.completeness.records import from_json
from integrations.completeness.stored import AT_ONCE, stored_by_id
from integrations.errors import PlatformError, RateLimited
from integrations.lookup.order import STREAM
from integrations.models import AuditFinding, SyncLog
from integrations.protocol import Adapter, OrderPage, Window
from integrations.sync.connection import connected
from integrations.sync.lanes import LEFT_BY_LOOK_BACKS
from integrations.sync.storing import store_bisecting
from orders.models import Order
from platforms.models import Platform, Source

FEW = 30  # orders that their ids bring at once
BY_PAGES = (LaneCode.WINDOW, LaneCode.BOTH)
DAY = timedelta(days=1)
Span = tuple[date, date]  # both included


def heal_by_windows(claim: Claim) -> None:
    """Read the days of which much is amiss by pages, each once in an audit, as far as there is quota that regular syncs
    leave; settle what is as listed since. Raises PlatformError for what is not about one span of days."""
    spans = list(_worth_reading(claim))
    if not spans:
        return
    with connected(
        claim.audit.platform, SyncLog.Kind.ORDERS, keep=LEFT_BY_LOOK_BACKS, told=claim.tally
    ) as adapter:
        for span in spans:
            read = claim.audit.parts[0].get("windows", [])
            claim.update_part(0, windows=[*read, _written(span)])  # whatever becomes of it, ids do the rest
            try:
                _read(claim, adapter, span)
            except NOT_OF_ONE as error:
                _settle_what_agrees(claim, span)
                if isinstance(error, RateLimited):
                    return
                raise
            except PlatformError:  # of this span alone
                pass
            _settle_what_agrees(claim, span)


def _worth_reading(claim: Claim) -> Iterator[Span]:
    """All days of which something is amiss as one, or else those single ones that are, by what is amiss."""
    orders = _listed_by_day(claim)
    counted = _found(claim).exclude(day=None).order_by().values_list("day").annotate(Count("pk"))
    amiss = Counter({day: count for day, count in counted if day in orders})
    if amiss.total() <= FEW:
        return
    read = [_span(text) for text in claim.audit.parts[0].get("windows", [])]
    every = min(amiss), max(amiss)
    for span in dict.fromkeys([every, *((day, day) for day, _ in amiss.most_common())]):
        known, listed = (
            sum(count for day, count in counts.items() if span[0] <= day <= span[1])
            for counts in (amiss, orders)
        )
        is_read = any(first <= span[0] and span[1] <= last for first, last in read)
        if not is_read and known > FEW and _is_cheaper(claim, span, known, listed):
            yield span
            if span == every:
                return


def _is_cheaper(claim: Claim, span: Span, known: int, listed: int) -> bool:
    full = max(0, listed - known)
    facts = facts_of(claim.audit.platform, _window(claim, span), known=known, full=full, is_listed=True)
    cheapest = plan(facts).cheapest if facts else None
    return cheapest is not None and cheapest.code in BY_PAGES


def _listed_by_day(claim: Claim) -> Counter[date]:
    counts: Counter[date] = Counter()
    for part in claim.audit.parts:
        for day, _site, count in part["days"]:
            counts[date.fromisoformat(day)] += count
    return counts


def _window(claim: Claim, span: Span) -> Window:
    """No longer than the lists are."""
    start, end = datetime.combine(span[0], time.min, UTC), datetime.combine(span[1] + DAY, time.min, UTC)
    last = max(datetime.fromisoformat(part["end"]) for part in claim.audit.parts if part["by"] == "created")
    return Window(SyncLog.WindowBy.CREATED, start, min(end, last))


def _written(span: Span) -> str:
    return "/".join(day.isoformat() for day in span)


def _span(text: str) -> Span:
    first, last = map(date.fromisoformat, text.split("/"))
    return first, last


def _found(claim: Claim) -> QuerySet[AuditFinding]:
    return claim.audit.findings.filter(outcome=Outcome.FOUND)


def _of_span(claim: Claim, span: Span) -> Iterator[list[AuditFinding]]:
    """The findings that are not settled yet, some at a time."""
    found = _found(claim).filter(day__gte=span[0], day__lte=span[1]).order_by("pk")
    last = 0
    while some := list(found.filter(pk__gt=last)[:AT_ONCE]):
        yield some
        last = some[-1].pk


def _read(claim: Claim, adapter: Adapter, span: Span) -> None:
    """What is stored of the orders in question is written even where it is said to be equal: it is not what the list
    says."""
    platform = claim.audit.platform
    for some in _of_span(claim, span):
        ids = [found.external_id for found in some]
        Order.objects.filter(platform=platform, external_id__in=ids).update(content_hash="")
    for page in adapter.order_pages(_window(claim, span), {}):
        _store(platform, page)
        claim.save()  # raises JobLost


@retry_on_db_error
def _store(platform: Platform, page: OrderPage) -> None:
    """What cannot be stored, or read, comes by its id, and stays open then with the reason."""
    with transaction.atomic():
        store_bisecting(page.records, lambda some: STREAM.store(platform, some, Source.LIVE, None), STREAM)


def _settle_what_agrees(claim: Claim, span: Span) -> None:
    for some in _of_span(claim, span):
        stored = stored_by_id(claim.audit.platform, [found.external_id for found in some])
        healed = [
            found.pk
            for found in some
            if judged(from_json(found.reported), stored.get(found.external_id)).is_good
        ]
        now = timezone.now()
        AuditFinding.objects.filter(pk__in=healed).update(outcome=Outcome.HEALED, settled_at=now)
        claim.save()  # raises JobLost
