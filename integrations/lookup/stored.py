"""What is stored about an order id: the order, its failures, and syncs that may explain why it is missing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber

from integrations.channel import Site
from integrations.models import StreamState, SyncFailure, SyncLog
from integrations.registry import sites_of
from integrations.sync.streams.states import with_states
from orders.models import Order, OrderPackage
from orders.search import all_platforms, find_orders, is_part_of_id
from platforms.models import Platform, Source

MOST = 5  # the most syncs and failures that are shown for each platform
Row = TypeVar("Row", SyncFailure, SyncLog)
BROKEN = (SyncLog.Status.FAILED, SyncLog.Status.FALLBACK, SyncLog.Status.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrder:
    """What we know of an order id on one platform. Newest first.

    `broken`: orders syncs after the last good one that did not end well. `last_good` is live or of the sandbox.
    `fetched`: the channel's sites, such as marketplaces, whose orders are complete up to the watermark.
    """

    platform: Platform
    order: Order | None
    failures: Sequence[SyncFailure]
    last_good: SyncLog | None
    open_sync: SyncLog | None
    broken: Sequence[SyncLog]
    fetched: Sequence[Site] = ()


def known_orders(external_id: str, visible: Collection[int] | None = None) -> list[KnownOrder]:
    """One for each platform that has the order or a failure of it, or is active; of the visible ones, None: of all. As
    many queries for any number."""
    orders = {order.platform_id: order for order in _orders(external_id)}
    failures = _by_platform(_failures(external_id, all_platforms() if visible is None else visible))
    platforms = [
        platform
        for platform in _with_syncs(Platform.objects.order_by("pk"))
        if visible is None or platform.pk in visible
        if platform.is_active or platform.pk in orders or platform.pk in failures
    ]
    good: dict[int, int | None] = {platform.pk: platform.good for platform in platforms}  # type: ignore[attr-defined]
    still_open = _open()
    syncs = SyncLog.objects.defer("checkpoint").in_bulk({pk for pk in good.values() if pk})
    broken, fetched = _by_platform(_broken(good)), _fetched()
    return [
        KnownOrder(
            platform=platform,
            order=orders.get(platform.pk),
            failures=failures.get(platform.pk, ()),
            last_good=syncs.get(good[platform.pk]),
            open_sync=still_open.get(platform.pk),
            broken=broken.get(platform.pk, ()),
            fetched=sites_of(platform.kind, fetched.get(platform.pk, ())),
        )
        for platform in platforms
    ]


def order_id_of_package(tracking_number: str, visible: Collection[int] | None = None) -> str:
    """The id of the newest order of these platforms that has a package with this tracking number; "" where there is
    none."""
    packages = OrderPackage.objects.filter(tracking_number=tracking_number).order_by("-order_id")
    if visible is not None:
        packages = packages.filter(order__platform__in=visible)
    return packages.values_list("order__external_id", flat=True).first() or ""


def orders_like(text: str, visible: Collection[int] | None = None) -> list[Order]:
    """Orders of these platforms with `text` in the middle of their id, the newest MOST; [] where the text does not look
    like a part of an id."""
    if not is_part_of_id(text):
        return []
    found = find_orders(stored_orders(), text).orders.order_by("-purchased_at", "-pk")
    return list((found if visible is None else found.filter(platform__in=visible))[: 2 * MOST])


def _fetched() -> dict[int, list[str]]:
    """By platform the parts of the account that the watermark of orders is valid for."""
    states = StreamState.objects.filter(stream=SyncLog.Kind.ORDERS)
    return {pk: scope.split(",") for pk, scope in states.values_list("platform_id", "watermark_scope")}


def stored_orders() -> QuerySet[Order]:
    return Order.objects.select_related("platform").defer("payload", "platform__api_config")


def _orders(external_id: str) -> QuerySet[Order]:
    return stored_orders().filter(external_id=external_id, platform__in=all_platforms())


def _failures(external_id: str, platforms: Collection[int]) -> QuerySet[SyncFailure]:
    found = SyncFailure.objects.filter(
        platform__in=platforms, kind=SyncLog.Kind.ORDERS, external_id=external_id
    )
    newest = found.annotate(place=_place()).filter(place__lte=MOST)
    return newest.select_related("log").defer("payload").order_by("-pk")


def _with_syncs(platforms: QuerySet[Platform]) -> QuerySet[Platform]:
    """Each with its watermark, and the id of its last `good` orders sync."""
    logs = SyncLog.objects.filter(platform=OuterRef("pk"), kind=SyncLog.Kind.ORDERS).order_by("-pk")
    good = _good(logs.exclude(trigger=SyncLog.Trigger.LOOK_BACK))
    return with_states(platforms).annotate(good=Subquery(good.values("pk")[:1]))


def _open() -> dict[int, SyncLog]:
    """By platform the newest orders sync that is open, deferred ones apart. All that are open are read, which are few,
    and asked for by a range of the keys that they alone have: otherwise SQLite looks through all syncs."""
    logs = SyncLog.objects.filter(open_key__gt="").defer("checkpoint").order_by()
    return {
        log.platform_id: log
        for log in sorted(logs, key=lambda log: log.pk)
        if log.kind == SyncLog.Kind.ORDERS
        and log.status in SyncLog.OPEN
        and log.status != SyncLog.Status.DEFERRED
        and log.trigger != SyncLog.Trigger.LOOK_BACK
    }


def _broken(good: Mapping[int, int | None]) -> QuerySet[SyncLog]:
    """Of each platform those after its last good sync; said for each, so that an index leads to no others."""
    later = Q(pk__in=())
    for platform_id, pk in good.items():
        later |= Q(platform=platform_id, kind=SyncLog.Kind.ORDERS, pk__gt=pk or 0)
    logs = SyncLog.objects.filter(later, status__in=BROKEN)
    return logs.annotate(place=_place()).filter(place__lte=MOST).defer("checkpoint").order_by("-pk")


def _place() -> Window:
    """Among the rows of its platform, the newest first."""
    return Window(RowNumber(), partition_by=F("platform"), order_by=F("pk").desc())


def _good(logs: QuerySet[SyncLog]) -> QuerySet[SyncLog]:
    return logs.filter(status__in=SyncLog.GOOD).exclude(source=Source.MOCK)


def _by_platform(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """By platform."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.platform_id].append(row)
    return found
