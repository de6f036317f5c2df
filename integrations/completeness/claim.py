"""Who works on an audit. A claim is a compare-and-set that writes a new token; every later write carries it."""

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from core.database.retry import retry_on_db_error
from core.text import storable
from integrations.errors import PlatformError
from integrations.models import OrderAudit

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=30)  # longer than the largest list takes to download


class AuditLost(Exception):
    """Somebody else works on this audit now."""


class Claim:
    """The right to work on one audit. Every write is made only where it is still ours, and renews it."""

    def __init__(self, audit: OrderAudit, token: str) -> None:
        self.audit = audit
        self._token = token

    @classmethod
    def take(cls, audit_id: int) -> "Claim | None":
        """None where it is closed, not due yet, or somebody else works on it."""
        token, now = uuid.uuid4().hex, timezone.now()
        values: dict[str, Any] = {"status": OrderAudit.Status.RUNNING, "lease_token": token}
        free = OrderAudit.objects.claimable().filter(pk=audit_id)
        if not retry_on_db_error(free.update)(**values, lease_expires_at=now + LEASE, resume_at=None):
            return None
        audit = OrderAudit.objects.select_related("platform").get(pk=audit_id)
        claim = cls(audit, token)
        if audit.started_at is None:
            claim.save(started_at=now)
        return claim

    @retry_on_db_error
    def save(self, **values: Any) -> None:
        """Raises AuditLost."""
        stored = {name: storable(value) for name, value in values.items()}
        renewed = {"lease_expires_at": timezone.now() + LEASE}
        mine = OrderAudit.objects.filter(
            pk=self.audit.pk, lease_token=self._token, status=OrderAudit.Status.RUNNING
        )
        if not mine.update(**renewed | stored):
            raise AuditLost(f"Audit {self.audit.pk} is no longer ours.")
        for name, value in values.items():
            setattr(self.audit, name, value)

    def update_part(self, number: int, **values: Any) -> None:
        parts = [dict(part) for part in self.audit.parts]
        parts[number].update(values)
        self.save(parts=parts)

    def count_call(self) -> None:
        self.save(api_calls=self.audit.api_calls + 1)

    def park(self, seconds: float, **values: Any) -> None:
        resume_at = timezone.now() + timedelta(seconds=seconds)
        self._leave(OrderAudit.Status.WAITING, resume_at=resume_at, **values)

    def give_back(self) -> None:
        self._leave(OrderAudit.Status.QUEUED)

    def fail(self, error: PlatformError) -> None:
        logger.warning("Audit %s of %s failed: %s", self.audit.pk, self.audit.platform.name, error)
        self.end(OrderAudit.Status.FAILED, error_code=error.code, error_message=str(error))

    def end(self, status: str, **values: Any) -> None:
        self._leave(status, open_key=None, finished_at=timezone.now(), **values)

    def _leave(self, status: str, **values: Any) -> None:
        self.save(status=status, lease_token="", **values)
