"""Pictures in the background. A message carries "pictures for platform 3" and nothing else: what is wanted is looked up
(wanted.py), so a lost or doubled message is harmless.

queue_due   called by the scheduler at each look: tells the workers of platforms whose turn has come
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone
from django_tasks import task
from django_tasks_db import DatabaseBackend

from core import log_context
from core.database.errors import classify
from integrations.models import PictureTurn
from integrations.pictures.fetching import fetch_pictures
from integrations.sync.datasets import credentials_since
from integrations.sync.queue import MESSAGES_NAME, QUEUE_ERRORS
from integrations.sync.stop_signal import StopSignal
from platforms.models import Platform

logger = logging.getLogger(__name__)

AGAIN = timedelta(minutes=5)  # between two messages of the scheduler about one platform


@task()
def continue_pictures(platform_id: int, request_id: str = "") -> str:
    """Fetch some pictures for a platform; returns when it goes on, "" where nothing is left, or "lost" if the database
    is gone for too long."""
    try:
        with log_context.bound(request_id=request_id), StopSignal() as stop:
            later = fetch_pictures(platform_id, stopping=stop.received)
            if later is not None:
                _announce(platform_id, later)
    except DatabaseError as error:
        logger.error("Pictures of platform %s were left. %s", platform_id, classify(error).happened)
        return "lost"
    return later.isoformat() if later else ""


continue_pictures.func.__module__ = MESSAGES_NAME


def queue_due() -> Iterator[str]:
    """Says nothing: it is of no interest to whoever reads the scheduler's log. One query while no platform shows
    pictures."""
    for platform in Platform.objects.filter(show_pictures=True, is_active=True).defer("api_config"):
        if _is_due(platform):
            _announce(platform.pk, None)
    yield from ()


def _is_due(platform: Platform) -> bool:
    """Whether it is its turn, and the workers have not been told lately; they are, then. What stood in the way with
    earlier credentials says nothing about these."""
    turn, _is_new = PictureTurn.objects.get_or_create(platform=platform)
    now = timezone.now()
    if turn.problem_at is not None and turn.problem_at < credentials_since(platform):
        PictureTurn.objects.filter(pk=turn.pk).update(next_at=now, problem_at=None, refused_sites={})
        turn.next_at, turn.announced_at = now, None
    if turn.next_at > now or (turn.announced_at is not None and turn.announced_at > now - AGAIN):
        return False
    return bool(
        PictureTurn.objects.filter(pk=turn.pk).exclude(announced_at__gt=now - AGAIN).update(announced_at=now)
    )


def _announce(platform_id: int, at: datetime | None) -> None:
    """Tell the workers. Where the queue is down, the scheduler does it again in a while."""
    run_after = at
    if run_after is None and isinstance(continue_pictures.get_backend(), DatabaseBackend):
        run_after = timezone.now()  # see sync/queue.py
    try:
        continue_pictures.using(run_after=run_after).enqueue(platform_id)
    except QUEUE_ERRORS as error:
        logger.error(
            "Pictures of platform %s could not be handed to the workers; the scheduler will do it again. The queue "
            "says: %s",
            platform_id,
            type(error).__name__,
        )
