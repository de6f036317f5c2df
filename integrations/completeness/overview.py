"""What is known of days, for pages: days of a month, months of a platform, how far platforms are proven. Each in a
fixed number of queries."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Q, QuerySet

from integrations.models import AuditedDay, AuditFinding, OrderAudit, OrderProof
from integrations.registry import CHANNELS
from platforms.models import Platform

State, Outcome = AuditedDay.State, AuditFinding.Outcome
DAY = timedelta(days=1)
MOST_MONTHS = 60


class DayState(StrEnum):
    """The worst of its marketplaces; the worst one first."""

    OPEN = "open"
    NEVER = "never"  # not audited, in some marketplace
    NOT_YET = "not_yet"
    HEALED = "healed"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """`rows`: of each marketplace that was audited; `unaudited`: those that were not, of those that were audited last.
    `healed_before`: orders that earlier audits found and fetched."""

    day: date
    rows: Sequence[AuditedDay]
    unaudited: Sequence[str] = ()
    healed_before: int = 0

    @property
    def state(self) -> DayState:
        states = {DayState(row.state) for row in self.rows}
        if self.unaudited or not states:
            states.add(DayState.NEVER)
        return next(state for state in DayState if state in states)

    def total(self, name: str) -> int:
        """Of one of the figures, over all marketplaces."""
        return sum(getattr(row, name) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Month:
    """How many of the days of a month, until today, are in which state."""

    first: date
    days: Counter[DayState]


def month_before(day: date, months: int = 1) -> date:
    """The first day of the month that is so many months before that of `day`; before year 1 there is none."""
    number = max(day.year * 12 + day.month - 1 - months, 12)
    return date(number // 12, number % 12 + 1, 1)


def lists_orders(kind: str) -> bool:
    """Whether platforms of this kind make lists of orders to compare with."""
    channel = CHANNELS.get(kind)
    return channel is not None and channel.lists_orders


def lists_stock(kind: str) -> bool:
    """Whether platforms of this kind make lists of stock to compare with."""
    channel = CHANNELS.get(kind)
    return channel is not None and channel.lists_stock


def listing_platforms(platforms: QuerySet[Platform]) -> QuerySet[Platform]:
    """Those whose channel makes lists of orders to compare with, and that are active or were audited: with their
    proofs, without the credentials."""
    kinds = [kind for kind in CHANNELS if lists_orders(kind)]
    named = platforms.filter(kind__in=kinds).filter(Q(is_active=True) | Q(order_proof__isnull=False))
    return named.select_related("order_proof").defer("api_config").order_by("name")


def proof_of(platform: Platform) -> OrderProof | None:
    """Of a platform of `listing_platforms`; None: never audited."""
    try:
        return platform.order_proof
    except OrderProof.DoesNotExist:
        return None


def proofs_of(platform_ids: Iterable[int]) -> dict[int, OrderProof]:
    """By platform; those that were never audited are left out. One query."""
    return {proof.platform_id: proof for proof in OrderProof.objects.filter(platform__in=list(platform_ids))}


def current_sites(platform: Platform) -> list[str]:
    """The marketplaces that were audited last, in the order of their ids. Two queries."""
    days = AuditedDay.objects.filter(platform=platform).order_by("-day")
    newest = days.values_list("day", flat=True).first()
    if newest is None:
        return []
    rows = AuditedDay.objects.filter(platform=platform, day=newest).exclude(marketplace_id="")
    return sorted(rows.values_list("marketplace_id", flat=True))


def days_of(
    platform: Platform, first: date, last: date, *, required: Collection[str], site: str = ""
) -> list[Day]:
    """The days from `first` until `last`, both included, in all marketplaces or in one. Two queries."""
    rows = AuditedDay.objects.filter(platform=platform, day__gte=first, day__lte=last)
    if site:
        rows, required = rows.filter(marketplace_id=site), [site]
    by_day: dict[date, list[AuditedDay]] = {}
    for row in rows.order_by("day", "marketplace_id"):
        by_day.setdefault(row.day, []).append(row)
    healed = _healed_before(platform, first, last, site)
    days = [first + number * DAY for number in range((last - first).days + 1)]
    return [
        Day(
            day=day,
            rows=by_day.get(day, []),
            unaudited=sorted(set(required) - {row.marketplace_id for row in by_day.get(day, [])}),
            healed_before=max(0, healed.get(day, 0) - sum(row.healed for row in by_day.get(day, []))),
        )
        for day in days
    ]


def _healed_before(platform: Platform, first: date, last: date, site: str) -> dict[date, int]:
    """By day, how many orders any audit found and fetched: an order that two found is counted once."""
    found = AuditFinding.objects.filter(
        audit__platform=platform, day__gte=first, day__lte=last, outcome=Outcome.HEALED
    )
    if site:
        found = found.filter(marketplace_id=site)
    counted = found.order_by().values_list("day").annotate(Count("external_id", distinct=True))
    return {day: count for day, count in counted if day is not None}


def months_of(platform: Platform, today: date, *, required: Collection[str], site: str = "") -> list[Month]:
    """From the month of the first audited day until this one, the newest first, no more than MOST_MONTHS. One query."""
    first = month_before(today, MOST_MONTHS - 1)
    rows = AuditedDay.objects.filter(platform=platform, day__gte=first, day__lte=today)
    rows = rows.filter(marketplace_id=site) if site else rows
    needed = 1 if site else len(required)
    counts = {
        state.value: Count("pk", filter=Q(state=state)) for state in (State.OPEN, State.NOT_YET, State.HEALED)
    }
    by_day = (
        rows.order_by("day")
        .values_list("day")
        .annotate(sites=Count("pk", filter=~Q(marketplace_id="")), **counts)
    )
    states: dict[date, DayState] = {}
    for day, sites, still_open, not_yet, healed in by_day:
        states[day] = (
            DayState.OPEN if still_open
            else DayState.NEVER if sites < needed
            else DayState.NOT_YET if not_yet
            else DayState.HEALED if healed
            else DayState.PROVEN
        )  # fmt: skip
    if not states:
        return []
    months: dict[date, Counter[DayState]] = {}
    day = min(states).replace(day=1)
    while day <= today:
        months.setdefault(day.replace(day=1), Counter())[states.get(day, DayState.NEVER)] += 1
        day += DAY
    return [Month(first, counted) for first, counted in reversed(months.items())]


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """How far an open audit is: the lists that were compared, of all, and the orders that were settled, of those that
    have to be."""

    lists: int
    of_lists: int
    settled: int
    of_orders: int
    waits_until: datetime | None


def progress_of(audit: OrderAudit) -> AuditProgress:
    """One query."""
    found = audit.findings.exclude(outcome=Outcome.KEPT).order_by()
    counts = found.aggregate(all=Count("pk"), waiting=Count("pk", filter=Q(outcome=Outcome.FOUND)))
    compared = sum(part["is_compared"] for part in audit.parts)
    return AuditProgress(
        compared, len(audit.parts), counts["all"] - counts["waiting"], counts["all"], audit.resume_at
    )
