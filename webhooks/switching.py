"""Switching an endpoint off, which somebody is told of, and on again, with all that has waited for it."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from audit.recording import record
from core.database.clock import DatabaseNow
from feed.reading import is_kept, last_numbered
from webhooks.emitting import emit
from webhooks.events import SWITCHED_OFF
from webhooks.models import Delivery, Endpoint

logger = logging.getLogger(__name__)


@transaction.atomic
def switch_off(endpoint: Endpoint, reason: Endpoint.Off) -> None:
    """Nothing is sent to it from now on. What waits for it waits until it is switched on.

    One that is off already stays as it is. Other endpoints are told (`webhook.switched_off`), unless a person did it:
    of one that is for a single platform, those that want this platform; of any other, those that want all platforms.
    """
    values = {"is_active": False, "off_reason": str(reason), "switched_off_at": timezone.now()}
    if not Endpoint.objects.filter(pk=endpoint.pk, is_active=True).update(**values):
        return
    for name, value in values.items():
        setattr(endpoint, name, value)
    record("webhook.changed", endpoint, changes={"is_active": [True, False], "off_reason": ["", str(reason)]})
    if reason == Endpoint.Off.BY_HAND:
        return
    logger.error("The webhook %s is switched off: %s.", endpoint, reason.label)
    data = {
        "id": endpoint.pk,
        "name": endpoint.name,
        "reason": str(reason),
        "since": endpoint.switched_off_at,
    }
    emit(SWITCHED_OFF, data, key=key_of(endpoint), platform_id=_only_platform(endpoint))


def _only_platform(endpoint: Endpoint) -> int | None:
    """The platform that it is told of, where that is exactly one."""
    ids = endpoint.platform_ids
    return int(ids[0]) if ids is not None and len(ids) == 1 else None


@transaction.atomic
def switch_on(endpoint: Endpoint) -> bool:
    """Go on where it stopped, with what waits at once. False where it had to start at the newest change instead,
    since those behind its position are no longer kept.

    It starts at the newest that has a number: number_committed before, outside of the transaction (feed/reading.py)."""
    now = timezone.now()
    goes_on = is_kept(endpoint.position)
    if not goes_on:
        endpoint.position = last_numbered()
    endpoint.is_active, endpoint.off_reason, endpoint.switched_off_at = True, "", None
    endpoint.failing_since = endpoint.paused_until = None
    endpoint.save(
        update_fields=[
            "is_active", "off_reason", "switched_off_at", "failing_since", "paused_until", "position",
        ]
    )  # fmt: skip
    # Whoever sends has a minute to claim it before it counts as one that nobody sends for.
    Endpoint.objects.filter(pk=endpoint.pk).update(lease_expires_at=DatabaseNow())
    restart(endpoint, now)
    return goes_on


def restart(endpoint: Endpoint, now: datetime) -> None:
    """Its pending deliveries are tried at once, and have another three days."""
    pending = Delivery.objects.filter(endpoint=endpoint, state=Delivery.State.PENDING)
    pending.update(attempts=0, first_attempt_at=None, next_at=now)


def key_of(endpoint: Endpoint) -> str:
    """Of the events that are about this endpoint."""
    return f"webhook:{endpoint.pk}"
