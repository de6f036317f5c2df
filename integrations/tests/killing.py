"""Workers that die in the middle of what they do, as by kill -9: the database takes back what was not committed, and
hears no more of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

from django.db import connection
from django.utils import timezone

from integrations.models import Job

TAKEN_BACK = ("ROLLBACK", "SAVEPOINT", "RELEASE")


class Killed(BaseException):
    """The worker is gone. Nothing of ours may catch it and go on."""


class _Death:
    """For connection.execute_wrapper: no query comes through any more from the nth on."""

    def __init__(self, query: int) -> None:
        self._left = query

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not sql.startswith(TAKEN_BACK):
            self._left -= 1
            if self._left < 0:
                raise Killed
        return execute(sql, params, many, context)


def killed_now_and_then(chance: Random, *, deaths: float = 0.1) -> Callable[[], bool]:
    """What a worker asks whether it is to stop: it dies instead, or is told to, by chance."""

    def stopping() -> bool:
        if chance.random() < deaths:
            raise Killed
        return chance.random() < 0.1

    return stopping


def left_as_it_was(job: Any, chance: Random) -> None:
    """By one that was killed: half of them are not even able to say so, and their lease is over long ago."""
    if chance.random() < 0.5:
        long_ago = timezone.now() - timedelta(hours=1)
        dead = {"status": Job.Status.RUNNING, "lease_token": "dead", "lease_expires_at": long_ago}
        type(job).objects.filter(pk=job.pk).update(**dead)


@contextmanager
def dies_after(queries: int) -> Iterator[None]:
    """Raises Killed at whichever query comes next after so many."""
    with connection.execute_wrapper(_Death(queries)):
        yield


def run_until_closed(
    job: Any, run: Any, chance: Random, *, deaths: int = 6, most_queries: int = 150
) -> tuple[Any, int]:
    """Have `run(job.pk)` work on the job, by workers of which up to so many die somewhere, as if whatever it waits for
    took no time. Returns the closed job, and how many died."""
    died = 0
    for _ in range(1000):
        if not job.is_open:
            return job, died
        try:
            if died < deaths:
                with dies_after(chance.randrange(1, most_queries)):
                    run(job.pk)
            else:
                run(job.pk)
        except Killed:
            died += 1
        job = _revived(job)
    raise AssertionError(f"never closed: {job.status}, {job.parts}, {job.notes}")


def _revived(job: Any) -> Any:
    """As it is found when its lease is over, or its time has come."""
    now = timezone.now()
    jobs = type(job).objects.filter(pk=job.pk)
    jobs.filter(status=Job.Status.RUNNING).update(lease_expires_at=now - timedelta(hours=1))
    jobs.filter(status=Job.Status.WAITING).update(resume_at=now)
    return jobs.select_related("platform").get()
