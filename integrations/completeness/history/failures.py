"""Orders that a backfill or a catch-up could not have, as failures that people see, replay and dismiss like those of
syncs."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from feed.models import Change
from feed.recording import Changed, add_changes
from integrations.errors import TransientError
from integrations.models import FetchingJob, SyncFailure, SyncLog
from integrations.protocol import RecordFailure
from integrations.sync.storing import keep_what_is_storable, storable_failure
from integrations.sync.streams.orders import IS_NOT_IN_FULL
from platforms.models import Platform

ORDERS = SyncLog.Kind.ORDERS


def keep_failures(platform: Platform, failures: Sequence[RecordFailure]) -> int:
    """Store each with its reason; one that an earlier backfill left open is renewed. Returns how many there are."""
    for failure in map(storable_failure, failures):
        with transaction.atomic():
            if not (failure.external_id and _renew(platform, failure)):
                keep_what_is_storable(failure, lambda failure: _write(platform, failure))
    return len(failures)


def of_backfills(platform_id: int) -> QuerySet[SyncFailure]:
    """No sync met them, and no audit."""
    return SyncFailure.objects.filter(platform=platform_id, kind=ORDERS, log=None, audit=None)


def may_pass(platform_id: int) -> QuerySet[SyncFailure]:
    """The open ones of orders that the platform answered with an older version than its list had, or did not answer
    for; newest first."""
    codes = (IS_NOT_IN_FULL, TransientError.default_code)
    return of_backfills(platform_id).filter(resolved_at=None, error_code__in=codes).order_by("-pk")


def given_up(job: FetchingJob, since: datetime) -> Exists:
    """Of a query of orders: those that could not be had since then, whatever a person decided about them. One of which
    a newer version was stored after that is none of them."""
    failures = of_backfills(job.platform_id).filter(external_id=OuterRef("external_id"))
    return Exists(failures.filter(created_at__gte=since).filter(created_at__gte=OuterRef("synced_at")))


def _renew(platform: Platform, failure: RecordFailure) -> bool:
    """The open one of the same order, with the reason of now. False where there is none."""
    alike = of_backfills(platform.pk).filter(external_id=failure.external_id, resolved_at=None)
    reason = {"error_code": failure.code, "error_message": failure.message}
    return bool(alike.update(**reason, created_at=timezone.now()))


def _write(platform: Platform, failure: RecordFailure) -> None:
    row = SyncFailure(
        platform=platform,
        kind=ORDERS,
        external_id=failure.external_id,
        error_code=failure.code,
        error_message=failure.message,
        payload=failure.payload,
    )
    row.save(force_insert=True)
    add_changes(Change.Kind.FAILURE_OPENED, platform.pk, [Changed(row.pk, row.external_id)])
