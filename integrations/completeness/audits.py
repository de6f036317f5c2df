"""An audit from the request to its end: lists are asked for, waited for, compared; what is amiss is fetched.

request_audit   opens one, or returns the one that is open
run_audit       works on it until it is closed, or parked: a list that is not made yet, and quota that is used up, hold
                no worker

Each step is stored before the next one begins, so whoever goes on after a crash repeats at most one of them, and none
of them does harm twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.completeness.claim import Claim, JobLost, attempt
from integrations.completeness.closing import close
from integrations.completeness.comparing import LAG, compare_part
from integrations.completeness.healing import fetch_details_again, heal_next
from integrations.completeness.lists import (
    LONGEST,
    LONGEST_WAIT,
    MARGIN,
    POLLS,
    covering,
    earlier_lists,
)
from integrations.completeness.opening import open_or_find
from integrations.completeness.windows import heal_by_windows
from integrations.errors import ConfigError, PlatformError
from integrations.models import OrderAudit, SyncLog
from integrations.protocol import EarlierList, ListKind, ListsOrders, Meter, TellsTime, Window
from integrations.sync.connection import connected
from orders.retention import kept_of
from platforms.models import Platform, Source

DEFAULT_DAYS, MOST_DAYS = 30, 730
AT_ONCE, PAUSE = (
    30,
    60.0,
)  # orders that are fetched, and seconds until the next ones: what is granted for one order by its id
FRESH = timedelta(hours=1)  # an earlier list that is as young is used by the nightly audits
DISTANT = datetime(1970, 1, 1, tzinfo=UTC)
Stop = Callable[[], bool]


def request_audit(
    platform: Platform,
    *,
    days: int = DEFAULT_DAYS,
    trigger: str,
    user: User | None = None,
    now: datetime | None = None,
) -> tuple[OrderAudit, bool]:
    """The audit of the last so many days, today included, and whether it is new; or the one that is open. Days whose
    orders are deleted for their age are none of them: nothing could be said of these."""
    now = (now or timezone.now()).astimezone(UTC)
    start = max(_midnight(now) - timedelta(days=days - 1), _midnight(kept_of(platform.pk, now) or DISTANT))
    return open_or_find(
        OrderAudit,
        platform,
        trigger=trigger,
        requested_by=user,
        queued_at=now,
        window_start=start,
        window_end=now,
    )


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def run_audit(audit_id: int, *, stopping: Stop = lambda: False) -> OrderAudit:
    """Work on it until it is closed, parked, or we are told to stop. Does nothing where it cannot be claimed now."""
    claim = Claim.take(audit_id)
    if claim is None:
        return OrderAudit.objects.select_related("platform").get(pk=audit_id)
    with suppress(JobLost):  # somebody else works on it then
        attempt(claim, lambda: _work(claim, stopping))
    return OrderAudit.objects.select_related("platform").get(pk=audit_id)


def _work(claim: Claim, stopping: Stop) -> None:
    audit = claim.audit
    with _lists_of(audit.platform, claim.tally) as adapter:
        if not audit.parts:
            claim.save(parts=_parts(audit, adapter))
        _ask(claim, adapter)
        for number in range(len(audit.parts)):
            if audit.parts[number]["is_compared"]:
                continue
            if stopping():
                claim.give_back()
                return
            document = _ready(claim, adapter, number)
            if document is None:
                return
            compare_part(claim, adapter, number, document)
        _heal(claim, adapter, stopping)


def _heal(claim: Claim, adapter: ListsOrders, stopping: Stop) -> None:
    """Fetch what is amiss, some orders at a time: waiting for the quota of each one would hold a worker for hours."""
    heal_by_windows(claim)
    before = claim.tally.calls
    while not stopping():
        if claim.tally.calls - before >= AT_ONCE:
            claim.park(PAUSE)
            return
        if heal_next(claim, adapter):
            continue
        fetch_details_again(claim, adapter, AT_ONCE, stopping)
        if not stopping():
            close(claim)
            return
    claim.give_back()


@contextmanager
def _lists_of(platform: Platform, told: Meter) -> Iterator[ListsOrders]:
    """Raises ConfigError where the platform makes no lists of orders, or what it says is no live data."""
    platform.encrypt_plain_config()
    if not platform.api_config:
        raise ConfigError("No credentials are stored for this platform, so there is nothing to compare with.")
    with connected(platform, SyncLog.Kind.ORDERS, told=told) as adapter:
        if not isinstance(adapter, ListsOrders) or adapter.source != Source.LIVE:
            raise ConfigError(f"Platform {platform.name} makes no lists of orders to compare with.")
        yield adapter


def _parts(audit: OrderAudit, adapter: ListsOrders) -> list[dict[str, Any]]:
    """The lists that are to be asked for: by creation for what is proven, by update for what changed since the last
    audit."""
    offset = adapter.clock_offset() if isinstance(adapter, TellsTime) else timedelta(0)
    last = (timezone.now() + offset - MARGIN).astimezone(UTC).replace(microsecond=0)
    parts = []
    for by, start in (("created", audit.window_start.astimezone(UTC)), ("updated", _changed_since(audit))):
        while start < last:
            end = min(start + LONGEST, last)
            span = {"by": by, "start": start.isoformat(), "end": end.isoformat()}
            sites = list(adapter.listed_sites)
            parts.append({**span, "sites": sites, "list": "", "polls": 0, "is_compared": False, "days": []})
            start = end
    return parts


def _changed_since(audit: OrderAudit) -> datetime:
    """The beginning of the first day that the last audit without anything open has not read by update to its end: lists
    are behind. Without one, that of the audit itself."""
    proven = OrderAudit.objects.filter(platform=audit.platform, status=OrderAudit.Status.SUCCEEDED)
    for parts in proven.filter(pk__lt=audit.pk).order_by("-pk").values_list("parts", flat=True)[:1]:
        ends = [datetime.fromisoformat(part["end"]) for part in parts if part["by"] == "updated"]
        if ends:
            day = _midnight(max(ends) - LAG)
            return max(day, audit.queued_at.astimezone(UTC) - timedelta(days=MOST_DAYS))
    return audit.window_start.astimezone(UTC)


def _ask(claim: Claim, adapter: ListsOrders) -> None:
    """Find a list for each part that has none: one that was made shortly before, or a new one. All are asked for at
    once, since the platform makes them side by side."""
    parts = claim.audit.parts
    wanting = [number for number, part in enumerate(parts) if not part["list"]]
    earlier = _earlier(claim.audit, adapter) if wanting else []
    for number in wanting:
        part = claim.audit.parts[number]
        start, end = (datetime.fromisoformat(part[name]) for name in ("start", "end"))
        can_be_old = not part.get("is_refused")  # an earlier one was of no use
        found = (
            covering(earlier, ListKind(part["by"]), part["sites"], start, end - FRESH) if can_be_old else None
        )
        if found is not None:
            asked, reached = found.created_at.isoformat(), min(found.end, end).isoformat()
            claim.update_part(number, list=found.list_id, asked_at=asked, is_ours=False, end=reached)
            continue
        asked_at = timezone.now()
        list_id = adapter.request_order_list(Window(part["by"], start, end))
        claim.update_part(number, list=list_id, asked_at=asked_at.isoformat(), is_ours=True)


def _earlier(audit: OrderAudit, adapter: ListsOrders) -> list[EarlierList]:
    """Lists that an audit may use: the nightly ones those of the last hour, others only what was asked for since they
    were begun, for somebody wants to know how it is now. None that was compared before, which would prove nothing new;
    and none by which a day would count as not over that is."""
    is_nightly = audit.trigger == SyncLog.Trigger.SCHEDULE
    since = audit.queued_at.replace(microsecond=0) - (FRESH if is_nightly else timedelta(0))
    today = (timezone.now() - LAG).astimezone(UTC).date()
    before = OrderAudit.objects.filter(platform=audit.platform, queued_at__gt=since - LONGEST_WAIT)
    known = {part["list"] for parts in before.values_list("parts", flat=True) for part in parts}
    return [
        each
        for each in earlier_lists(adapter, [ListKind.CREATED, ListKind.UPDATED], since)
        if each.list_id not in known and (each.created_at - LAG).astimezone(UTC).date() >= today
    ]


def _ready(claim: Claim, adapter: ListsOrders, number: int) -> str | None:
    """What names the document of this part's list, "" where the list has no orders; None where it is not made yet, and
    the audit is parked. Raises PlatformError where the list cannot be had."""
    part = claim.audit.parts[number]
    state = adapter.order_list_state(part["list"])
    if not part.get("is_ours", True) and state.is_over and not state.document:  # ours may be better
        claim.update_part(number, list="", polls=0, is_refused=True)
        claim.park(1.0)
        return None
    if state.error is not None:
        raise state.error
    if state.is_over:
        return state.document
    if timezone.now() - datetime.fromisoformat(part["asked_at"]) > LONGEST_WAIT:
        raise PlatformError(
            f"The platform did not make list {part['list']} within a day.", code="list_not_made"
        )
    claim.update_part(number, polls=part["polls"] + 1)
    claim.park(POLLS[min(part["polls"], len(POLLS) - 1)])
    return None
