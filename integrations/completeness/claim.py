"""Who works on a job. A claim is a compare-and-set that writes a new token; every later write carries it."""

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Generic, Self, cast

from django.utils import timezone

from core.database.retry import DATABASE_ERRORS, retry_on_db_error
from core.text import storable
from integrations.completeness.cost import Tally
from integrations.errors import PlatformError, RateLimited, TransientError
from integrations.models import Job, OrderAudit
from integrations.models.jobs import AnyJob

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=30)  # longer than the largest list takes to download
MOST_TROUBLES = 20  # of one job; it rests for a minute after the first, then longer
Status = Job.Status


class JobLost(Exception):
    """Somebody else works on this job now, or it was paused or cancelled."""


class JobClaim(Generic[AnyJob]):
    """The right to work on one job. Every write is made only where it is still ours, renews it, and stores the calls
    that `tally` heard of. A subclass names the model."""

    model: ClassVar[type[Job]]

    def __init__(self, job: AnyJob, token: str) -> None:
        self.job = job
        self.tally = Tally()
        self._token = token

    @classmethod
    def take(cls, job_id: int) -> Self | None:
        """None where it is closed, not due yet, or somebody else works on it."""
        token, now = uuid.uuid4().hex, timezone.now()
        values: dict[str, Any] = {"status": Status.RUNNING, "lease_token": token}
        jobs: Any = cls.model._default_manager
        free = jobs.claimable().filter(pk=job_id)
        if not retry_on_db_error(free.update)(**values, lease_expires_at=now + LEASE, resume_at=None):
            return None
        claim = cls(cast(AnyJob, jobs.select_related("platform").get(pk=job_id)), token)
        if claim.job.started_at is None:
            claim.save(started_at=now)
        return claim

    @retry_on_db_error
    def save(self, **values: Any) -> None:
        """Raises JobLost."""
        counted = self.tally.added_to(self.job)
        values |= counted
        stored = {name: storable(value) for name, value in values.items()}
        renewed = {"lease_expires_at": timezone.now() + LEASE}
        mine = self.model._default_manager.filter(
            pk=self.job.pk, lease_token=self._token, status=Status.RUNNING
        )
        if not mine.update(**renewed | stored):
            raise JobLost(f"{self} is no longer ours.")
        if counted:
            self.tally.clear()
        for name, value in values.items():
            setattr(self.job, name, value)

    def update_part(self, number: int, *, more: dict[str, Any] | None = None, **values: Any) -> None:
        """What is known of one of its lists. `more`: other columns, in the same statement."""
        parts = [dict(part) for part in self.job.parts]
        parts[number].update(values)
        self.save(parts=parts, **more or {})

    def park(self, seconds: float, **values: Any) -> None:
        resume_at = timezone.now() + timedelta(seconds=seconds)
        self._leave(Status.WAITING, resume_at=resume_at, **values)

    def rest(self, error: TransientError) -> None:
        """Trouble on the way: go on later, unless it has been so for long."""
        troubles = 1 + sum(note["code"] == "trouble" for note in self.job.notes)
        if troubles > MOST_TROUBLES:
            self.fail(error)
            return
        note = {"code": "trouble", "message": str(error)}
        self.park(max(error.retry_after, min(60.0 * troubles, 900.0)), notes=[*self.job.notes, note])

    def give_back(self) -> None:
        self._leave(Status.QUEUED)

    def fail(self, error: PlatformError) -> None:
        logger.warning("%s failed: %s", self, error)
        self.end(Status.FAILED, error_code=error.code, error_message=str(error))

    def end(self, status: str, **values: Any) -> None:
        self._leave(status, open_key=None, finished_at=timezone.now(), **values)

    def _leave(self, status: str, **values: Any) -> None:
        self.save(status=status, lease_token="", **values)

    def __str__(self) -> str:
        return f"{self.model._meta.object_name} {self.job.pk} of {self.job.platform.name}"


class Claim(JobClaim[OrderAudit]):
    """The right to work on one audit."""

    model = OrderAudit

    @property
    def audit(self) -> OrderAudit:
        return self.job


def attempt(claim: JobClaim[Any], work: Callable[[], None]) -> None:
    """Work on a job, and leave it as what happens meanwhile asks for: parked, failed, or given back.

    Raises JobLost, errors of a database that is gone for too long, and what is no Exception.
    """
    try:
        work()
    except RateLimited as error:
        claim.park(error.retry_after)
    except TransientError as error:
        claim.rest(error)
    except PlatformError as error:
        claim.fail(error)
    except (JobLost, *DATABASE_ERRORS):
        raise
    except Exception:
        logger.exception("%s broke", claim)
        text = "OMS itself made a mistake; its log has the details. What was fetched before is stored."
        claim.fail(PlatformError(text, code="internal"))
    except BaseException:
        claim.give_back()
        raise
