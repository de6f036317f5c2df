"""All orders of the span as the platform's lists know them: the lists are asked for, waited for, and stored.

Each list is of 30 days at most; all are asked for as soon as the quota allows, the newest first, since the platform
makes them side by side. One that was made before for the same span is used.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from core.outcome import Outcome
from integrations.completeness.audits import Stop
from integrations.completeness.healing import NOT_OF_ONE
from integrations.completeness.history.claim import BackfillClaim, FetchingClaim
from integrations.completeness.history.failures import keep_failures
from integrations.completeness.history.gathering import Gathering
from integrations.completeness.history.prices import known_prices, learn
from integrations.completeness.lists import (
    LONGEST,
    LONGEST_WAIT,
    POLLS,
    covering,
    earlier_lists,
    seconds_until,
)
from integrations.errors import PlatformError, RateLimited
from integrations.lookup.order import STREAM
from integrations.models import Backfill, FetchingJob
from integrations.protocol import ListKind, ListsOrders, ListState, Window
from integrations.sync.storing import store_bisecting
from orders.models import Order
from orders.records import OrderRecord, ReportedLine
from orders.reported import reported_order
from orders.services import store_reported
from platforms.models import Platform, Source

AT_ONCE = 1000  # orders that are stored in one transaction
MOST_TRIES = 3  # lists of one span
NEXT_TRY = timedelta(
    minutes=31
)  # after a list that was not made; another one within half an hour is not made either
FRESH = timedelta(hours=12)  # an earlier list that is as young is used
MOST_UNLISTED = 2000  # ids that are kept of orders whose rows do not say enough
Part = dict[str, Any]
Listed = dict[str, list[ReportedLine] | None]  # the rows of each order; None where one could not be read


def parts_of(backfill: Backfill, sites: Sequence[str]) -> list[Part]:
    """The lists that are to be asked for, the newest first."""
    parts = []
    end = backfill.window_end.astimezone(UTC)
    while end > backfill.window_start:
        start = max(end - LONGEST, backfill.window_start.astimezone(UTC))
        parts.append(
            {
                "start": start.isoformat(),
                "end": end.isoformat(),
                "sites": list(sites),
                "list": "",
                "asked_at": "",
                "again_at": "",
                "polls": 0,
                "tries": 0,
                "is_made": False,
                "is_stored": False,
                "orders": 0,
                "error": None,
            }
        )
        end = start
    return parts


def list_orders(claim: BackfillClaim, adapter: ListsOrders, stopping: Stop) -> bool:
    """Whether all lists are settled; otherwise the backfill was parked or given back. Raises PlatformError."""
    if not claim.backfill.parts:
        claim.save(parts=parts_of(claim.backfill, adapter.listed_sites))
    waits = _ask(claim, adapter)
    for number in range(len(claim.backfill.parts)):
        if stopping():
            claim.give_back()
            return False
        waits += _advance(claim, adapter, number)
    if waits:
        claim.park(min(waits))
    return not waits


def _is_settled(part: Part) -> bool:
    return part["is_stored"] or part["error"] is not None


def _ask(claim: BackfillClaim, adapter: ListsOrders) -> list[float]:
    """Ask for each list whose time has come, as far as the quota goes. Returns the seconds until there is more."""
    parts = claim.backfill.parts
    wanting = [
        number
        for number, part in enumerate(parts)
        if not (_is_settled(part) or part["list"] or seconds_until(part["again_at"]))
    ]
    since = timezone.now() - FRESH
    earlier = earlier_lists(adapter, [ListKind.CREATED], since) if wanting else []
    for number in wanting:
        part, asked_at = parts[number], timezone.now().isoformat()
        start, end = _span(part)
        found = None if part["tries"] else covering(earlier, ListKind.CREATED, part["sites"], start, end)
        if found is not None:
            claim.update_part(number, list=found.list_id, asked_at=found.created_at.isoformat(), again_at="")
            continue
        try:
            with _of_one_list(claim, number):
                list_id = adapter.request_order_list(Window("created", start, end))
                claim.update_part(number, list=list_id, asked_at=asked_at, again_at="", polls=0)
        except RateLimited as error:
            return [max(error.retry_after, 1.0)]
    return []


def _span(part: Part) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(part["start"]), datetime.fromisoformat(part["end"])


def _advance(claim: BackfillClaim, adapter: ListsOrders, number: int) -> list[float]:
    """Store this list if it is made; otherwise the seconds until it is looked after again."""
    part = claim.backfill.parts[number]
    if _is_settled(part):
        return []
    if wait := seconds_until(part["again_at"]):
        return [wait]
    if not part["list"]:  # asked for when there is quota
        return []
    with _of_one_list(claim, number):
        state = adapter.order_list_state(part["list"])
        if not state.is_over:
            return [_poll(claim, number)]
        if problem := problem_of(claim.backfill.platform_id, part, state, by="purchased_at"):
            return _ask_again(claim, number, problem)
        _store_list(claim, adapter, number, state.document)
        return []
    return []


def _poll(claim: BackfillClaim, number: int) -> float:
    part = claim.backfill.parts[number]
    if timezone.now() - datetime.fromisoformat(part["asked_at"]) > LONGEST_WAIT:
        raise PlatformError(
            f"The platform did not make list {part['list']} within a day.", code="list_not_made"
        )
    wait = float(POLLS[min(part["polls"], len(POLLS) - 1)])
    claim.update_part(number, polls=part["polls"] + 1, again_at=_in(timedelta(seconds=wait)))
    return wait


def _in(span: timedelta) -> str:
    return (timezone.now() + span).isoformat()


def problem_of(platform_id: int, part: Part, state: ListState, *, by: str) -> PlatformError | None:
    """Why a list is not taken: it was not made, or is said to have no orders where some are stored; `by` is the column
    of the time that it goes by."""
    if state.error is not None or state.document:
        return state.error
    start, end = _span(part)
    stored = Order.objects.filter(platform=platform_id, source=Source.LIVE, marketplace_id__in=part["sites"])
    if not stored.filter(**{f"{by}__gte": start, f"{by}__lt": end}).exists():
        return None
    return PlatformError(
        f"List {part['list']} is said to have no orders, and orders of that time are stored here. It is not believed.",
        code="list_not_believed",
    )


def _ask_again(claim: BackfillClaim, number: int, problem: PlatformError) -> list[float]:
    """Later there may be one. Raises the problem after the last try."""
    part = claim.backfill.parts[number]
    if part["tries"] + 1 >= MOST_TRIES:
        raise problem
    claim.update_part(number, list="", tries=part["tries"] + 1, polls=0, again_at=_in(NEXT_TRY))
    return [NEXT_TRY.total_seconds()]


@contextmanager
def _of_one_list(claim: BackfillClaim, number: int) -> Iterator[None]:
    """What a platform says of one list costs only that one; what is about the account or the moment does not."""
    try:
        yield
    except NOT_OF_ONE:
        raise
    except PlatformError as error:
        claim.update_part(number, error={"code": error.code, "message": str(error)})


# --- storing


@dataclass(slots=True)
class Stored:
    """What became of the orders of a list. `unlisted`: ids of those whose rows do not say enough; `unnamed`: rows that
    do not even say which order they are about."""

    listed: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0
    unnamed: int = 0
    unlisted: list[str] = field(default_factory=list)


def _store_list(claim: BackfillClaim, adapter: ListsOrders, number: int, document: str) -> None:
    """The orders of one list; "" is one without orders. Where it is repeated, nothing changes."""
    claim.update_part(number, is_made=True)
    start, end = _span(claim.backfill.parts[number])
    found = store_list(claim, adapter, document, wanted=lambda record: start <= record.purchased_at < end)
    figures = figures_of(claim.backfill, found) | claim.is_well()
    claim.update_part(number, more=figures, is_stored=True, orders=found.listed)


def store_list(
    claim: FetchingClaim[Any],
    adapter: ListsOrders,
    document: str,
    *,
    picked: Callable[[Listed], Listed] = lambda some: some,
    wanted: Callable[[OrderRecord], bool] = lambda _record: True,
    updates_full: bool = False,
) -> Stored:
    """Store the orders of a list that are picked by their rows, and wanted, some at a time; `updates_full` as in
    store_reported. Raises PlatformError, and JobLost."""
    gathered, found, job = Gathering(), Stored(), claim.job
    if not document:
        return found
    with adapter.order_list(document) as rows:
        orders = gathered.orders(rows)
        while some := dict(islice(orders, AT_ONCE)):
            votes, records, poor = _records(job, picked(some))
            found.unlisted += poor
            records = list(filter(wanted, records))
            outcome, problems = _store(job.platform, records, updates_full=updates_full)
            found.listed += len(records) + len(poor)
            found.created, found.updated = found.created + outcome.created, found.updated + outcome.updated
            found.failed += problems
            claim.save(prices=votes)
    found.unnamed = gathered.unnamed
    return found


def figures_of(job: FetchingJob, found: Stored) -> dict[str, Any]:
    """The columns of the job once this list is stored."""
    ids = list(dict.fromkeys([*job.unlisted, *found.unlisted]))
    kept = ids[:MOST_UNLISTED]
    return {
        "listed": job.listed + found.listed,
        "created": job.created + found.created,
        "failed": job.failed + found.failed,
        "unread": job.unread + found.unnamed + len(ids) - len(kept),
        "unlisted": kept,
    }


def _records(
    job: FetchingJob, some: Listed
) -> tuple[dict[str, dict[str, int]], list[OrderRecord], list[str]]:
    """The votes on prices, the orders, and the ids of those whose rows do not say enough."""
    readable = {order_id: rows for order_id, rows in some.items() if rows}
    votes = learn(job, readable)
    records, poor = [], [order_id for order_id, rows in some.items() if not rows]
    for order_id, rows in readable.items():
        record = reported_order(rows, known_prices(votes, rows[0].marketplace_id))
        if record is None:
            poor.append(order_id)
        else:
            records.append(record)
    return votes, records, poor


@retry_on_db_error
def _store(platform: Platform, records: Sequence[OrderRecord], *, updates_full: bool) -> tuple[Outcome, int]:
    """What changed, and how many could not be stored."""

    def store(some: Sequence[OrderRecord]) -> Outcome:
        return store_reported(platform=platform, records=some, source=Source.LIVE, updates_full=updates_full)

    with transaction.atomic():
        outcome, refused = store_bisecting(records, store, STREAM)
        return outcome, keep_failures(platform, refused)
