"""Who works on a job that lists orders and fetches them, as a backfill does."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.utils import timezone

from integrations.completeness.claim import JobClaim
from integrations.errors import TransientError
from integrations.models import Backfill, FetchingJob

LONGEST_TROUBLE = timedelta(days=2)  # without an answer in between
LONGEST_REST = 3600.0


AnyFetching = TypeVar("AnyFetching", bound=FetchingJob)


class FetchingClaim(JobClaim[AnyFetching]):
    """The right to work on one of them. A subclass names the model."""

    def update_place(self, values: dict[str, Any], **more: Any) -> None:
        self.save(place=self.job.place | values, **more)

    def rest(self, error: TransientError) -> None:
        """Trouble on the way: it may take weeks, so it goes on however often there is some, unless there is nothing but
        trouble for days."""
        notes = [note for note in self.job.notes if note["code"] == "trouble"]
        since = notes[0]["since"] if notes else timezone.now().isoformat()
        if timezone.now() - datetime.fromisoformat(since) > LONGEST_TROUBLE:
            self.fail(error)
            return
        times = 1 + (notes[0]["times"] if notes else 0)
        note = {"code": "trouble", "message": str(error), "since": since, "times": times}
        self.park(max(error.retry_after, min(60.0 * times, LONGEST_REST)), notes=[note])

    def is_well(self) -> dict[str, Any]:
        """The columns to store with what was answered: trouble is over."""
        return {"notes": []} if self.job.notes else {}


class BackfillClaim(FetchingClaim[Backfill]):
    """The right to work on one backfill."""

    model = Backfill

    @property
    def backfill(self) -> Backfill:
        return self.job
