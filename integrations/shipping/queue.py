"""Shipping in the background. The queue carries "ship for platform 3" and nothing else: the outbox is the durable
state, so a lost or doubled message is harmless.

announce_shipping   tell the workers; a queue that is down is logged, and the scheduler tells them later
due_shipping        platforms for which something should be sent or checked, and nobody does it
announce_all        after writing was allowed: whatever waits goes on
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import task
from django_tasks_db import DatabaseBackend

from core import log_context
from core.database.errors import classify
from integrations.models import OutboxEntry, SendingTurn, WritingPolicy
from integrations.shipping.policy import is_stopped, modes_of
from integrations.shipping.reading_back import overdue
from integrations.shipping.sending import ship_due
from integrations.sync.queue import EARLY, MESSAGES_NAME, QUEUE_ERRORS
from integrations.sync.stop_signal import StopSignal
from platforms.models import Platform

logger = logging.getLogger(__name__)

OVERDUE = timedelta(seconds=30)  # so long, a message may take
AGAIN = timedelta(minutes=5)  # between two messages of the scheduler about one platform


@task()
def continue_shipping(platform_id: int, request_id: str = "") -> str:
    """Send and check what is due for a platform; returns when it goes on, "" where nothing is left, or "lost" if the
    database is gone for too long."""
    try:
        with log_context.bound(request_id=request_id):
            later = run_here(platform_id)
    except DatabaseError as error:
        logger.error("Shipments of platform %s were left. %s", platform_id, classify(error).happened)
        return "lost"
    return later.isoformat() if later else ""


continue_shipping.func.__module__ = MESSAGES_NAME


def run_here(platform_id: int) -> datetime | None:
    """Send and check what is due; the workers are told where something is left for later. Raises DatabaseError."""
    with StopSignal() as stop:
        later = ship_due(platform_id, stopping=stop.received) or _too_early(platform_id)
    if later is not None:
        announce_shipping(platform_id, at=later)
    return later


def _too_early(platform_id: int) -> datetime | None:
    """When a pause ends that this message came a moment too early for; None where there is none, or a longer one, of
    which another message is under way."""
    now = timezone.now()
    paused = SendingTurn.objects.filter(platform_id=platform_id, paused_until__range=(now, now + EARLY))
    return paused.values_list("paused_until", flat=True).first()


def announce_shipping(platform_id: int, *, at: datetime | None = None) -> bool:
    """Tell the workers, once the current transaction is committed. False if the queue cannot be reached, as far as that
    is known before the commit."""
    run_after = at
    if run_after is None and isinstance(continue_shipping.get_backend(), DatabaseBackend):
        run_after = timezone.now()  # see sync/queue.py
    is_told = True

    def tell() -> None:
        # Caught here: after a commit, whoever made the shipment must not take it for refused.
        nonlocal is_told
        try:
            continue_shipping.using(run_after=run_after).enqueue(platform_id)
        except QUEUE_ERRORS as error:
            is_told = False
            logger.error(
                "Shipments of platform %s could not be handed to the workers; the scheduler will do it. The queue "
                "says: %s",
                platform_id,
                type(error).__name__,
            )

    transaction.on_commit(tell)
    return is_told


def due_shipping(now: datetime | None = None) -> Iterator[Platform]:
    """Platforms for which something is due, and that no worker has taken for a while. Each at most once in AGAIN. Two
    queries while nothing is."""
    now = now or timezone.now()
    lost = Q(state=OutboxEntry.State.SENDING, lease_expires_at__lt=now)
    waiting = Q(state=OutboxEntry.State.WAITING, next_at__lt=now - OVERDUE)
    entries = OutboxEntry.objects.filter(lost | waiting).order_by()
    ids = set(entries.values_list("platform_id", flat=True).distinct())
    if ids:
        modes = modes_of(ids)
        ids = {pk for pk in ids if modes[pk] != WritingPolicy.Mode.OFF} if not is_stopped() else set()
    ids |= set(overdue(now).order_by().values_list("platform_id", flat=True).distinct())
    if not ids:
        return
    for platform in Platform.objects.filter(pk__in=ids, is_active=True).defer("api_config"):
        if _is_left_alone(platform.pk, now):
            yield platform


def _is_left_alone(platform_id: int, now: datetime) -> bool:
    """Whether nobody works for it, it is not paused, and the scheduler has not told of it lately; it has, then."""
    SendingTurn.objects.get_or_create(platform_id=platform_id)
    free = Q(lease_token="") | Q(lease_expires_at__lt=now)
    rested = Q(paused_until=None) | Q(paused_until__lte=now)
    untold = Q(announced_at=None) | Q(announced_at__lt=now - AGAIN)
    turn = SendingTurn.objects.filter(free, rested, untold, platform_id=platform_id)
    return bool(turn.update(announced_at=now))


def announce_all(platform_ids: list[int] | None = None) -> None:
    """Tell the workers of all platforms, or these, for which something waits, whatever they were told before."""
    waiting = OutboxEntry.objects.open()
    if platform_ids is not None:
        waiting = waiting.filter(platform_id__in=platform_ids)
    for platform_id in waiting.order_by().values_list("platform_id", flat=True).distinct():
        announce_shipping(platform_id)
