"""Which worker works on a sync. A claim is a compare-and-set that writes a new token; every later write carries it.

A worker that lost its lease (it hung, its machine slept) finds that its token is gone, rolls back and stops.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from core.text import storable
from integrations.models import SyncLog
from integrations.models.sync import SyncLogQuerySet
from integrations.protocol import Note

LEASE = timedelta(minutes=5)  # longer than the slowest page with all its attempts
WORKER_LOST = "worker_lost"
# What a page changes on the log, besides the lease.
COUNTED = (
    "pages",
    "fetched",
    "created",
    "updated",
    "unchanged",
    "failed",
    "api_calls",
    "throttled",
    "checkpoint",
    "notes",
)


class LeaseLost(Exception):
    """Another worker has this sync now, or it was closed."""


class Lease:
    """The right to work on one sync. `log` is the row as this worker last knew it."""

    def __init__(self, log: SyncLog, token: str) -> None:
        self.log = log
        self._token = token

    @classmethod
    def claim(cls, log_id: int) -> "Lease | None":
        """The lease on this sync, or None if it is closed, not due yet, or another worker has it."""
        token = uuid.uuid4().hex
        lost = cls._take(log_id, token)
        if lost is None:
            return None
        lease = cls(retry_on_db_error(SyncLog.objects.select_related("platform").get)(pk=log_id), token)
        if lease.log.started_at is None:
            lease.update(started_at=timezone.now())
        if lost:
            lease._note_lost_worker()
        return lease

    @staticmethod
    @retry_on_db_error
    def _take(log_id: int, token: str) -> bool | None:
        """Whether the worker before lost the sync; None if it cannot be claimed."""
        mine = SyncLog.objects.filter(pk=log_id, lease_token=token)
        if mine.exists():  # by an attempt whose answer was lost
            return False
        now = timezone.now()
        free = SyncLog.objects.claimable().filter(pk=log_id)
        before = free.values_list("status", flat=True).first()
        won = before is not None and free.filter(status=before).update(
            status=SyncLog.Status.RUNNING,
            lease_token=token,
            lease_expires_at=now + LEASE,
            heartbeat_at=now,
            resume_at=None,
        )
        return before == SyncLog.Status.RUNNING if won else None

    def _note_lost_worker(self) -> None:
        """A worker that was killed, or lost the database, could not record that. Counts how often it happened at
        this page."""
        text = (
            f"The worker that had this sync stopped without a word; taken over at "
            f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC, after page {self.log.pages}."
        )
        self.note([Note(WORKER_LOST, text)])
        self.update(checkpoint={**self.log.checkpoint, "lost": self.lost_here + 1})

    @property
    def lost_here(self) -> int:
        """How many workers in a row were lost since the last page was stored."""
        return int(self.log.checkpoint.get("lost", 0))

    @property
    def lost_in_all(self) -> int:
        """The same over all pages: a sweep of stock, which starts again each time, may never get beyond one."""
        return sum(note["code"] == WORKER_LOST for note in self.log.notes)

    def renew(self) -> bool:
        """Raises LeaseLost. Inside a transaction, nobody else can claim the sync until that ends.

        False if the row has a page that this worker believes not to be stored: the commit succeeded, and only its
        answer was lost.
        """
        now = timezone.now()
        values = {"heartbeat_at": now, "lease_expires_at": now + LEASE}
        if self._ours().filter(pages=self.log.pages).update(**values):
            return True
        self.write(**values)
        return False

    def stored(self) -> dict[str, Any]:
        """The stored values of COUNTED."""
        row: dict[str, Any] = self._ours().values(*COUNTED).get()
        return row

    @retry_on_db_error
    def update(self, **values: Any) -> None:
        """Write columns of the log, if it is still ours. Raises LeaseLost."""
        self.write(**values)
        self.remember(**values)

    def write(self, **values: Any) -> None:
        """As `update`, for a transaction that may be rolled back: `log` stays as it is."""
        if not self._ours().update(**_fitting(values)):
            raise LeaseLost(f"Sync {self.log.pk} is no longer ours.")

    def remember(self, **values: Any) -> None:
        """Set on `log` the values that were written."""
        for name, value in values.items():
            setattr(self.log, name, value)

    def _ours(self) -> SyncLogQuerySet:
        return SyncLog.objects.filter(pk=self.log.pk, lease_token=self._token, status=SyncLog.Status.RUNNING)

    def note(self, notes: Sequence[Note]) -> None:
        """Add to the log the notes that it does not have yet. Raises LeaseLost."""
        noted = with_notes(self.log.notes, notes)
        if len(noted) > len(self.log.notes):
            self.update(notes=noted)

    @retry_on_db_error
    def end(self, status: str, **values: Any) -> None:
        """Give the sync another status than running, and end the lease. Raises LeaseLost."""
        with transaction.atomic():
            self.update(**values)
            self.update(status=status, lease_token="", lease_expires_at=None)


def with_notes(stored: list[dict[str, str]], notes: Sequence[Note]) -> list[dict[str, str]]:
    """The notes of a log, and those of `notes` that are not among them yet."""
    return stored + [note.as_json() for note in notes if note.as_json() not in stored]


def _fitting(values: dict[str, Any]) -> dict[str, Any]:
    """The values as every database stores them: what a platform says of an error may hold anything."""
    fitting = {name: storable(value) for name, value in values.items()}
    for name, value in fitting.items():
        length = getattr(SyncLog._meta.get_field(name), "max_length", None)
        if length and isinstance(value, str):
            fitting[name] = value[:length]
    return fitting
