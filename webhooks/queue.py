"""Deliveries: made of changes and of events, picked in order, and settled by what came of an attempt.

Each function is one transaction that carries the caller's lease: a process that has lost it changes nothing.
"""

import logging
from collections.abc import Collection, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.database.retry import retry_on_db_error
from feed.models import Change
from feed.reading import NotYet, TooLate, changes_after
from platforms.models import Platform
from webhooks.client import BUSY, Outcome
from webhooks.emitting import wants
from webhooks.events import (
    OF_SEVERAL,
    TEST,
    body_of,
    change_data,
    event_of,
    kinds_of,
    new_message_id,
    object_key,
)
from webhooks.models import Delivery, Endpoint, Event
from webhooks.pauses import endpoint_pause, is_exhausted, next_attempt
from webhooks.switching import key_of, switch_off

logger = logging.getLogger(__name__)

State = Delivery.State

OF_ATTEMPT = (
    "attempts", "first_attempt_at", "attempted_at", "status", "problem", "answer", "seconds", "state", "delivered_at",
    "next_at",
)  # fmt: skip
AT_ONCE = 500  # rows that are deleted in one statement
MOST_WAITING = (
    1000  # deliveries of one endpoint; further changes and events wait where they are, once for all
)


@retry_on_db_error
def fill(endpoint: Endpoint, token: str, most_waiting: int = MOST_WAITING) -> bool:
    """Make deliveries of the changes behind the endpoint's position. Returns whether more changes are there to be read.

    The position moves in the transaction that stores the deliveries, so that none is left out and none made twice.
    An endpoint that has missed changes that are no longer kept is switched off, which a person is told of.
    """
    room = most_waiting - endpoint.deliveries.filter(state=State.PENDING).count()
    if room <= 0:
        return False
    only = endpoint.platform_ids
    try:
        page = changes_after(
            endpoint.position, kinds=kinds_of(endpoint.events), platform_ids=only, limit=room
        )
    except TooLate:
        switch_off(endpoint, Endpoint.Off.TOO_LATE)
        return False
    except NotYet as early:  # the feed was emptied, or restored without this table
        logger.error("%s had read more changes than there are; it goes on at the newest.", endpoint)
        Endpoint.objects.filter(pk=endpoint.pk, position=endpoint.position).update(position=early.last)
        return False
    wanted = [change for change in page.changes if only is None or change.platform_id in only]
    rows = deliveries_of(endpoint, wanted)
    with transaction.atomic():
        mine = Endpoint.objects.filter(lease_token=token, is_active=True, position=endpoint.position)
        if not _is_as_read(endpoint, mine):
            return False
        mine.filter(pk=endpoint.pk).update(position=page.last)
        Delivery.objects.bulk_create(rows)
    endpoint.position = page.last
    return page.more


@retry_on_db_error
def fill_with_events(endpoint: Endpoint, token: str, most_waiting: int = MOST_WAITING) -> bool:
    """The same for events that are no change, those about itself apart. They stay where they are while the endpoint has
    enough waiting."""
    room = most_waiting - endpoint.deliveries.filter(state=State.PENDING).count()
    if room <= 0:
        return False
    found = list(Event.objects.filter(pk__gt=endpoint.event_position).order_by("pk")[:room])
    if not found:
        return False
    rows = [
        new_delivery(
            endpoint,
            event=each.event,
            object_key=each.object_key,
            platform_id=each.platform_id,
            body=each.body,
        )
        for each in found
        if wants(endpoint, each.event, each.platform_id) and each.object_key != key_of(endpoint)
    ]
    with transaction.atomic():
        mine = Endpoint.objects.filter(
            lease_token=token, is_active=True, event_position=endpoint.event_position
        )
        if not _is_as_read(endpoint, mine):
            return False
        mine.filter(pk=endpoint.pk).update(event_position=found[-1].pk)
        Delivery.objects.bulk_create(rows)
    endpoint.event_position = found[-1].pk
    return len(found) == room


def _is_as_read(endpoint: Endpoint, mine: QuerySet[Endpoint]) -> bool:
    """Whether it is among these, and wants what it wanted: False where somebody else sends for it now, it was switched
    off, or a person narrowed it meanwhile. In a transaction, which keeps its row locked."""
    wanted = mine.select_for_update().filter(pk=endpoint.pk).values_list("events", "platform_ids").first()
    return wanted == (endpoint.events, endpoint.platform_ids)


def new_delivery(endpoint: Endpoint, **values: Any) -> Delivery:
    """Not stored yet. It is due at once."""
    now = timezone.now()
    return Delivery(
        endpoint=endpoint,
        message_id=new_message_id(),
        created_at=now,
        next_at=now,
        **{"external_id": "", **values},
    )


def deliveries_of(endpoint: Endpoint, changes: Sequence[Change]) -> list[Delivery]:
    """Not stored yet."""
    names = dict(Platform.objects.values_list("pk", "name")) if changes else {}
    return [
        new_delivery(
            endpoint,
            event=event_of(change.kind, endpoint.events),
            sequence=change.sequence,
            object_key=object_key(change),
            external_id=change.external_id,
            platform_id=change.platform_id,
            body=body_of(event_of(change.kind, endpoint.events), change.at, change_data(change, names)),
        )
        for change in changes
    ]


def sendable(endpoint: Endpoint, now: datetime) -> QuerySet[Delivery]:
    """Deliveries whose time has come and whose predecessor of the same object is settled, one of each object."""
    earlier = Delivery.objects.filter(
        endpoint=OuterRef("endpoint"),
        object_key=OuterRef("object_key"),
        state=State.PENDING,
        pk__lt=OuterRef("pk"),
    )
    return (
        Delivery.objects.filter(endpoint=endpoint, state=State.PENDING, next_at__lte=now)
        .exclude(Exists(earlier))
        .order_by("pk")
    )


def probe(endpoint: Endpoint, now: datetime) -> QuerySet[Delivery]:
    """The one that finds out whether a receiver that failed is back: not the same one again and again, which may be
    the only one that it does not take."""
    return sendable(endpoint, now).order_by("attempts", "pk")[:1]


@retry_on_db_error
@transaction.atomic
def settle(
    endpoint: Endpoint, attempts: Sequence[tuple[Delivery, Outcome]], token: str, *, has_worked: bool
) -> bool:
    """Store what came of attempts. False where the lease was lost: somebody else repeats them.

    `has_worked` says whether the receiver took another message of the same round before.

    Nothing that was delivered is forgotten otherwise: what the receiver took is settled, whatever else has failed.
    """
    locked = Endpoint.objects.select_for_update().filter(pk=endpoint.pk, lease_token=token).first()
    if locked is None:
        return False
    now = timezone.now()
    failed = [outcome for _delivery, outcome in attempts if not outcome.is_delivered]
    if len(failed) < len(attempts):
        _works(locked, now)
    elif not has_worked:
        _fails(locked, failed[-1], now)
    locked.save(update_fields=["failing_since", "paused_until", "last_delivered_at"])
    for delivery, outcome in attempts:
        _store_attempt(locked, copy(delivery), outcome, now)  # a copy: all of this may be repeated
    if any(outcome.is_gone for outcome in failed):
        switch_off(locked, Endpoint.Off.GONE)
    return True


def _store_attempt(endpoint: Endpoint, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Also gives a message up, or switches the endpoint off, once three days have passed."""
    delivery.attempts += 1
    first = delivery.first_attempt_at = delivery.first_attempt_at or now
    delivery.attempted_at = now
    delivery.status, delivery.problem = outcome.status, outcome.problem
    delivery.answer, delivery.seconds = outcome.answer, outcome.seconds
    if outcome.is_delivered:
        delivery.state, delivery.delivered_at, delivery.next_at = State.DELIVERED, now, None
    elif not is_exhausted(first, now, delivery.attempts):
        delivery.next_at = next_attempt(first, now, outcome.retry_after)
    elif endpoint.last_delivered_at is not None and endpoint.last_delivered_at >= first:
        delivery.state, delivery.next_at = State.FAILED, None  # the receiver takes others, and not this one
    else:
        delivery.next_at = now  # for when somebody switches the endpoint on again
        switch_off(endpoint, Endpoint.Off.FAILING)
    # One that was dropped while it was sent (endpoints.py) is not written again.
    Delivery.objects.filter(pk=delivery.pk).update(**{name: getattr(delivery, name) for name in OF_ATTEMPT})


def _works(endpoint: Endpoint, now: datetime) -> None:
    """Something was delivered. What met no receiver before need not wait for its own next attempt."""
    if endpoint.failing_since is not None:
        pending = Delivery.objects.filter(endpoint=endpoint, state=State.PENDING, next_at__gt=now)
        pending.filter(Q(status=None) | Q(status__in=BUSY)).update(next_at=now)
    endpoint.failing_since, endpoint.paused_until, endpoint.last_delivered_at = None, None, now


def _fails(endpoint: Endpoint, outcome: Outcome, now: datetime) -> None:
    """Nothing of a round was delivered. One message at a time finds out when that changes."""
    since = endpoint.failing_since = endpoint.failing_since or now
    answered = not outcome.is_about_the_receiver
    endpoint.paused_until = endpoint_pause(since, now, outcome.retry_after, answered=answered)


def number_of(state: Delivery.State, platform_ids: Collection[int] | None = None) -> Coalesce:
    """How many deliveries an endpoint has in this state, tests apart, for `annotate`; None: of all platforms. Counted
    in the index, endpoint by endpoint: a join would read all that is kept of a month."""
    deliveries = Delivery.objects.filter(endpoint=OuterRef("pk"), state=state).exclude(event=TEST).order_by()
    if platform_ids is not None:
        deliveries = deliveries.filter(speaks_of(platform_ids))
    return Coalesce(Subquery(deliveries.values("endpoint").annotate(number=Count("pk")).values("number")), 0)


def speaks_of(platform_ids: Collection[int]) -> Q:
    """Deliveries that speak of one of these platforms, or of none. The same as events.may_be_told."""
    return Q(platform_id__in=platform_ids) | (Q(platform_id=None) & ~Q(event__in=OF_SEVERAL))


def prune_deliveries() -> int:
    """Delete settled deliveries that were kept long enough (settings.MAINTENANCE). Returns how many."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_WEBHOOK_DELIVERIES_DAYS)
    old = Delivery.objects.filter(created_at__lt=long_ago).exclude(state=State.PENDING)
    deleted = 0
    while ids := list(
        old.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    ):  # one lock does not last long
        deleted += Delivery.objects.filter(pk__in=ids).delete()[0]
    return deleted


def prune_events() -> int:
    """Delete events that were kept for as long as deliveries are: longer than an endpoint fails before it is switched
    off (settings.MAINTENANCE). Returns how many."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_WEBHOOK_DELIVERIES_DAYS)
    deleted: int = Event.objects.filter(created_at__lt=long_ago).delete()[0]
    return deleted
