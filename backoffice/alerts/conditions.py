"""What people are told of, if it is so now. In a fixed number of queries, whatever there is.

The home page shows the same: it has platforms and processes from here, and the rest from the tiles that this has from
it. `say` makes a sentence in the language and time zone that are active when it is called. Live rows of active
platforms alone count.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from access.administrators import new_ones
from audit import shipping
from backoffice.alerts.sender import sender_is_silent
from backoffice.completeness import wording as completeness
from backoffice.home import attention, health, sign_ins
from backoffice.scheduled.models import ScheduledExport, ScheduledExportQuerySet
from backoffice.scheduled.wording import failing_line
from backoffice.shipping.presentation import stopped_line, unsent_line
from integrations.completeness.keeping_up.standing import unknown_for_long
from integrations.completeness.standing import (
    ORDERS,
    OVER_A_NIGHT,
    audit_standings,
    failed_backfills,
    last_jobs,
    still_open,
)
from integrations.lookup.renewals import renewals_of, set_at
from integrations.models import SyncFailure
from integrations.schedule.due import Reason, attach_dues, dues_of
from integrations.schedule.leadership import scheduler_is_silent
from integrations.schedule.looks import last_seen
from integrations.shipping.overview import Standing, standings
from integrations.sync.backlog import backlog, workers_are_silent
from inventory.models import InventoryItem
from orders.models import Order, Shipment
from orders.shipping import Deadline, deadline_filters, due_within
from platforms.models import Platform, Source

FAILURES_OPEN_FOR = timedelta(days=1)
UNSENT_FOR = timedelta(hours=1)
State = Shipment.State
UNUSABLE = (health.State.CREDENTIALS, health.State.REFUSED)


class Kind(models.TextChoices):
    STOPPED = "stopped", _("Platform stopped")
    REFUSED = "refused", _("Platform refused")
    LAGGING = "lagging", _("No good sync for long")
    CREDENTIALS = "credentials", _("Credentials to be renewed")
    FAILURES = "failures", _("Records not stored for a day")
    OVERDUE = "overdue", _("Orders overdue")
    DUE = "due", _("Orders due soon")
    STOCK = "stock", _("Low or out of stock")
    SCHEDULER = "scheduler", _("Scheduler silent")
    WORKERS = "workers", _("Workers silent")
    QUEUE = "queue", _("Queue down")
    SENDER = "sender", _("Sender of webhooks and alerts silent")
    LOCKED = "locked", _("Signing in locked")
    GUESSING = "guessing", _("Many failed attempts to sign in")
    TOKENS = "tokens", _("API refuses addresses that guess tokens")
    ADMINISTRATOR = "administrator", _("New administrator")
    SHIPPING = "shipping", _("Audit not shipped")
    KNOWN_TOKEN = "known_token", _("Part of an API token is known")
    REJECTED = "rejected", _("Shipments rejected")
    UNVERIFIED = "unverified", _("Shipments unverified")
    UNSENT = "unsent", _("Shipments not sent")
    WRITING = "writing", _("Writing stopped while shipments wait")
    EXPORTS = "exports", _("Scheduled export not sent")
    INCOMPLETE = "incomplete", _("Days or stock open over a night")
    AUDITS = "audits", _("Audit of orders or stock failed or missing")
    BACKFILL = "backfill", _("Backfill of orders failed")


# Who may be told of it: those who may see it.
PERMISSIONS = {
    Kind.STOPPED: "platforms.view_platform",
    Kind.REFUSED: "platforms.view_platform",
    Kind.LAGGING: "platforms.view_platform",
    Kind.CREDENTIALS: "platforms.view_platform",
    Kind.FAILURES: "integrations.view_syncfailure",
    Kind.OVERDUE: "orders.view_order",
    Kind.DUE: "orders.view_order",
    Kind.STOCK: "inventory.view_inventoryitem",
    Kind.SCHEDULER: "integrations.view_synclog",
    Kind.WORKERS: "integrations.view_synclog",
    Kind.QUEUE: "integrations.view_synclog",
    Kind.SENDER: "integrations.view_synclog",
    Kind.LOCKED: "auth.change_user",
    Kind.GUESSING: "auth.change_user",
    Kind.TOKENS: "auth.change_user",
    Kind.KNOWN_TOKEN: "auth.change_user",
    Kind.ADMINISTRATOR: "auth.change_user",
    Kind.SHIPPING: "audit.view_auditentry",
    Kind.REJECTED: "orders.view_shipment",
    Kind.UNVERIFIED: "orders.view_shipment",
    Kind.UNSENT: "orders.view_shipment",
    Kind.WRITING: "orders.view_shipment",
    Kind.EXPORTS: "oms.view_scheduledexport",
    Kind.INCOMPLETE: "integrations.view_synclog",
    Kind.AUDITS: "integrations.view_synclog",
    Kind.BACKFILL: "integrations.view_synclog",
}
OF_PLATFORMS = (Kind.STOPPED, Kind.REFUSED, Kind.LAGGING, Kind.CREDENTIALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`key` stays the same while it lasts, whatever its numbers are; a higher `level` is told again.

    `facts` are numbers and names for programs; `href` is the page that shows it.
    """

    kind: Kind
    say: Callable[[], str]
    href: str
    platform: Platform | None = None
    subject: str = ""  # which of several of this kind, of one platform
    since: datetime | None = None
    level: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return ":".join(str(part) for part in (self.kind.value, self.platform_id, self.subject) if part)

    def shown(self) -> dict[str, str]:
        """For a page, in the active language."""
        return {"title": title_of(self.kind, self.platform), "sentence": self.say(), "href": self.href}

    @property
    def platform_id(self) -> int | None:
        return self.platform.pk if self.platform else None


def evaluate(now: datetime | None = None) -> list[Condition]:
    """All that is so. Raises DatabaseError; a queue that is down is a condition."""
    now = now or timezone.now()
    healths = health.of_platforms()
    platforms = {item.platform.pk: item.platform for item in healths if item.platform.is_active}
    return [
        *of_platforms(healths, now),
        *_of_failures(platforms, now),
        *of_completeness(healths, now),
        *_of_orders(platforms, now),
        *_of_stock(platforms),
        *of_shipments(list(platforms.values()), now),
        *of_processes(now),
        *of_sign_ins(now),
        *of_administrators(),
        *of_shipping(now),
        *of_exports(ScheduledExport.objects.all()),
    ]


def of_platforms(healths: Sequence[health.Health], now: datetime) -> Iterator[Condition]:
    """What is so of those that are active. No query where none of their streams lags."""
    attach_dues([item.platform for item in healths if any(_late_streams(item, now))])
    for item in healths:
        platform = item.platform
        if not platform.is_active:
            continue
        say = partial(_sentence, item)
        had_credentials = platform.is_configured or any(item.good.values())
        if item.state == health.State.CREDENTIALS and had_credentials:
            yield Condition(kind=Kind.STOPPED, say=say, platform=platform, href=item.href)
        elif item.state == health.State.REFUSED:
            yield Condition(kind=Kind.REFUSED, say=say, platform=platform, href=item.href)
        elif platform.is_configured:
            yield from _lagging(item, now)
        yield from _expiring(item, now)


def _sentence(shown: health.Health | attention.Tile) -> str:
    return shown.sentence


def _lagging(item: health.Health, now: datetime) -> Iterator[Condition]:
    for stream, since in _late_streams(item, now):
        if dues_of(item.platform)[stream].reason == Reason.ABSENT:
            continue  # there is nothing that could be late
        good, minutes = item.good[stream], item.intervals[stream]
        yield Condition(
            kind=Kind.LAGGING,
            say=partial(health.lag_line, stream, good, minutes),
            platform=item.platform,
            subject=stream,
            since=since,
            href=item.href,
            facts={"stream": stream, "interval": minutes},
        )


def _late_streams(item: health.Health, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Streams whose last good sync is too long ago, each with since when nothing came."""
    if not (item.platform.is_active and item.platform.is_configured):
        return
    for stream, minutes in item.intervals.items():
        since = item.good[stream] or _begin_of(item.platform)
        if minutes and now - since > timedelta(minutes=minutes * settings.ALERTS_LAG_INTERVALS):
            yield stream, since


def _begin_of(platform: Platform) -> datetime:
    """From when on a first sync could be expected: since its credentials are these."""
    return max([platform.created_at, *set_at(platform).values()])


def _expiring(item: health.Health, now: datetime) -> Iterator[Condition]:
    for renewal in renewals_of(item.platform):
        reached = renewal.level(now)
        if reached:
            yield Condition(
                kind=Kind.CREDENTIALS,
                say=partial(health.renewal_line, renewal, now),
                platform=item.platform,
                subject=renewal.name,
                since=renewal.set_at,
                level=reached,
                href=item.href,
                facts={"value": renewal.name, "days": renewal.age(now)},
            )


def _of_failures(platforms: dict[int, Platform], now: datetime) -> Iterator[Condition]:
    waiting = SyncFailure.objects.open().order_by().values_list("platform_id")
    for pk, count, oldest in waiting.annotate(Count("pk"), Min("created_at")):
        if pk in platforms and now - oldest >= FAILURES_OPEN_FOR:
            tile = attention.failures_tile(count, platform__id__exact=pk)
            yield _of_tile(Kind.FAILURES, tile, platforms[pk], since=oldest)


def of_completeness(healths: Sequence[health.Health], now: datetime) -> Iterator[Condition]:
    """What of audits, backfills and keeping up wants somebody, of active platforms. Three queries, one more for
    backfills and for each stream of audits where one failed, and where a catch-up is open. Where access is refused,
    that is what people are told of: no audit can end well then."""
    platforms = {item.platform.pk: item.platform for item in healths if item.platform.is_active}
    for still in still_open(platforms, now - OVER_A_NIGHT):
        yield _of_audits(
            Kind.INCOMPLETE,
            platforms[still.platform_id],
            still.stream,
            say=partial(completeness.open_line, still),
            since=still.since,
            href=completeness.open_href(still),
            facts={"stream": still.stream, "count": still.count},
        )
    jobs = last_jobs(platforms)
    for backfill in failed_backfills(jobs, now):
        yield Condition(
            kind=Kind.BACKFILL,
            platform=platforms[backfill.platform_id],
            subject=str(backfill.pk),
            say=partial(completeness.backfill_line, backfill),
            since=backfill.finished_at,
            href=completeness.completeness_of(backfill.platform_id, completeness.HISTORY_ON_PAGE),
        )
    refused = {item.platform.pk for item in healths if item.state in UNUSABLE}
    jobs = [each for each in jobs if each["pk"] not in refused]
    behind = {each["pk"]: each["catching_up_since"] for each in jobs if each["catching_up_since"]}
    for unknown in unknown_for_long(behind, now):
        yield _of_audits(
            Kind.INCOMPLETE,
            platforms[unknown.platform_id],
            "changes",
            say=partial(completeness.unknown_line, unknown),
            since=unknown.since,
            href=completeness.completeness_of(unknown.platform_id, "keeping-up"),
            facts={"stream": ORDERS},
        )
    for standing in audit_standings(jobs):
        failed = standing.failed
        if failed or standing.is_missed(now):
            yield _of_audits(
                Kind.AUDITS,
                platforms[standing.platform_id],
                standing.stream,
                say=partial(completeness.audit_line, standing),
                since=failed.finished_at if failed else standing.since,
                href=completeness.audit_href(standing),
                facts={"stream": standing.stream},
            )


def _of_audits(kind: Kind, platform: Platform, stream: str, **values: Any) -> Condition:
    return Condition(kind=kind, platform=platform, subject=stream, **values)


def _of_orders(platforms: dict[int, Platform], now: datetime) -> Iterator[Condition]:
    hours = settings.ALERTS_DUE_HOURS
    counted = Order.objects.business(Source.LIVE).to_ship().order_by().values_list("platform_id")
    overdue, due = deadline_filters(now)[Deadline.OVERDUE], due_within(timedelta(hours=hours), now)
    counts = counted.annotate(
        overdue=Count(attention.COUNTED, filter=overdue), due=Count(attention.COUNTED, filter=due)
    )
    for pk, late, soon in counts:
        if pk not in platforms:
            continue
        if late:
            tile = attention.to_ship_tile(Deadline.OVERDUE, late, Source.LIVE, platform__id__exact=pk)
            yield _of_tile(Kind.OVERDUE, tile, platforms[pk])
        if soon:
            tile = attention.due_tile(hours, soon, Source.LIVE, platform__id__exact=pk)
            yield _of_tile(Kind.DUE, tile, platforms[pk])


def _of_stock(platforms: dict[int, Platform]) -> Iterator[Condition]:
    low = InventoryItem.objects.low(Source.LIVE).order_by().values_list("platform_id")
    for pk, skus, listings in low.annotate(**attention.SKUS_AND_LISTINGS):
        if pk in platforms:
            tile = attention.low_stock_tile(skus, listings, Source.LIVE, platform__id__exact=pk)
            yield _of_tile(Kind.STOCK, tile, platforms[pk])


def _of_tile(
    kind: Kind, tile: attention.Tile, platform: Platform, since: datetime | None = None
) -> Condition:
    return Condition(
        kind=kind,
        say=partial(_sentence, tile),
        platform=platform,
        since=since,
        href=tile.href,
        facts={"count": tile.count},
    )


def of_processes(now: datetime) -> Iterator[Condition]:
    """Whether scheduler, sender, queue and workers work. At most six queries. Raises DatabaseError."""
    seen_at, looked = last_seen()
    syncs = reverse("admin:integrations_synclog_changelist")
    if scheduler_is_silent(seen_at, now):
        yield Condition(
            kind=Kind.SCHEDULER, say=partial(health.scheduler_line, seen_at), since=seen_at, href=syncs
        )
    if sender_is_silent(looked, now):
        yield Condition(
            kind=Kind.SENDER,
            say=partial(health.sender_line, looked),
            since=looked,
            href=reverse("my-alerts"),
        )
    try:
        waiting = backlog()
    except (RedisError, OSError):
        yield Condition(kind=Kind.QUEUE, say=health.queue_line, href=syncs)
        return
    if workers_are_silent(waiting, now):
        yield Condition(
            kind=Kind.WORKERS,
            say=partial(health.workers_line, waiting.messages, waiting.oldest),
            since=waiting.oldest,
            href=syncs,
            facts={"messages": waiting.messages},
        )


def of_sign_ins(now: datetime) -> Iterator[Condition]:
    """Whether somebody tried to get in within the last hour; told again whenever it has doubled. One query. Raises
    DatabaseError."""
    found = sign_ins.attempts_before(now)
    entries = reverse("admin:audit_auditentry_changelist")
    for kind, count, least, line, href in (
        (Kind.LOCKED, found.locks, 1, sign_ins.locked_line, reverse("admin:auth_user_changelist")),
        (
            Kind.GUESSING,
            found.failed,
            settings.ALERTS_FAILED_SIGN_INS,
            sign_ins.failed_line,
            f"{entries}?action=login.failed",
        ),
        (Kind.TOKENS, found.addresses, 1, sign_ins.refused_line, f"{entries}?action=token.locked"),
        (Kind.KNOWN_TOKEN, found.tokens, 1, sign_ins.guessed_line, f"{entries}?action=token.guessed"),
    ):
        if count >= least:
            yield Condition(
                kind=kind,
                say=partial(line, found),
                level=(count // least).bit_length(),
                href=href,
                facts={"count": count},
            )


def of_administrators() -> Iterator[Condition]:
    """Whether somebody has become one within the last day. One query. Raises DatabaseError."""
    if count := new_ones().count():
        yield Condition(
            kind=Kind.ADMINISTRATOR,
            say=partial(sign_ins.administrators_line, count),
            level=count.bit_length(),
            href=f"{reverse('admin:audit_auditentry_changelist')}?action=administrator.appeared",
            facts={"count": count},
        )


def of_shipping(now: datetime) -> Iterator[Condition]:
    """Whether entries of the audit leave the database. Three queries a place. Raises DatabaseError."""
    for waiting in shipping.waiting():
        if waiting.is_stuck(now):
            yield Condition(
                kind=Kind.SHIPPING,
                say=partial(health.shipping_line, waiting),
                subject=waiting.place,
                since=waiting.refused_at or waiting.since,
                href=reverse("admin:audit_auditentry_changelist"),
                facts={"place": waiting.place, "count": waiting.entries},
            )


def of_exports(exports: ScheduledExportQuerySet) -> Iterator[Condition]:
    """Which of these were not sent as planned. One query. Raises DatabaseError."""
    failing = exports.filter(is_active=True, failing_since__isnull=False)
    for export in failing.with_last_run():
        yield Condition(
            kind=Kind.EXPORTS,
            say=partial(failing_line, export),
            subject=str(export.pk),
            since=export.failing_since,
            href=reverse("admin:oms_scheduledexport_change", args=[export.pk]),
            facts={"name": export.name},
        )


def of_shipments(platforms: Sequence[Platform], now: datetime) -> Iterator[Condition]:
    """Live shipments of these platforms that somebody has to look at, and those that wait for long. One query where
    nothing waits, four more otherwise."""
    shown = attention.shipments([platform.pk for platform in platforms])
    for platform in platforms:
        for kind, state in ((Kind.REJECTED, State.REJECTED), (Kind.UNVERIFIED, State.UNVERIFIED)):
            if tile := shown.tiles.get((platform.pk, state)):
                yield _of_tile(kind, tile, platform)
    waiting = [platform for platform in platforms if platform.pk in shown.waiting_since]
    found = standings(waiting) if waiting else {}
    for standing in found.values():
        platform, since = standing.platform, shown.waiting_since[standing.platform.pk]
        if standing.stop:  # by platform: who is confined is not told how many wait elsewhere
            yield _of_waiting(Kind.WRITING, standing, stopped_line, reverse("writing"))
        elif now - since >= UNSENT_FOR:
            queued = {"state__in": State.QUEUED, "platform__id__exact": platform.pk}
            href = attention.list_of("orders_shipment", **queued)
            yield _of_waiting(Kind.UNSENT, standing, unsent_line, href, since)


def _of_waiting(
    kind: Kind, standing: Standing, line: Callable[[Standing], str], href: str, since: datetime | None = None
) -> Condition:
    return Condition(
        kind=kind,
        say=partial(line, standing),
        platform=standing.platform,
        since=since,
        href=href,
        facts={"count": standing.waiting},
    )


def title_of(kind: str, platform: Platform | None) -> str:
    """ "shop-de: Orders overdue", in the active language."""
    label = str(Kind(kind).label) if kind in Kind.values else kind
    return f"{platform}: {label}" if platform else label
