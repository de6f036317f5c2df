"""One run, from its claim to its end.

A claim is a compare-and-set that writes a new token; every later write carries it, and the lease is renewed while the
file is made. So of several workers one works on a run, and one that was lost is replaced when its lease has expired.
What may pass is tried again with growing pauses, a fixed number of times; the rest ends the run at once.
"""

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from audit.recording import record
from backoffice.scheduled.destinations import Sent, check, deliver
from backoffice.scheduled.making import as_owner, file_of
from backoffice.scheduled.models import ScheduledExport, ScheduledExportRun
from backoffice.scheduled.problems import MAY_PASS, NOT_TRIED, LeftToAnother, NotSent, Problem, Stopped
from core.database.clock import DatabaseNow
from core.database.retry import DATABASE_ERRORS, retry_on_db_error
from core.text import storable_text

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
RENEWED_EVERY = 20.0  # seconds
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 60))
ATTEMPTS = len(PAUSES) + 1
Status, Trigger = ScheduledExportRun.Status, ScheduledExportRun.Trigger


def request_run(
    export: ScheduledExport, *, trigger: str, planned_at: Any = None, missed: int = 0
) -> tuple[ScheduledExportRun, bool]:
    """A run of this export, and whether it is new: while one is open, that one."""
    run = ScheduledExportRun(
        export=export,
        planned_at=planned_at or timezone.now(),
        trigger=trigger,
        missed=missed,
        open_key=str(export.pk),
    )
    try:
        with transaction.atomic():
            run.save()
    except IntegrityError:
        found = ScheduledExportRun.objects.filter(open_key=str(export.pk)).first()
        if found is None:  # it was closed in between
            return request_run(export, trigger=trigger, planned_at=planned_at, missed=missed)
        return found, False
    return run, True


def work_on(run_id: int, *, stopping: Callable[[], bool] = lambda: False) -> ScheduledExportRun:
    """Make the file of the run and send it. Returns the run as it is then: closed, waiting to be tried again, or queued
    where this process was told to stop; unchanged where somebody else has it. Raises DatabaseError."""
    run = _claim(run_id)
    if run is None:
        return ScheduledExportRun.objects.select_related("export").get(pk=run_id)
    lease = Lease(run, stopping)
    try:
        sent = _made_and_sent(run, lease)
    except LeftToAnother:
        logger.warning("Run %s of a scheduled export was left to another worker.", run.pk)
    except Stopped:
        lease.write(
            status=Status.QUEUED, lease_token="", attempts=F("attempts") - 1, queued_at=timezone.now()
        )
    except NotSent as error:
        _settle(run, lease, error)
    except DATABASE_ERRORS:
        _settle(run, lease, NotSent(Problem.DATABASE))
    except Exception as error:  # a mistake of ours: it ends in a row with a reason like everything else
        logger.exception("Run %s of a scheduled export failed.", run.pk)
        _settle(run, lease, NotSent(Problem.UNEXPECTED, type(error).__name__))
    else:
        _close(run, lease, Status.SUCCEEDED, place=sent.place, rows=sent.rows, size=sent.size)
    run.refresh_from_db()
    return run


class Lease:
    """Of one worker on one run; renewed by the calls that `keep` gets while a file is made."""

    def __init__(self, run: ScheduledExportRun, stopping: Callable[[], bool] = lambda: False) -> None:
        self._mine = ScheduledExportRun.objects.filter(pk=run.pk, lease_token=run.lease_token)
        self._stopping = stopping
        self._renewed_at = time.monotonic()

    def keep(self) -> None:
        """Raises LeftToAnother where the run is not ours any more, and Stopped where we are to stop."""
        if self._stopping():
            raise Stopped
        if time.monotonic() - self._renewed_at >= RENEWED_EVERY:
            self.renew()

    def renew(self) -> None:
        if not self.write(lease_expires_at=DatabaseNow() + LEASE):
            raise LeftToAnother
        self._renewed_at = time.monotonic()

    def write(self, **values: Any) -> bool:
        """Whether the run is still ours."""
        return bool(retry_on_db_error(self._mine.update)(**values))


@retry_on_db_error
def _claim(run_id: int) -> ScheduledExportRun | None:
    """The run with its export, now ours; None where it is closed, somebody else's, or not yet due."""
    token = uuid.uuid4().hex
    free = ScheduledExportRun.objects.claimable().filter(pk=run_id)
    claimed = free.update(
        status=Status.RUNNING,
        lease_token=token,
        lease_expires_at=DatabaseNow() + LEASE,
        attempts=F("attempts") + 1,
        started_at=timezone.now(),
        resume_at=None,
    )
    if not claimed:
        return None
    return ScheduledExportRun.objects.select_related("export").get(pk=run_id)


def _made_and_sent(run: ScheduledExportRun, lease: Lease) -> Sent:
    if run.attempts > ATTEMPTS:  # workers died over it, each time
        raise NotSent(Problem.LOST)
    export = run.export
    with as_owner(export, run.planned_at) as owner:
        check(export)
        made = file_of(export, owner, run.planned_at)
        with closing(made.pieces):
            lease.renew()
            lease.write(file_name=made.name)
            sent = deliver(export, run, made, lease.keep)
        _note(export, made.name, sent)
    return sent


@retry_on_db_error
def _note(export: ScheduledExport, name: str, sent: Sent) -> None:
    """In the audit, by its owner: what left OMS, and where to."""
    if sent.place:
        changes = {"file": name, "to": sent.place, "rows": sent.rows, "bytes": sent.size}
        record("export.sent", export, changes=changes)


def _settle(run: ScheduledExportRun, lease: Lease, error: NotSent) -> None:
    """Try again later what may pass, and close the rest."""
    if error.problem in MAY_PASS and run.attempts < ATTEMPTS:
        pause = PAUSES[run.attempts - 1]
        lease.write(
            status=Status.WAITING,
            resume_at=timezone.now() + pause,
            lease_token="",
            problem=error.problem,
            detail=storable_text(error.detail)[:1000],
        )
        logger.warning(
            "Scheduled export %s: %s. It is tried again in %d minutes.",
            run.export,
            error.problem,
            pause.seconds // 60,
        )
        return
    status = Status.REFUSED if error.problem in NOT_TRIED else Status.FAILED
    _close(run, lease, status, problem=error.problem, detail=storable_text(error.detail)[:1000])
    logger.error("Scheduled export %s has no file: %s.", run.export, error.problem)


@retry_on_db_error
def _close(run: ScheduledExportRun, lease: Lease, status: str, **facts: Any) -> None:
    facts = {"problem": "", "detail": ""} | facts
    with transaction.atomic():
        if lease.write(status=status, open_key=None, lease_token="", finished_at=timezone.now(), **facts):
            note_end(run, good=status == Status.SUCCEEDED)


def note_end(run: ScheduledExportRun, *, good: bool) -> None:
    """Since when the export has failed; within the transaction that closes the run."""
    export = ScheduledExport.objects.filter(pk=run.export_id)
    if good:
        export.update(failing_since=None)
    else:
        export.filter(failing_since=None).update(failing_since=timezone.now())


def give_up(run: ScheduledExportRun, problem: Problem) -> bool:
    """Close a run that nobody works on now. Whether it was so."""
    still = ScheduledExportRun.objects.filter(pk=run.pk, status=run.status, lease_token=run.lease_token)
    with transaction.atomic():
        closed = still.update(
            status=Status.FAILED,
            open_key=None,
            lease_token="",
            finished_at=timezone.now(),
            problem=problem,
            detail="",
        )
        if closed:
            note_end(run, good=False)
    return bool(closed)
