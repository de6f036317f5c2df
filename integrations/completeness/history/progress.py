"""How far a backfill is, and when each of its phases will be done."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.completeness.history.split import lacking
from integrations.completeness.plan_facts import facts_of
from integrations.completeness.planner import Facts, Goal, Plan, plan, seconds_until_listed, split_enrichment
from integrations.models import Backfill, SyncLog
from integrations.protocol import Window
from orders.models import Order
from platforms.models import Platform, Source

SHORTEST = timedelta(minutes=15)  # a rate that is measured for less than that says nothing
CREATED = SyncLog.WindowBy.CREATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`lists` of which so many were asked for, made and stored. `listed` orders are in the stored ones; of the orders
    of the span, `full` are here in full and `by_list` known by report alone. None: not known yet. An end is None where
    nobody knows it, and where the phase is over or the backfill is not worked on. `is_measured`: the second one goes
    by what was fetched so far, and not by the plan."""

    lists: int
    asked: int
    made: int
    stored: int
    listed: int
    full: int | None
    by_list: int | None
    listing_ends: datetime | None = None
    completing_ends: datetime | None = None
    is_measured: bool = False


def plan_of(platform: Platform, since: datetime, until: datetime) -> Plan | None:
    """What a backfill of this span would take, as things stand; None where nothing can be said. Where nobody knows how
    many orders there are, it is judged by when all are listed. Makes no call."""
    window = Window(CREATED, since, until)
    rows = Order.objects.filter(
        platform=platform, source=Source.LIVE, purchased_at__gte=since, purchased_at__lt=until
    )
    by_list = rows.filter(completeness__in=Order.WITHOUT_DETAILS).count()
    facts = facts_of(platform, window, known=by_list, full=rows.count() - by_list)
    if facts is None:
        return None
    complete = plan(facts, Goal.COMPLETE)
    return plan(facts, Goal.LISTED) if complete.cheapest is None else complete


def progress_of(backfill: Backfill, *, now: datetime | None = None) -> Progress:
    """Some queries of what is stored; no call."""
    now = now or timezone.now()
    parts = backfill.parts
    full, by_list = _counts(backfill)
    progress = Progress(
        lists=len(parts),
        asked=sum(bool(part["list"]) or part["is_stored"] for part in parts),
        made=sum(part["is_made"] for part in parts),
        stored=sum(part["is_stored"] for part in parts),
        listed=backfill.listed,
        full=full,
        by_list=by_list,
    )
    if not backfill.is_open or backfill.status == Backfill.Status.PAUSED:
        return progress
    return _with_ends(backfill, progress, now)


def _counts(backfill: Backfill) -> tuple[int | None, int | None]:
    """Of the span; once it is listed."""
    if backfill.listed_at is None:
        return None, None
    rows = Order.objects.filter(
        platform=backfill.platform_id,
        purchased_at__gte=backfill.window_start,
        purchased_at__lt=backfill.window_end,
    )
    by_list = lacking(backfill).count()
    return rows.count() - by_list, by_list


def _with_ends(backfill: Backfill, progress: Progress, now: datetime) -> Progress:
    left = progress.by_list
    if left is not None and (rate := _rate(backfill, now, left)) is not None:
        ends = now + timedelta(seconds=left / rate)
        return replace(progress, completing_ends=ends, is_measured=True)
    window = Window(CREATED, backfill.window_start, backfill.window_end)
    if left is not None:
        facts = facts_of(backfill.platform, window, orders=left, known=left, full=0, is_listed=True, now=now)
        split = split_enrichment(facts, facts.page, facts.single) if facts else None
        return replace(progress, completing_ends=_moment(now, split.seconds if split else None))
    facts = facts_of(backfill.platform, window, now=now)
    listing = _seconds_of_lists(backfill, facts, now)
    complete = None
    if facts is not None and listing is not None and facts.lacking is not None:
        split = split_enrichment(facts, facts.page.after(listing), facts.single.after(listing))
        complete = listing + split.seconds
    return replace(progress, listing_ends=_moment(now, listing), completing_ends=_moment(now, complete))


def _seconds_of_lists(backfill: Backfill, facts: Facts | None, now: datetime) -> float | None:
    """Until the last list is here: those that are not asked for yet are made after the others. One that is refused is
    asked for again later."""
    if facts is None or facts.lists is None:
        return None
    open_parts = [part for part in backfill.parts if not part["is_stored"] and part["error"] is None]
    if not backfill.parts:
        count = max(1, -(-facts.span // facts.lists.longest))
        return seconds_until_listed(facts.lists, count)[0]
    later = [
        (datetime.fromisoformat(part["again_at"]) - now).total_seconds()
        for part in open_parts
        if part["tries"] and not part["list"] and part["again_at"]
    ]
    return max([0.0, *later]) + seconds_until_listed(facts.lists, max(1, len(open_parts)))[0]


def _rate(backfill: Backfill, now: datetime, left: int) -> float | None:
    """Orders a second that became full, as measured; None where that is not known."""
    if not backfill.measured:
        return None
    at, before = backfill.measured[0]
    seconds = (now - datetime.fromisoformat(at)).total_seconds()
    if seconds < SHORTEST.total_seconds() or before <= left:
        return None
    return float((before - left) / seconds)


def _moment(now: datetime, seconds: float | None) -> datetime | None:
    """None for what never happens, and for what is beyond all calendars."""
    if seconds is None or seconds > timedelta(days=3650).total_seconds():
        return None
    return now + timedelta(seconds=seconds)
