"""THE SYNC PATH, from the open row to the closed one. Read it from top to bottom. `start.py` opens the row.

run_sync        1 claim   2 pages until done, out of quota, another run goes first, or told to stop
                3 close (transitions.py)
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from core import log_context
from core.database.retry import DATABASE_ERRORS, no_db_retry, retry_on_db_error
from integrations.errors import (
    TOKEN_CODES,
    AuthenticationError,
    AuthorizationError,
    ConfigError,
    Interrupted,
    PlatformError,
    RateLimited,
)
from integrations.models import SyncLog
from integrations.protocol import Adapter
from integrations.registry import CHANNELS
from integrations.sync import transitions
from integrations.sync.connection import connected
from integrations.sync.datasets import remember_refused
from integrations.sync.fallback import mock_may_stand_in
from integrations.sync.lanes import goes_first, must_stand_aside, page_read, share_left_to_others
from integrations.sync.leases import Lease, LeaseLost, with_notes
from integrations.sync.storing import adjustments, keep_failures, store_bisecting
from integrations.sync.streams import STREAMS, Progress, Stream, stream_named
from integrations.sync.streams.base import AnyPage, Record
from integrations.sync.windows import platform_now, settle_window
from platforms.models import Source

logger = logging.getLogger(__name__)

# The limits of lost workers (killed, or without a database): at the same page, and in all.
MOST_LOST, MOST_LOST_IN_ALL = 5, 20


class RunCallbacks(NamedTuple):
    """What a run asks its caller (`stopping`) and tells it (`on_page`)."""

    stopping: Callable[[], bool]
    on_page: Callable[[SyncLog], None]


def _never() -> bool:
    return False


def _unwatched(_log: SyncLog) -> None:
    """The default of `on_page`."""


def run_sync(
    log_id: int,
    *,
    stopping: Callable[[], bool] = _never,
    on_page: Callable[[SyncLog], None] = _unwatched,
) -> SyncLog:
    """Work on a sync until it is closed, waits for quota, another run goes first, or `stopping()` says to leave.
    Returns the row as it is then.

    Does nothing if the sync is closed or another worker has it. Every problem of the platform is stored in the row.
    `on_page` is called with the log after each page that was stored.

    Raises DatabaseError if the database fails for so long that not even the error can be stored. The sync then stays
    open, and continues from its checkpoint once its lease has expired.
    """
    lease = Lease.claim(log_id)
    if lease is not None:
        try:
            with log_context.bound(sync_id=log_id, platform=lease.log.platform.name):
                _work(lease, RunCallbacks(stopping, on_page))
        except LeaseLost:
            logger.warning("Sync %s was taken over by another worker; stopped without storing.", log_id)
        except DATABASE_ERRORS:
            raise  # the reason could not be stored, so the sync cannot be put back either
        except BaseException:
            # Ctrl-C: the next worker continues from the checkpoint.
            with no_db_retry(), suppress(*DATABASE_ERRORS):
                transitions.requeue(lease)
            raise
    return _as_it_is(log_id)


def _work(lease: Lease, callbacks: RunCallbacks) -> None:
    """Stores every problem, the platform's or ours, in the row. Raises LeaseLost, and DatabaseError if the problem
    itself cannot be stored."""
    try:
        _reach_platform(lease, callbacks)
    except LeaseLost:
        raise
    except DATABASE_ERRORS as error:
        transitions.close_on_database_problem(lease, error)
    except Exception:
        logger.exception("Sync %s broke", lease.log.pk)
        text = "OMS itself made a mistake; the log of the worker has the details. What was read before is stored."
        transitions.close(lease, SyncLog.Status.FAILED, error_code="internal", error_message=text)


def _reach_platform(lease: Lease, callbacks: RunCallbacks) -> None:
    log = lease.log
    if log.cancel_requested:  # while it was being put back
        transitions.close_cancelled(lease)
        return
    if lease.lost_here >= MOST_LOST or lease.lost_in_all >= MOST_LOST_IN_ALL:
        transitions.close_worker_lost(lease)
        return
    if must_stand_aside(log):
        transitions.stand_aside(lease)
        return
    if goes_first(log):  # for one page
        callbacks = callbacks._replace(stopping=lambda: True)
    try:
        stream_named(log.kind)
    except ConfigError as error:  # nothing can stand in for it, made-up data neither
        transitions.close(lease, SyncLog.Status.FAILED, error_code=error.code, error_message=str(error))
        return
    if log.source == Source.MOCK:  # a fallback that was interrupted
        _sync_mock_pages(lease, callbacks)
        return
    try:
        retry_on_db_error(log.platform.encrypt_plain_config)()
        lease.update(credentials_digest=log.platform.credentials_digest)
        with connected(log.platform, log.kind, keep=share_left_to_others(log)) as adapter:
            _sync_pages(lease, adapter, callbacks)
    except RateLimited as error:
        transitions.wait_for_quota(lease, error)
    except (AuthenticationError, AuthorizationError) as error:
        is_of_call = isinstance(error, AuthorizationError) or error.code in TOKEN_CODES
        _fall_back_or_fail(lease, _interrupted(error) if log.pages and is_of_call else error, callbacks)
    except PlatformError as error:
        _fall_back_or_fail(lease, error, callbacks)


def _interrupted(error: PlatformError) -> Interrupted:
    """The error of a run whose earlier pages were answered: what it was refused, it was allowed a moment before."""
    happened = str(error).split(". ")[0].rstrip(".")
    text = (
        f"{happened}. It had answered for earlier pages of this sync, so this is probably an outage of theirs. What "
        "was read before is stored. Nothing has to be done: the next sync asks for the same time again."
    )
    return Interrupted(text, request_id=error.request_id, status=error.status)


def _sync_pages(lease: Lease, adapter: Adapter, callbacks: RunCallbacks) -> None:
    """Store page after page, then close the sync. Returns earlier if it is cancelled, another run goes first, or it is
    told to stop."""
    log, stream = lease.log, STREAMS[lease.log.kind]
    notes = adapter.notes
    if stream.has_window:
        notes += settle_window(log, adapter.scope, _now_there(lease, adapter))
    progress = stream.progress(log, adapter)
    lease.update(
        window_start=log.window_start,
        window_end=log.window_end,
        source=adapter.source,
        pages_expected=stream.guess_pages(log, adapter.source),
        checkpoint=log.checkpoint | {"scope": progress.scope},
    )
    lease.note(notes)
    known: set[str] = set()  # data sets whose refusal is stored
    try:
        for page in progress.pages() if not progress.is_done else ():
            progress.count_calls()
            if not adapter.datasets.refused <= known:
                known |= adapter.datasets.refused
                retry_on_db_error(remember_refused)(log.platform, log.kind, known)
            _store_page(lease, stream, progress, page)
            callbacks.on_page(log)
            if transitions.is_cancelled(log):
                transitions.close_cancelled(lease)
                return
            if page.next is not None and must_stand_aside(log):
                transitions.stand_aside(lease)
                return
            if page.next is not None and callbacks.stopping():
                transitions.requeue(lease)
                return
    finally:
        progress.count_calls()  # those of a page that failed, too
    if adapter.source == Source.MOCK:
        transitions.close(lease, SyncLog.Status.FALLBACK)
    else:
        is_partial = log.failed or progress.unread
        transitions.close(
            lease, SyncLog.Status.PARTIAL if is_partial else SyncLog.Status.SUCCEEDED, scope=progress.scope
        )


def _now_there(lease: Lease, adapter: Adapter) -> datetime:
    """The time at the platform. Raises PlatformError; the row says then what was asked."""
    try:
        return platform_now(adapter)
    except PlatformError:
        lease.update(source=adapter.source)
        raise


def _store_page(
    lease: Lease, stream: Stream[Record, AnyPage], progress: Progress[AnyPage], page: AnyPage
) -> None:
    progress.receive(page)
    lease.remember(**_store(lease, stream, progress, page))
    lease.note([*page.notes, *progress.take_notes()])


@retry_on_db_error
def _store(
    lease: Lease, stream: Stream[Record, AnyPage], progress: Progress[AnyPage], page: AnyPage
) -> dict[str, Any]:
    """One transaction: the records, the failures, the counters and the checkpoint, if the sync is still ours.

    Returns the new values of the log's row; nothing in memory is changed, since the transaction may be repeated.
    """
    log = lease.log
    with transaction.atomic():
        if not lease.renew():
            return lease.stored()
        outcome, refused = store_bisecting(
            page.records,
            lambda records: progress.store(stream, records),
            stream,
        )
        failures = [*page.failures, *refused]
        keep_failures(log, failures)
        progress.after_page(page)
        counted = {
            "pages": log.pages + 1,
            "fetched": log.fetched + len(page.records) + len(page.failures),
            "created": log.created + outcome.created,
            "updated": log.updated + outcome.updated,
            "unchanged": log.unchanged + outcome.unchanged,
            "failed": log.failed + len(failures),
            "notes": with_notes(log.notes, adjustments(outcome, log)),
            "checkpoint": progress.checkpoint(page) | page_read(log),
            **transitions.calls_of(log),
        }
        lease.write(**counted)
    return counted


def _fall_back_or_fail(lease: Lease, error: PlatformError, callbacks: RunCallbacks) -> None:
    """Stores the error in the row, then mock data if that is allowed and this sync stored nothing else. So one log
    never counts mock records together with others, and the checkpoint of a sync that fails stays."""
    log = lease.log
    falls_back = not log.pages and log.platform.kind in CHANNELS and mock_may_stand_in(log.platform)
    # Without credentials, mock data is what was promised.
    level = logging.INFO if falls_back and not log.platform.is_configured else logging.WARNING
    logger.log(level, "Sync %s of %s: %s (%s)", log.pk, log.platform.name, error, error.code)
    facts = {"error_code": error.code, "error_message": str(error), "request_id": error.request_id}
    if not falls_back:
        transitions.close(lease, SyncLog.Status.FAILED, **facts)
        return
    lease.update(**facts, source=Source.MOCK, checkpoint={})
    _sync_mock_pages(lease, callbacks)


def _sync_mock_pages(lease: Lease, callbacks: RunCallbacks) -> None:
    _sync_pages(lease, CHANNELS[lease.log.platform.kind].mock(), callbacks)


@retry_on_db_error
def _as_it_is(log_id: int) -> SyncLog:
    return SyncLog.objects.select_related("platform").get(pk=log_id)
