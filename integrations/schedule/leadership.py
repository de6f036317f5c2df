"""Of all schedulers that are started, on whatever host, one is active: the one that holds the row in scheduler_leases.

It renews the row at each tick. Another scheduler may take an expired row with a compare-and-set, so a scheduler
that died is replaced after `LASTS`. Hosts are expected to agree on the time within seconds; where they do not, two
may be active for a while, which is harmless: a sync that is open already is not opened twice.
"""

import os
import socket
import uuid
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from integrations.models import SchedulerLease

NAME = "scheduler"
LASTS = timedelta(seconds=60)  # four ticks
# Two of those that run all the time take over from each other in a minute; one from cron comes once a minute.
SILENT_AFTER = timedelta(minutes=5)


class Leadership:
    """This process's claim to be the active scheduler. Every method raises DatabaseError."""

    def __init__(self) -> None:
        self._token = uuid.uuid4().hex
        self._holder = f"{socket.gethostname()}, process {os.getpid()}"[:255]

    def hold(self) -> bool:
        """Take the lease, or renew it. False where another scheduler is alive."""
        SchedulerLease.objects.get_or_create(name=NAME)
        now = timezone.now()
        free = Q(token=self._token) | Q(expires_at=None) | Q(expires_at__lt=now)
        ours = {"token": self._token, "holder": self._holder, "expires_at": now + LASTS, "seen_at": now}
        return bool(SchedulerLease.objects.filter(free, name=NAME).update(**ours))

    def release(self) -> None:
        """End the lease, so that another scheduler becomes active at once."""
        mine = SchedulerLease.objects.filter(name=NAME, token=self._token)
        mine.update(token="", holder="", expires_at=None)


def scheduler_seen_at() -> datetime | None:
    """When a scheduler last worked, here or elsewhere, also one from cron; None where none ever did."""
    return SchedulerLease.objects.filter(name=NAME).values_list("seen_at", flat=True).first()


def scheduler_is_silent(seen_at: datetime | None, now: datetime) -> bool:
    """Whether none works, by when one was last seen."""
    return seen_at is None or now - seen_at > SILENT_AFTER


def active_scheduler() -> str:
    """Host and process of the active scheduler, as text for people; empty where none is alive."""
    alive = SchedulerLease.objects.filter(name=NAME, expires_at__gte=timezone.now())
    return alive.values_list("holder", flat=True).first() or ""
