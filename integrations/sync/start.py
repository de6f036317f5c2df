"""Starting a sync: the one way for the admin, the API, the commands and the scheduler.

start_sync      requests a sync and tells the workers, or says why not
request_sync    its first step: a row, or the open sync that stands in the way

Of a platform and stream, one regular sync and one with a window of its own are open at a time (`lanes.py`). The same
request again gets the open one. A different request for the same lane is refused, or with `after_open` gets a sync that
starts when the open one is closed (`deferred.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core.database.retry import retry_on_db_error
from integrations.models import SyncLog
from integrations.sync.asked import as_text, digest_of, is_what_was_asked, what_is_asked
from integrations.sync.forecast import guess_pages
from integrations.sync.queue import announce, start_next
from integrations.sync.streams import STREAMS
from integrations.sync.windows import WindowRequest
from platforms.models import Platform

ATTEMPTS = 5  # the open sync may close between our insert and our look


class Problem(StrEnum):
    """Stable codes: scripts may compare them."""

    ANOTHER_OPEN = "another_sync_is_open"  # `log` is that one; nothing was started
    QUEUE_DOWN = "queue_unreachable"  # the sync is open, and the scheduler tells the workers of it


@dataclass(frozen=True, slots=True)
class Started:
    """The result of a request. `log` is the sync that was asked for, new or open already; where the request was
    refused (`is_refused`), it is the open sync that stands in the way.

    `is_queued`: a worker was told, or will be when the transaction is committed.
    """

    log: SyncLog
    is_new: bool = False
    is_queued: bool = False
    problem: Problem | None = None

    @property
    def is_refused(self) -> bool:
        return self.problem == Problem.ANOTHER_OPEN


def start_sync(
    *,
    platform: Platform,
    kind: str,
    trigger: str,
    user: User | None = None,
    window: WindowRequest | None = None,
    skus: Sequence[str] = (),
    in_place: bool = False,
    after_open: bool = False,
) -> Started:
    """Open a sync and tell the workers, or say why not. `window` is for orders, `skus` for inventory.

    `in_place`: the caller works on it, so no worker is told. `after_open`: where another sync is open, start when
    that one is closed, instead of being refused; the request is stored and survives a restart of all processes.
    Raises DatabaseError where the request could not be stored, and Platform.DoesNotExist where the platform was deleted
    meanwhile. A queue that is down is no error: the sync stays open, `problem` says so, and the scheduler tells the
    workers within minutes.
    """
    started = request_sync(
        platform=platform,
        kind=kind,
        trigger=trigger,
        user=user,
        window=window,
        skus=skus,
        after_open=after_open,
    )
    # The message of an older sync may be lost; telling the workers twice is harmless.
    if in_place or started.is_refused or started.log.status != SyncLog.Status.QUEUED:
        return started
    if announce(started.log):
        return replace(started, is_queued=True)
    return replace(started, problem=Problem.QUEUE_DOWN)


def request_sync(
    *,
    platform: Platform,
    kind: str,
    trigger: str,
    user: User | None = None,
    window: WindowRequest | None = None,
    skus: Sequence[str] = (),
    after_open: bool = False,
) -> Started:
    """The row of the sync to work on, new or open already, or the open sync that stands in the way.

    Raises Platform.DoesNotExist where it was deleted meanwhile.
    """
    request = _Request(platform, kind, trigger, user, window or WindowRequest(), skus)
    asked = what_is_asked(request.window, skus)
    open_key = SyncLog.open_key_for(platform, kind, request.lane)
    waiting_key = f"{SyncLog.open_key_for(platform, kind)}:{digest_of(asked)}"
    for _attempt in range(ATTEMPTS):
        log = request.store(open_key=open_key)
        if log is not None:
            return Started(log, is_new=True)
        open_one = _with_key(open_key)
        if open_one is None:
            _check_it_is_there(platform)
            continue
        if is_what_was_asked(open_one, asked):
            return Started(open_one)
        waiting = _with_key(waiting_key)
        if waiting is not None:
            return Started(waiting)
        if not after_open:
            return Started(open_one, problem=Problem.ANOTHER_OPEN)
        log = request.store(open_key=waiting_key, status=SyncLog.Status.DEFERRED)
        if log is not None:
            return Started(_unless_it_closed_meanwhile(log), is_new=True)
    raise RuntimeError(f"Could neither open a sync for {open_key} nor find the open one.")


def _check_it_is_there(platform: Platform) -> None:
    """Raises Platform.DoesNotExist with a sentence for people."""
    if not Platform.objects.filter(pk=platform.pk).exists():
        raise Platform.DoesNotExist(f"Platform {platform.name} was deleted meanwhile. Nothing was started.")


def unopened(platform: Platform, kind: str, window: WindowRequest, trigger: str) -> SyncLog:
    """The row that such a request would get, to say beforehand what it will take. It is not stored."""
    return _Request(platform, kind, trigger, None, window, ()).unsaved()


def _unless_it_closed_meanwhile(log: SyncLog) -> SyncLog:
    """The deferred sync as it is now. The process that closed the open one may have looked for it just before it
    was stored."""
    start_next(log)
    return SyncLog.objects.select_related("platform").get(pk=log.pk)


def _with_key(open_key: str) -> SyncLog | None:
    return SyncLog.objects.select_related("platform").filter(open_key=open_key).first()


@dataclass(frozen=True, slots=True)
class _Request:
    platform: Platform
    kind: str
    trigger: str
    user: User | None
    window: WindowRequest
    skus: Sequence[str]

    @property
    def lane(self) -> SyncLog.Lane:
        return self.unsaved().lane

    @retry_on_db_error  # many requests at once: InnoDB breaks deadlocks between their inserts
    def store(self, *, open_key: str, status: str = SyncLog.Status.QUEUED) -> SyncLog | None:
        """The new row; None if another row has the key."""
        log = self.unsaved()
        log.open_key, log.status, log.pages_expected = open_key, status, guess_pages(log)
        try:
            with transaction.atomic():
                log.save(force_insert=True)
        except IntegrityError:
            return None
        return log

    def unsaved(self) -> SyncLog:
        window = self.window
        return SyncLog(
            platform=self.platform,
            kind=self.kind,
            trigger=self.trigger,
            requested_by=self.user,
            asked=as_text(what_is_asked(window, self.skus)),
            is_incremental=window.is_incremental,
            window_by=window.by if STREAMS[self.kind].has_window else "",
            window_start=window.since,
            window_end=window.until,
            skus=list(self.skus),
            notes=[note.as_json() for note in window.notes],
        )
