"""Who works on a sync. A claim is a compare-and-set that writes a new token; every later write carries it.

A worker that lost its lease (it hung, its machine slept) finds that its token is gone, rolls back and stops.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.models import SyncLog
from integrations.protocol import Note

LEASE = timedelta(minutes=5)  # longer than the slowest page with all its attempts


class LeaseLost(Exception):
    """Somebody else works on this sync by now, or it was closed."""


class Lease:
    """The right to work on one sync. `log` is the row as this worker last knew it."""

    def __init__(self, log: SyncLog, token: str) -> None:
        self.log = log
        self._token = token

    @classmethod
    def claim(cls, log_id: int) -> "Lease | None":
        """The lease on this sync, or None where it is closed, not due yet, or in somebody else's hands."""
        token, now = uuid.uuid4().hex, timezone.now()
        won = (
            SyncLog.objects.claimable()
            .filter(pk=log_id)
            .update(
                status=SyncLog.Status.RUNNING,
                lease_token=token,
                lease_expires_at=now + LEASE,
                heartbeat_at=now,
                resume_at=None,
            )
        )
        if not won:
            return None
        lease = cls(SyncLog.objects.select_related("platform").get(pk=log_id), token)
        if lease.log.started_at is None:
            lease.update(started_at=now)
        return lease

    def renew(self) -> None:
        """Raises LeaseLost. Inside a transaction, nobody else can claim the sync until that ends."""
        now = timezone.now()
        self.update(heartbeat_at=now, lease_expires_at=now + LEASE)

    def update(self, **values: Any) -> None:
        """Write columns of the log, if it is still ours. Raises LeaseLost."""
        ours = SyncLog.objects.filter(pk=self.log.pk, lease_token=self._token, status=SyncLog.Status.RUNNING)
        if not ours.update(**values):
            raise LeaseLost(f"Sync {self.log.pk} is no longer ours.")
        for name, value in values.items():
            setattr(self.log, name, value)

    def note(self, notes: Sequence[Note]) -> None:
        """Put the notes on the log that do not stand there yet. Raises LeaseLost."""
        new = [note.as_json() for note in notes if note.as_json() not in self.log.notes]
        if new:
            self.update(notes=self.log.notes + new)

    def end(self, status: str, **values: Any) -> None:
        """Give the sync another status than running, and the lease away. Raises LeaseLost."""
        with transaction.atomic():
            self.update(**values)
            self.update(status=status, lease_token="", lease_expires_at=None)
