"""Events that are no change of the feed, such as an alert."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from webhooks.events import body_of, new_message_id
from webhooks.models import Delivery, Endpoint


def emit(
    event: str,
    data: Mapping[str, Any],
    *,
    platform_id: int | None = None,
    key: str = "",
    at: datetime | None = None,
) -> int:
    """Tell every endpoint that is on and wants this event. Returns how many.

    Call it in the transaction that makes the event true: `manage.py run_webhooks` sends it once that is committed.
    `event` is one of events.EMITTED. `data` becomes JSON; it must hold no personal data and no secret. An event of a
    platform goes to endpoints that want this platform; one of none, to all. Events of the same `key`
    (at most 64 characters) arrive in order.
    """
    now = timezone.now()
    body = body_of(event, at or now, data)
    deliveries = []
    for endpoint in Endpoint.objects.filter(is_active=True).defer("signing_secrets"):
        if wants(endpoint, event, platform_id):
            message_id = new_message_id()
            key_of_one = key or message_id
            deliveries.append(
                Delivery(
                    endpoint=endpoint,
                    message_id=message_id,
                    event=event,
                    object_key=key_of_one,
                    body=body,
                    next_at=now,
                )
            )
    Delivery.objects.bulk_create(deliveries)
    return len(deliveries)


def wants(endpoint: Endpoint, event: str, platform_id: int | None) -> bool:
    if endpoint.events is not None and event not in endpoint.events:
        return False
    return platform_id is None or endpoint.platform_ids is None or platform_id in endpoint.platform_ids
