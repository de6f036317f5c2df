"""Events that are no change of the feed, such as an alert."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from webhooks.events import body_of, may_be_told, new_message_id
from webhooks.models import Endpoint, Event, EventTurn


def emit(
    event: str,
    data: Mapping[str, Any],
    *,
    platform_id: int | None = None,
    key: str = "",
    at: datetime | None = None,
) -> None:
    """Tell every endpoint that wants this event.

    Call it in the transaction that makes the event true: `manage.py run_webhooks` sends it once that is committed.
    `event` is one of events.EMITTED. `data` becomes JSON; it must hold no personal data and no secret. An event of a
    platform goes to endpoints that want this platform; one of none, to all, unless it is about several platforms
    (events.OF_SEVERAL): then to those that want all platforms. Events of the same `key` (at most 64 characters) arrive
    in order.

    It is stored once, however many endpoints there are and however long they fail (webhooks/queue.py).
    """
    if not Endpoint.objects.exists():
        return
    with transaction.atomic():
        EventTurn.wait_for()
        Event.objects.create(
            event=event,
            platform_id=platform_id,
            object_key=key or new_message_id(),
            body=body_of(event, at or timezone.now(), data),
        )


def last_event() -> int:
    """The id of the newest event that is committed; 0 where there is none."""
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def wants(endpoint: Endpoint, event: str, platform_id: int | None) -> bool:
    if endpoint.events is not None and event not in endpoint.events:
        return False
    return may_be_told(endpoint.platform_ids, event, platform_id)
