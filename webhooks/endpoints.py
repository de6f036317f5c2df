"""What people do with endpoints: add one, give it another secret, try it out, repeat what it was told."""

import queue
import threading
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.recording import record
from core.database.clock import DatabaseNow
from feed.reading import last_sequence, number_committed
from webhooks.client import Outcome, WebhookClient
from webhooks.emitting import last_event
from webhooks.events import TEST, body_of, may_be_told, new_message_id, permissions_to_see
from webhooks.models import Delivery, Endpoint
from webhooks.queue import speaks_of
from webhooks.signing import UnreadableSecret, first_secret, rotated, signed_headers, valid_secrets
from webhooks.switching import switch_off, switch_on

State = Delivery.State

TEST_SECONDS = 4.5  # for which a person waits for a test, and with them a process of the web server
GRACE = 0.5  # until it is noticed that they are over


class SwitchedOff(Exception):
    """Nothing is sent to this endpoint until it is switched on."""


class IsTest(Exception):
    """A test is not sent again."""


class NotTold(Exception):
    """The endpoint is no longer told of this platform."""


def add_endpoint(endpoint: Endpoint) -> str:
    """Store a new endpoint, which is told of what changes from now on. Returns its secret, to be shown once."""
    secret, endpoint.signing_secrets = first_secret()
    endpoint.position, endpoint.event_position = last_sequence(), last_event()
    if not endpoint.is_active:
        endpoint.off_reason, endpoint.switched_off_at = Endpoint.Off.BY_HAND, timezone.now()
    endpoint.save(force_insert=True)
    Endpoint.objects.filter(pk=endpoint.pk).update(lease_expires_at=DatabaseNow())
    return secret


DIRECTING = ("url", "events", "platform_ids")  # say what is sent, and where


def is_directed(values: Mapping[str, Any], endpoint: Endpoint | None = None) -> bool:
    """Whether these values make something be sent that was not, or elsewhere: by a new endpoint, or by this one."""
    return endpoint is None or any(
        name in values and values[name] != getattr(endpoint, name) for name in DIRECTING
    )


def missing_permissions(user: User, values: Mapping[str, Any], endpoint: Endpoint | None = None) -> list[str]:
    """What this user is not allowed to see of that which an endpoint with these values, or this one once it has them,
    is told of. Nothing where none of the values says what is sent, or where."""
    if not is_directed(values, endpoint):
        return []
    events = values.get("events", endpoint.events if endpoint else None)
    return sorted(each for each in permissions_to_see(events) if not user.has_perm(each))


def change_endpoint(endpoint: Endpoint, values: Mapping[str, Any]) -> bool:
    """Write these columns alone; `is_active` switches it on or off. False where it had to start anew (switch_on).

    A new URL is tried at once, also where the old one failed. What waits of platforms that it is no longer told of is
    dropped. Raises Endpoint.DoesNotExist where it was deleted.
    """
    if values.get("is_active"):
        number_committed()  # before the row is locked: feed/reading.py
    with transaction.atomic():
        endpoint.refresh_from_db(from_queryset=Endpoint.objects.select_for_update())
        return _change_locked(endpoint, dict(values))


def _change_locked(endpoint: Endpoint, values: dict[str, Any]) -> bool:
    is_active = values.pop("is_active", None)
    if "url" in values and values["url"] != endpoint.url:
        values |= {"failing_since": None, "paused_until": None}
        Delivery.objects.filter(endpoint=endpoint, state=State.PENDING).update(next_at=timezone.now())
    told = values.get("platform_ids")
    if told is not None and told != endpoint.platform_ids:
        Delivery.objects.filter(endpoint=endpoint, state=State.PENDING).exclude(speaks_of(told)).delete()
    for name, value in values.items():
        setattr(endpoint, name, value)
    if values:
        endpoint.save(update_fields=[*values])
    if is_active is True and not endpoint.is_active:
        return switch_on(endpoint)
    if is_active is False:
        switch_off(endpoint, Endpoint.Off.BY_HAND)
    return True


@transaction.atomic
def rotate_secret(endpoint: Endpoint) -> str:
    """Give it another secret and return that; the earlier ones sign for another day."""
    locked = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    secret, locked.signing_secrets = rotated(locked.signing_secrets, timezone.now())
    locked.save(update_fields=["signing_secrets"])
    return secret


def attempt(client: WebhookClient, endpoint: Endpoint, delivery: Delivery) -> Outcome:
    """Send a delivery once. Touches no database."""
    now = timezone.now()
    body = delivery.body.encode()
    try:
        headers = signed_headers(valid_secrets(endpoint, now), delivery.message_id, body, now)
    except UnreadableSecret:
        return Outcome(problem=Delivery.Problem.UNREADABLE_SECRET)
    return client.post(endpoint.url, headers, body)


def send_test(
    endpoint: Endpoint, client: WebhookClient | None = None, patience: float = TEST_SECONDS
) -> Delivery:
    """Send the event `webhook.test` here and now, also to an endpoint that is switched off. It is not tried again.

    Returns its delivery within `patience` seconds: delivered, or failed with the reason. Where it worked, what waits is
    tried at once. Raises Endpoint.DoesNotExist where it was deleted, also meanwhile.
    """
    now = timezone.now()
    message_id = new_message_id()
    data = {"id": endpoint.pk, "name": endpoint.name}
    delivery = Delivery(
        endpoint=endpoint,
        message_id=message_id,
        event=TEST,
        object_key=message_id,
        external_id="",
        body=body_of(TEST, now, data),
        state=State.FAILED,
        attempts=1,
        first_attempt_at=now,
        attempted_at=now,
    )
    endpoint.refresh_from_db(fields=["url", "signing_secrets"])
    outcome = _attempt_within(patience, client or WebhookClient(total=patience), endpoint, delivery)
    delivery.status, delivery.problem = outcome.status, outcome.problem
    delivery.answer, delivery.seconds = outcome.answer, outcome.seconds
    if outcome.is_delivered:
        delivery.state, delivery.delivered_at = State.DELIVERED, timezone.now()
    with transaction.atomic():
        Endpoint.objects.select_for_update().only("pk").get(pk=endpoint.pk)
        delivery.save()
        record("webhook.tested", endpoint)
    if outcome.is_delivered:
        try_now(endpoint)
    return delivery


def _attempt_within(seconds: float, client: WebhookClient, endpoint: Endpoint, delivery: Delivery) -> Outcome:
    """In a thread, since nothing else ends looking up a host name that a hostile name server answers slowly."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def run() -> None:
        with client:
            outcomes.put(attempt(client, endpoint, delivery))

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcomes.get(timeout=seconds + GRACE)
    except queue.Empty:
        return Outcome(problem=Delivery.Problem.TIMEOUT, seconds=seconds)


def try_now(endpoint: Endpoint) -> None:
    """What is pending need not wait for its next attempt."""
    Endpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    Delivery.objects.filter(endpoint=endpoint, state=State.PENDING).update(next_at=timezone.now())


def replay(delivery: Delivery) -> Delivery:
    """Send it again, with the same id. Raises SwitchedOff, IsTest or NotTold."""
    if delivery.event == TEST:
        raise IsTest
    if not delivery.endpoint.is_active:
        raise SwitchedOff
    if not replay_each(Delivery.objects.filter(pk=delivery.pk)):
        raise NotTold
    delivery.refresh_from_db()
    return delivery


def replay_each(deliveries: QuerySet[Delivery]) -> int:
    """Send these again, in the order in which they were made, if their endpoint is on. Returns how many.

    A pending one is tried at once. Tests are not sent again, nor what speaks of a platform that the endpoint is no
    longer told of.
    """
    now = timezone.now()
    rows = deliveries.exclude(event=TEST).filter(endpoint__is_active=True)
    told: dict[int, Any] = dict(
        Endpoint.objects.filter(platform_ids__isnull=False).values_list("pk", "platform_ids")
    )
    ids = [
        pk
        for pk, endpoint_id, event, platform_id in rows.values_list(
            "pk", "endpoint_id", "event", "platform_id"
        )
        if may_be_told(told.get(endpoint_id), event, platform_id)
    ]
    for start in range(0, len(ids), AT_ONCE):
        again = Delivery.objects.filter(pk__in=ids[start : start + AT_ONCE])
        again.update(state=State.PENDING, attempts=0, first_attempt_at=None, next_at=now, delivered_at=None)
    if ids:
        record("webhook.replayed", changes={"deliveries": len(ids)})
    return len(ids)


def replay_all(endpoint: Endpoint, *, failed_only: bool = True, since: datetime | None = None) -> int:
    """Send again what has failed, or everything that is kept, from this time on. Raises SwitchedOff."""
    if not endpoint.is_active:
        raise SwitchedOff
    deliveries = endpoint.deliveries.all()
    if failed_only:
        deliveries = deliveries.filter(state=State.FAILED)
    if since is not None:
        deliveries = deliveries.filter(created_at__gte=since)
    return replay_each(deliveries)


AT_ONCE = 500


def deliveries_within(rows: QuerySet[Delivery], ids: Collection[int]) -> QuerySet[Delivery]:
    """Those of webhooks that are told of these platforms alone; what these were told of others before is left out."""
    return rows.filter(speaks_of(ids), endpoint__in=endpoints_within(ids))


def endpoints_within(ids: Collection[int]) -> list[int]:
    """Ids of webhooks that are told of these platforms alone, or of some of them."""
    told = Endpoint.objects.order_by().values_list("pk", "platform_ids")
    return [pk for pk, of in told if of is not None and set(of) <= set(ids)]
