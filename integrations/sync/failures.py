"""Records that could not be stored: replay fetches them again, dismiss closes them. storing.py makes their rows."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.recording import record
from feed.models import Change
from feed.recording import Changed, add_changes_by_platform
from integrations.errors import (
    AuthenticationError,
    AuthorizationError,
    ConfigError,
    PlatformError,
    RateLimited,
    RequestRefused,
    TransientError,
)
from integrations.models import SyncFailure, SyncLog
from integrations.protocol import RecordFailure
from integrations.sync.connection import connected
from integrations.sync.storing import keep_what_is_storable, store_bisecting
from integrations.sync.streams import stream_named
from platforms.models import Source

logger = logging.getLogger(__name__)

# Errors that the next record of the same platform would meet as well: asking again would only cost time and quota.
STUCK = (AuthenticationError, ConfigError, RateLimited)
# Errors that may be about one record or pass by themselves; after so many in a row, they are not.
IN_DOUBT = (TransientError, AuthorizationError)
MOST_IN_A_ROW = 3


class Replayed(NamedTuple):
    """A failure after a replay, and the error of the platform if that is why it is still open."""

    failure: SyncFailure
    error: PlatformError | None

    @property
    def why_open(self) -> tuple[str, str]:
        """(code, sentence) of why it is still open; two empty texts where it is resolved."""
        if self.error is not None:
            return self.error.code, str(self.error)
        if self.failure.is_open:
            return self.failure.error_code, self.failure.error_message
        return "", ""


class Replay(Protocol):
    """Fetches a record again and stores it. Raises PlatformError."""

    def __call__(self, failure: SyncFailure, *, user: User | None = None) -> SyncFailure: ...


def replay(failure: SyncFailure, *, user: User | None = None) -> SyncFailure:
    """Fetch the record again by its id and store it. Returns the failure as it is afterwards.

    1. Resolved already: nothing is done.
    2. Stored: all open failures of this record that syncs met are resolved, since they are about an older copy.
    3. The record is still bad, or the platform does not know it any more: it stays open, with the new reason. So does
       one of a backfill where the record is stored and not all of it is here yet.

    Raises PlatformError where the platform cannot be asked or does not answer; nothing is changed then.
    """
    failure = SyncFailure.objects.select_related("platform", "log", "resolved_by").get(pk=failure.pk)
    if not failure.is_open:
        return failure
    if not failure.external_id:
        raise RequestRefused(
            "The platform's answer did not say which record this is, so it cannot be fetched again. Look at its "
            "payload, and dismiss it; a later sync stores the record once the platform reports it well.",
            code="no_record_id",
        )
    platform, stream = failure.platform, stream_named(failure.kind)
    # Only failures from before the call: a later one is about a later copy.
    alike = SyncFailure.objects.open().filter(pk__lte=_newest(failure), **failure.record)
    alike = alike.filter(
        audit=failure.audit_id
    )  # what audits could not heal is compared again: completeness/failures
    platform.encrypt_plain_config()
    with connected(platform, failure.kind) as adapter:
        _check_source(failure, adapter.source)
        records, problems = stream.fetch(adapter, failure.external_id)
        source = adapter.source
    with transaction.atomic():
        _outcome, refused = store_bisecting(
            records, lambda some: stream.store(platform, some, source, None), stream
        )
        problems = [*problems, *refused]
        if problems:
            _keep_open(failure, problems[0])
        else:
            stream.after_fetch(platform, records, source)
            lacking = stream.still_lacking(platform, records)
            settled = alike.settled_by(source, is_in_full=lacking is None)
            resolve(settled, SyncFailure.Resolution.REPLAYED, user)
            if lacking is not None and failure.is_of_a_backfill:
                _keep_open(failure, lacking)
            else:
                record("failure.replayed", failure)
    failure.refresh_from_db()
    return failure


def replay_each(
    failures: QuerySet[SyncFailure], *, user: User | None = None, by: Replay = replay
) -> Iterator[Replayed]:
    """Replay the open ones among `failures`, oldest first, each record once, one in memory at a time; `by` does it.

    One that fails does not stop the others. If the credentials or the quota are missing, or the platform
    is down, it is not asked again for each of the rest.
    """
    stuck: dict[tuple[int, str], PlatformError] = {}
    in_a_row: Counter[tuple[int, str]] = Counter()
    for failure in _one_by_one(failures, each_record_once=True):
        where = failure.platform_id, failure.kind
        if where in stuck:
            yield Replayed(failure, stuck[where])
            continue
        try:
            replayed = Replayed(by(failure, user=user), None)
        except PlatformError as error:
            replayed = Replayed(failure, error)
        except DatabaseError:
            raise
        except Exception:
            logger.exception("The replay of failure %s broke", failure.pk)
            text = "OMS itself made a mistake; its log has the details. Nothing of this record was stored."
            replayed = Replayed(failure, PlatformError(text, code="internal"))
        in_a_row[where] = in_a_row[where] + 1 if isinstance(replayed.error, IN_DOUBT) else 0
        if replayed.error and (isinstance(replayed.error, STUCK) or in_a_row[where] == MOST_IN_A_ROW):
            stuck[where] = replayed.error
        yield replayed


def dismiss(failure: SyncFailure, user: User | None = None) -> SyncFailure:
    """Close it without fetching: nobody needs the record. One that is resolved already stays as it is."""
    with transaction.atomic():
        resolve(SyncFailure.objects.open().filter(pk=failure.pk), SyncFailure.Resolution.DISMISSED, user)
        record("failure.dismissed", failure)
    return SyncFailure.objects.select_related("platform", "resolved_by").get(pk=failure.pk)


def dismiss_each(failures: QuerySet[SyncFailure], *, user: User | None = None) -> Iterator[SyncFailure]:
    """Dismiss the open ones among `failures`, one in memory at a time."""
    for failure in _one_by_one(failures):
        yield dismiss(failure, user)


def resolve(failures: QuerySet[SyncFailure], resolution: str, user: User | None) -> None:
    """Store how these were resolved, and by whom."""
    with transaction.atomic():
        rows = failures.select_for_update().order_by("pk").values_list("pk", "external_id", "platform_id")
        found = list(rows)
        resolved = SyncFailure.objects.filter(pk__in=[pk for pk, *_ in found])
        resolved.update(resolved_at=timezone.now(), resolution=resolution, resolved_by=user)
        fields = ("resolved_at", "resolution")
        changed = [(platform_id, Changed(pk, name, fields)) for pk, name, platform_id in found]
        add_changes_by_platform(Change.Kind.FAILURE_RESOLVED, changed)


def dismiss_deleted(platform_id: int, external_ids: Sequence[str]) -> None:
    """These orders were deleted for their age. What could not be had of them is not asked for any more: that would
    bring them back."""
    failures = SyncFailure.objects.open().filter(
        platform=platform_id, kind=SyncLog.Kind.ORDERS, external_id__in=list(external_ids)
    )
    resolve(failures, SyncFailure.Resolution.DISMISSED, None)


def _one_by_one(failures: QuerySet[SyncFailure], *, each_record_once: bool = False) -> Iterator[SyncFailure]:
    """The open ones, oldest first, without those that are written meanwhile.

    `each_record_once`: of several failures of one record, the newest stands for all.
    """
    last = failures.order_by("-pk").values_list("pk", flat=True).first() or 0
    rows = failures.filter(resolved_at__isnull=True, pk__lte=last).order_by("pk")
    pk = 0
    while (failure := rows.filter(pk__gt=pk).first()) is not None:
        pk = failure.pk
        is_stood_for = each_record_once and failure.external_id and failure.audit_id is None
        alike = rows.filter(pk__gt=pk, audit=None, **failure.record)
        if not (is_stood_for and alike.exists()):
            yield failure


def _newest(failure: SyncFailure) -> int:
    """The id of the newest open failure of the same record; `failure` is one of them, or was."""
    alike = SyncFailure.objects.open().filter(**failure.record)
    return alike.order_by("-pk").values_list("pk", flat=True).first() or failure.pk


def _check_source(failure: SyncFailure, source: str) -> None:
    """Raises RequestRefused if the platform would answer a question about live data with test data."""
    is_live = failure.log is None or failure.log.source == Source.LIVE  # audits are of live data
    if is_live and source != Source.LIVE:
        raise RequestRefused(
            f"The record is live data, but platform {failure.platform.name} is set to its {source} now. Nothing was "
            "changed. Store the production credentials again and repeat it, or dismiss the failure.",
            code="other_source",
        )


def _keep_open(failure: SyncFailure, problem: RecordFailure) -> None:
    def write(problem: RecordFailure) -> None:
        reason: dict[str, Any] = {"error_code": problem.code, "error_message": problem.message}
        if problem.payload:
            reason["payload"] = problem.payload
        SyncFailure.objects.open().filter(pk=failure.pk).update(**reason)

    keep_what_is_storable(problem, write)
