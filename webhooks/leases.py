"""Which process sends for which endpoint.

A process claims endpoints with a compare-and-set on their rows and renews that while it runs; one that died is replaced
once its lease has expired. So each endpoint has one sender at a time, and the order of its messages one master. The
leases are a heartbeat at the same time: an endpoint that is on and that nobody holds is told nothing.

They run by the clock of the database: hosts need not agree on the time.
"""

import os
import socket
import time
import uuid
from datetime import timedelta

from django.db.models import Q, QuerySet

from core.database.clock import DatabaseNow
from core.database.retry import retry_on_db_error
from webhooks.client import TOTAL
from webhooks.models import Endpoint

LASTS = timedelta(seconds=45)
RENEWED_EVERY = 10.0  # seconds
SILENT_AFTER = timedelta(seconds=60)


class Leases:
    """This process's claims."""

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self._holder = f"{socket.gethostname()}, process {os.getpid()}"[:255]
        self._renewed_at: float | None = None

    @property
    def is_due(self) -> bool:
        return self._renewed_at is None or time.monotonic() - self._renewed_at >= RENEWED_EVERY

    @property
    def may_send(self) -> bool:
        """Whether a request that starts now ends while the lease lasts, whatever the receiver does."""
        if self._renewed_at is None:
            return False
        return time.monotonic() - self._renewed_at < LASTS.total_seconds() - TOTAL

    @retry_on_db_error
    def renew(self) -> int:
        """Claim every endpoint that nobody holds, and renew the own ones. Returns how many are held."""
        asked_at = time.monotonic()
        free = Q(lease_token__in=(self.token, "")) | Q(lease_expires_at__lte=DatabaseNow())
        held = Endpoint.objects.filter(free, is_active=True).update(
            lease_token=self.token, lease_holder=self._holder, lease_expires_at=DatabaseNow() + LASTS
        )
        self._renewed_at = asked_at
        return held

    def held(self) -> QuerySet[Endpoint]:
        return Endpoint.objects.filter(is_active=True, lease_token=self.token)

    def release(self) -> None:
        """End all of them, so that another process goes on at once."""
        Endpoint.objects.filter(lease_token=self.token).update(
            lease_token="", lease_holder="", lease_expires_at=DatabaseNow()
        )
        self._renewed_at = None


def active_senders() -> list[str]:
    """Host and process of each that sends now, as text for people."""
    alive = Endpoint.objects.filter(is_active=True, lease_expires_at__gte=DatabaseNow())
    return sorted(set(alive.values_list("lease_holder", flat=True)))


def unattended_filter() -> Q:
    """Of endpoints that are on and that no process has sent for lately: `manage.py run_webhooks` does not run."""
    return Q(is_active=True, lease_expires_at__lt=DatabaseNow() - SILENT_AFTER)


def unattended() -> QuerySet[Endpoint]:
    return Endpoint.objects.filter(unattended_filter())
