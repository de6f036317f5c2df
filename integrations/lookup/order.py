""" "Where is my order?": asks the platform for one order, compares it with the stored one, and stores it on request."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from core.outcome import Outcome
from core.text import storable
from integrations.errors import ConfigError, RequestRefused
from integrations.lookup.stored import MOST, stored_orders
from integrations.models import SyncFailure, SyncLog
from integrations.protocol import Adapter, RecordFailure
from integrations.registry import CHANNELS
from integrations.sync.connection import connected
from integrations.sync.failures import resolve
from integrations.sync.storing import store_bisecting
from integrations.sync.streams.orders import IS_NOT_IN_FULL, NOT_IN_FULL, OrdersStream
from orders.changes import Change
from orders.models import Order
from orders.records import OrderRecord
from orders.services import changes_by
from platforms.models import Platform, Source

STREAM = OrdersStream()


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
    return next(filter(None, (channel.read_order_id(text) for channel in CHANNELS.values())), text.strip())


def is_likely_id(external_id: str) -> bool:
    """Whether any channel has ids of this form."""
    return any(channel.read_order_id(external_id) == external_id for channel in CHANNELS.values())


def ask(platform: Platform, external_id: str) -> Answer:
    """Ask the platform for the order, storing nothing. Raises PlatformError where it cannot be asked or refuses."""
    source, records, problems = _fetch(platform, external_id)
    stored = stored_orders().filter(platform=platform, external_id=external_id).first()
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


def store(
    platform: Platform,
    external_id: str,
    *,
    user: User | None = None,
    adapter: Adapter | None = None,
    live_only: bool = False,
    anew: bool = False,
    in_full: bool = False,
) -> tuple[Order, Outcome]:
    """Ask again, and store what the platform says, as a sync would; open failures of the order that syncs met are
    resolved, and so are those of backfills where it is here in full. `live_only`: it has to be live data. `anew`: it is
    written even where it is said to be what is stored. `in_full`: it has to be here in full afterwards; otherwise what
    it says is stored, and no failure is resolved.

    `adapter` is one that is connected for orders, for who stores many. Raises PlatformError where the platform does not
    deliver it, or it cannot be stored; nothing is changed then, but for what is not `in_full`.
    """
    failures = SyncFailure.objects.open().filter(
        platform=platform, kind=STREAM.name, external_id=external_id, audit=None
    )
    known = list(failures.values_list("pk", flat=True))  # a later one is about a later copy
    source, records, problems = _fetch(platform, external_id, adapter)
    stored = stored_orders().filter(platform=platform, external_id=external_id).first()
    if refusal := _why_not(platform, stored, source):
        raise RequestRefused(refusal, code="other_source")
    if live_only and source != Source.LIVE:
        raise ConfigError(
            f"The order is live data, but platform {platform.name} is set to its {source} now. Nothing was changed. "
            "Store the production credentials again and repeat it.",
            code="other_source",
        )
    with transaction.atomic():
        if anew:
            Order.objects.filter(platform=platform, external_id=external_id).update(content_hash="")
        outcome, refused = store_bisecting(
            records, lambda some: STREAM.store(platform, some, source, None), STREAM
        )
        for problem in [*problems, *refused]:
            raise RequestRefused(f"Nothing was stored. {problem.message}", code=problem.code)
        order = stored_orders().get(platform=platform, external_id=external_id)
        is_settled = order.is_full or not in_full
        if is_settled:
            settled = failures.filter(pk__in=known).settled_by(source, is_in_full=order.is_full)
            resolve(settled, SyncFailure.Resolution.REPLAYED, user)
    if not is_settled:
        raise RequestRefused(NOT_IN_FULL, code=IS_NOT_IN_FULL)
    return order, outcome


def _fetch(
    platform: Platform, external_id: str, adapter: Adapter | None = None
) -> tuple[str, Sequence[OrderRecord], Sequence[RecordFailure]]:
    if adapter is None:
        platform.encrypt_plain_config()
        with connected(platform, STREAM.name) as own:
            return _fetch(platform, external_id, own)
    records, problems = STREAM.fetch(adapter, external_id)
    return adapter.source, storable(records), problems


def _why_not(platform: Platform, stored: Order | None, source: str) -> str:
    if stored is None or stored.source != Source.LIVE or source == Source.LIVE:
        return ""
    return (
        f"The order is stored as live data, but platform {platform.name} is set to its {source} now, whose answers "
        "never replace live data."
    )


def _covering(platform: Platform, record: OrderRecord) -> list[SyncLog]:
    updated, created = record.platform_updated_at, record.purchased_at
    by_updated = Q(window_by=SyncLog.WindowBy.UPDATED, window_start__lte=updated, window_end__gt=updated)
    by_created = Q(window_by=SyncLog.WindowBy.CREATED, window_start__lte=created, window_end__gt=created)
    logs = SyncLog.objects.filter(by_updated | by_created, platform=platform, kind=STREAM.name)
    logs = logs.exclude(source=Source.MOCK, error_code="").order_by("-pk")
    # Not those that left the order's own part of the account out.
    return [log for log in logs[:MOST] if record.marketplace_id not in log.checkpoint.get("unread", ())]
