"""What of audits wants a person: what stays open over a night, audits that failed, and audits that do not come; and
backfills that failed.

In as many queries for any number of platforms. Where the nightly audits are switched off, none is missed, and one that
somebody started and that failed is seen by who started it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery

from integrations.completeness.keeping_up.standing import with_known
from integrations.completeness.stock.failures import OF_A_SKU
from integrations.models import (
    AuditedDay,
    AuditedStock,
    AuditFinding,
    Backfill,
    CatchUp,
    FetchingJob,
    OrderAudit,
    StockAudit,
    StockFinding,
    SyncFailure,
    SyncLog,
)
from integrations.models.jobs import Job
from integrations.registry import CHANNELS
from platforms.models import Platform, Source

OVER_A_NIGHT = timedelta(hours=30)  # what is open for longer, the next nightly audit has not healed
MISSED = timedelta(hours=36)  # without a good audit: one night is left out
TOLD_FOR = timedelta(days=7)  # of a backfill that failed, unless another one is begun
ORDERS, STOCK = SyncLog.Kind.ORDERS, SyncLog.Kind.INVENTORY
OPEN = AuditedDay.State.OPEN
GOOD = (Job.Status.SUCCEEDED, Job.Status.PARTIAL)
LastJobs = list[dict[str, Any]]  # rows of _with_last_jobs
AUDITS: dict[str, Any] = {ORDERS: OrderAudit, STOCK: StockAudit}


@dataclass(frozen=True, slots=True, kw_only=True)
class StillOpen:
    """`count` days of orders, the first of which is `first`; or so many marketplaces of stock. Open since `since`."""

    platform_id: int
    stream: str
    count: int
    since: datetime
    first: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStanding:
    """Of a platform whose nightly audits are due. `failed`: the last audit that was closed, where it failed. `good`:
    when the last one ended that did not fail; `since`: the same, or when the first one could have been expected."""

    platform_id: int
    stream: str
    since: datetime
    good: datetime | None
    failed: Job | None

    def is_missed(self, now: datetime) -> bool:
        return now - self.since > MISSED


def still_open(platforms: Collection[int], before: datetime) -> list[StillOpen]:
    """What of these platforms is open since before that moment. What people have dismissed is not waited for. Two
    queries."""
    days = _waiting_days().filter(platform__in=platforms, open_since__lt=before).order_by()
    counted = days.values_list("platform_id").annotate(
        Count("day", distinct=True), Min("day"), Min("open_since")
    )
    found = [
        StillOpen(platform_id=pk, stream=ORDERS, count=count, since=since, first=first)
        for pk, count, first, since in counted
    ]
    stock = _waiting_stock().filter(platform__in=platforms, open_since__lt=before).order_by()
    sites = stock.values_list("platform_id").annotate(Count("pk"), Min("open_since"))
    return found + [
        StillOpen(platform_id=pk, stream=STOCK, count=count, since=since) for pk, count, since in sites
    ]


@cache
def _waiting_days() -> QuerySet[AuditedDay]:
    """Those with an open order that nobody has dismissed, or with rows that could not be read. Made once, as below."""
    found = AuditFinding.objects.filter(
        audit=OuterRef("audit"),
        day=OuterRef("day"),
        marketplace_id=OuterRef("marketplace_id"),
        outcome=AuditFinding.Outcome.OPEN,
        failure__resolved_at=None,
    )
    return AuditedDay.objects.filter(Q(open=0) | Exists(found), state=OPEN)


@cache
def _waiting_stock() -> QuerySet[AuditedStock]:
    """The same of marketplaces: those with an open SKU that nobody has dismissed, or with rows that could not be
    read."""
    failures = SyncFailure.objects.filter(
        platform=OuterRef("audit__platform"),
        kind=STOCK,
        external_id=OuterRef("sku"),
        error_code__in=OF_A_SKU,
    )
    found = StockFinding.objects.filter(
        audit=OuterRef("audit"), marketplace_id=OuterRef("marketplace_id"), outcome=AuditFinding.Outcome.OPEN
    )
    is_dismissed = Exists(failures.filter(resolution=SyncFailure.Resolution.DISMISSED))
    waiting = found.filter(~is_dismissed | Exists(failures.filter(resolved_at=None)))
    return AuditedStock.objects.filter(Q(open=0) | Exists(waiting), state=OPEN)


def last_jobs(platforms: Collection[int]) -> LastJobs:
    """Of each of these platforms. One query."""
    return list(_with_last_jobs().filter(pk__in=platforms))


def failed_backfills(jobs: LastJobs, now: datetime) -> list[Backfill]:
    """The last backfills, where they failed of late. One query where any failed, otherwise none."""
    ids = [row["backfill"] for row in jobs if row["backfill_status"] == Job.Status.FAILED]
    failed = Backfill.objects.filter(pk__in=ids, finished_at__gt=now - TOLD_FOR)
    return list(failed.only("pk", "platform", "finished_at", "error_message")) if ids else []


def newest_fetching_jobs(platforms: Collection[int], now: datetime) -> list[FetchingJob]:
    """The last backfill and the last catch-up of each, while it is open and for TOLD_FOR after. Two queries."""
    found: list[FetchingJob] = []
    all_jobs: tuple[QuerySet[Any], ...] = (Backfill.objects.all(), with_known(CatchUp.objects.all()))
    for jobs in all_jobs:
        newest = jobs.model.objects.filter(platform__in=platforms).order_by().values("platform")
        shown = jobs.filter(pk__in=newest.annotate(newest=Max("pk")).values("newest"))
        shown = shown.filter(Q(open_key__isnull=False) | Q(finished_at__gt=now - TOLD_FOR))
        found += shown.only("platform_id", "status", "lacking", "resume_at", "window_start")
    return found


def audit_standings(jobs: LastJobs) -> list[AuditStanding]:
    """Of the platforms whose audits are due each night. One query for each stream of which one failed."""
    found = []
    for stream, model in AUDITS.items():
        kinds = _kinds(stream)
        mine = [row for row in jobs if row["kind"] in kinds and row[f"begun_{stream}"]]
        ids = [row[f"last_{stream}"] for row in mine if row[f"status_{stream}"] == Job.Status.FAILED]
        failed = model.objects.defer("parts", "notes").in_bulk(ids) if ids else {}
        for row in mine:
            good = row[f"good_{stream}"]
            found.append(
                AuditStanding(
                    platform_id=row["pk"],
                    stream=stream,
                    since=good or row[f"begun_{stream}"],
                    good=good,
                    failed=failed.get(row[f"last_{stream}"]),
                )
            )
    return found


def _kinds(stream: str) -> list[str]:
    """The kinds of platforms that make lists of this; none where their nightly audits are switched off."""
    setting = settings.AUDIT_ORDERS if stream == ORDERS else settings.AUDIT_INVENTORY
    if setting != "nightly":
        return []
    return [
        kind
        for kind, channel in CHANNELS.items()
        if (channel.lists_orders if stream == ORDERS else channel.lists_stock)
    ]


@cache
def _with_last_jobs() -> QuerySet[Platform, dict[str, Any]]:
    """All platforms, each with the last closed audit of each stream, its status, the end of the last good one, and of
    the first live sync; the last backfill with its status; and since when an open catch-up tries to keep up. Made once:
    to make it takes longer than to read it."""
    backfills = Backfill.objects.filter(platform=OuterRef("pk")).order_by("-pk")
    catch_ups = CatchUp.objects.filter(platform=OuterRef("pk"), open_key__isnull=False)
    columns: dict[str, Any] = {
        "backfill": Subquery(backfills.values("pk")[:1]),
        "backfill_status": Subquery(backfills.values("status")[:1]),
        "catching_up_since": Subquery(catch_ups.values("window_start")[:1]),
    }
    for stream, model in AUDITS.items():
        closed = model.objects.filter(platform=OuterRef("pk"), open_key=None).order_by("-pk")
        syncs = SyncLog.objects.filter(
            platform=OuterRef("pk"), kind=stream, source=Source.LIVE, status__in=SyncLog.GOOD
        )
        columns |= {
            f"last_{stream}": Subquery(closed.values("pk")[:1]),
            f"status_{stream}": Subquery(closed.values("status")[:1]),
            f"good_{stream}": Subquery(closed.filter(status__in=GOOD).values("finished_at")[:1]),
            f"begun_{stream}": Subquery(syncs.order_by("pk").values("finished_at")[:1]),
        }
    platforms: Any = Platform.objects.order_by("name").annotate(**columns)
    return cast("QuerySet[Platform, dict[str, Any]]", platforms.values("pk", "kind", *columns))
