""" "Where is my order?": what is known of one order id, what the platform says of it now, and storing that."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from integrations.adapters import ADAPTERS
from integrations.connecting import connected
from integrations.errors import RequestRefused
from integrations.failures import resolve
from integrations.kinds import KINDS
from integrations.models import SyncFailure, SyncLog
from integrations.protocol import RecordFailure
from integrations.storing import store_bisecting
from oms.outcome import Outcome
from orders.changes import Change
from orders.models import Order
from orders.records import OrderRecord
from orders.services import changes_by
from platforms.models import Platform, Source

MOST = 5  # syncs and failures of each kind that are worth a look


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What we know of an order id on one platform without asking it. Newest first.

    `broken`: orders syncs after the last good one that did not end well. `last_good` is live or of the sandbox.
    """

    platform: Platform
    order: Order | None
    failures: Sequence[SyncFailure]
    last_good: SyncLog | None
    open_sync: SyncLog | None
    broken: Sequence[SyncLog]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the platform says of an order. `problem` where it cannot be read; otherwise `record`.

    `changes` is what storing it would change, None where no such order is stored. `covering`: syncs whose window the
    record's times lie in, so that one of them should have brought it; newest first. `refusal`: why it cannot be stored.
    """

    platform: Platform
    source: str
    record: OrderRecord | None
    problem: RecordFailure | None
    changes: list[Change] | None
    covering: Sequence[SyncLog]
    refusal: str = ""


def read_order_id(text: str) -> str:
    """The order id in what somebody pasted. Text that no channel can read is taken for an id as it is."""
    return next(filter(None, (channel.read_order_id(text) for channel in ADAPTERS.values())), text.strip())


def is_likely_id(external_id: str) -> bool:
    """Whether any channel has ids of this form."""
    return any(channel.read_order_id(external_id) == external_id for channel in ADAPTERS.values())


def trails(external_id: str) -> list[Trail]:
    """One for each platform that has the order or a failure of it, or is active. Asks nobody."""
    orders = {
        order.platform_id: order for order in _stored().filter(external_id=external_id, platform__in=_all())
    }
    failed = SyncFailure.objects.filter(
        platform__in=_all(), kind=SyncLog.Kind.ORDERS, external_id=external_id
    )
    failures = list(failed.select_related("log").defer("payload").order_by("-pk")[: 10 * MOST])
    found = []
    for platform in Platform.objects.order_by("pk"):
        here = [failure for failure in failures if failure.platform_id == platform.pk][:MOST]
        order = orders.get(platform.pk)
        if order or here or platform.is_active:
            found.append(_trail(platform, order, here))
    return found


def ask(platform: Platform, external_id: str) -> Answer:
    """Ask the platform for the order, storing nothing. Raises PlatformError where it cannot be asked or refuses."""
    source, records, problems = _fetch(platform, external_id)
    stored = _stored().filter(platform=platform, external_id=external_id).first()
    if problems:
        return Answer(
            platform=platform, source=source, record=None, problem=problems[0], changes=None, covering=()
        )
    record = records[0]
    return Answer(
        platform=platform,
        source=source,
        record=record,
        problem=None,
        changes=changes_by(platform=platform, record=record),
        covering=_covering(platform, record),
        refusal=_why_not(platform, stored, source),
    )


def store(platform: Platform, external_id: str, *, user: User | None = None) -> tuple[Order, Outcome]:
    """Ask again, and store what the platform says, as a sync would; open failures of the order are resolved.

    Raises PlatformError where the platform does not deliver it, or it cannot be stored; nothing is changed then.
    """
    failures = SyncFailure.objects.open().filter(
        platform=platform, kind=SyncLog.Kind.ORDERS, external_id=external_id
    )
    known = list(failures.values_list("pk", flat=True))  # a later one is about a later copy
    source, records, problems = _fetch(platform, external_id)
    stored = _stored().filter(platform=platform, external_id=external_id).first()
    if refusal := _why_not(platform, stored, source):
        raise RequestRefused(refusal, code="other_source")
    kind = KINDS[SyncLog.Kind.ORDERS]
    with transaction.atomic():
        outcome, refused = store_bisecting(
            records, lambda each: kind.store(platform, each, source, None), kind.id_of
        )
        for problem in [*problems, *refused]:
            raise RequestRefused(f"Nothing was stored. {problem.message}", code=problem.code)
        resolve(failures.filter(pk__in=known).settled_by(source), SyncFailure.Resolution.REPLAYED, user)
    return _stored().get(platform=platform, external_id=external_id), outcome


def _fetch(
    platform: Platform, external_id: str
) -> tuple[str, Sequence[OrderRecord], Sequence[RecordFailure]]:
    platform.encrypt_plain_config()
    with connected(platform) as adapter:
        records, problems = KINDS[SyncLog.Kind.ORDERS].one(adapter, external_id)
        return adapter.source, records, problems


def _why_not(platform: Platform, stored: Order | None, source: str) -> str:
    if stored is None or stored.source != Source.LIVE or source == Source.LIVE:
        return ""
    return (
        f"The order is stored as live data, but platform {platform.name} is set to its {source} now, whose answers "
        "never replace live data."
    )


def _trail(platform: Platform, order: Order | None, failures: Sequence[SyncFailure]) -> Trail:
    logs = (
        SyncLog.objects.filter(platform=platform, kind=SyncLog.Kind.ORDERS)
        .defer("checkpoint")
        .order_by("-pk")
    )
    last_good = logs.filter(status__in=SyncLog.GOOD).exclude(source=Source.MOCK).first()
    later = logs.filter(pk__gt=last_good.pk) if last_good else logs
    return Trail(
        platform=platform,
        order=order,
        failures=failures,
        last_good=last_good,
        open_sync=logs.filter(status__in=SyncLog.OPEN).first(),
        broken=list(
            later.filter(
                status__in=(SyncLog.Status.FAILED, SyncLog.Status.FALLBACK, SyncLog.Status.CANCELLED)
            )[:MOST]
        ),
    )


def _covering(platform: Platform, record: OrderRecord) -> list[SyncLog]:
    updated, created = record.platform_updated_at, record.purchased_at
    by_updated = Q(window_by=SyncLog.WindowBy.UPDATED, window_start__lte=updated, window_end__gt=updated)
    by_created = Q(window_by=SyncLog.WindowBy.CREATED, window_start__lte=created, window_end__gt=created)
    logs = SyncLog.objects.filter(by_updated | by_created, platform=platform, kind=SyncLog.Kind.ORDERS)
    return list(logs.exclude(source=Source.MOCK, error_code="").defer("checkpoint").order_by("-pk")[:MOST])


def _stored() -> QuerySet[Order]:
    return Order.objects.select_related("platform").defer("payload", "platform__api_config")


def _all() -> list[int]:
    return list(Platform.objects.values_list("pk", flat=True))
