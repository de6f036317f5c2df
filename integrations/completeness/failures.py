"""What audits could not heal, as failures that people see, replay and dismiss like those of syncs.

keep_failures   at the end of an audit: one for each finding that stays open; what agrees by now is resolved
replay_any      fetches the record of any failure again; that of an audit is compared with the list once more
recheck         after an order was stored by another way
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from audit.recording import record
from feed.models import Change
from feed.recording import Changed, add_changes
from integrations.completeness.days import recount
from integrations.completeness.healing import heal, settle, verdict_on
from integrations.completeness.proof import refresh_proof
from integrations.completeness.records import from_json
from integrations.models import AuditFinding, OrderAudit, SyncFailure, SyncLog
from integrations.protocol import RecordFailure
from integrations.sync.failures import replay, resolve
from integrations.sync.storing import storable_failure
from platforms.models import Platform

AT_ONCE = 500
ORDERS = SyncLog.Kind.ORDERS
Outcome = AuditFinding.Outcome
Resolution = SyncFailure.Resolution
FOUND = {
    AuditFinding.Kind.MISSING: "The platform lists this order, and it is not stored.",
    AuditFinding.Kind.STALE: "The platform lists a newer version of this order than the stored one.",
    AuditFinding.Kind.DIFFERENT: "The platform lists other values of this order than the stored ones.",
}


def keep_failures(audit: OrderAudit) -> None:
    """For the transaction that closes the audit.

    An order of which a failure is open keeps that one; what an earlier audit said of it is replaced. One that somebody
    has dismissed stays so as long as the reason is the same.
    """
    rows = audit.findings.filter(outcome=Outcome.OPEN).order_by("pk").iterator(chunk_size=AT_ONCE)
    while some := list(islice(rows, AT_ONCE)):
        _keep(audit, some)
    others = SyncFailure.objects.open().filter(platform=audit.platform, audit__lt=audit.pk)
    _resolve_those_that_agree(audit.platform, others, user=None)


def replay_any(failure: SyncFailure, *, user: User | None = None) -> SyncFailure:
    """Fetch the record again by its id and store it; what an audit found is compared with the list again, and stays
    open where it is still not so. Returns the failure as it is afterwards; raises PlatformError as `replay` does."""
    found = failure.findings.order_by("-pk").first() if failure.audit_id else None
    if found is None:
        failure = replay(failure, user=user)
        if not failure.is_open and failure.kind == ORDERS:
            recheck(failure.platform, failure.external_id, user=user)
        return failure
    failure = _reread(failure)
    if failure.is_open:
        values = heal(failure.platform, found, user=user)
        with transaction.atomic():
            _conclude(failure, found, values, user)
            if found.outcome == Outcome.HEALED:
                refresh_proof(failure.platform)
                record("failure.replayed", failure)
    return _reread(failure)


def recheck(platform: Platform, external_id: str, *, user: User | None = None) -> None:
    """Resolve what audits said of an order that is as their list says by now."""
    failures = SyncFailure.objects.open().filter(
        platform=platform, kind=ORDERS, external_id=external_id, audit__isnull=False
    )
    with transaction.atomic():
        _resolve_those_that_agree(platform, failures, user=user)


def _keep(audit: OrderAudit, findings: Sequence[AuditFinding]) -> None:
    """Link each to its failure, which is made where there is none."""
    open_ones, dismissed = _known(audit.platform, [found.external_id for found in findings])
    new: list[tuple[AuditFinding, SyncFailure]] = []
    for found in findings:
        kept = open_ones.get(found.external_id)
        unsaved = _failure(audit, found)
        if kept is not None and kept.audit_id is not None:
            reason = {"error_code", "error_message", "payload"}
            changes = {name: getattr(unsaved, name) for name in reason}
            SyncFailure.objects.filter(pk=kept.pk).update(audit=audit, **changes)
        elif kept is None:
            old = dismissed.get(found.external_id)
            kept = old if old is not None and _is_same(old, unsaved) else None
        if kept is None:
            new.append((found, unsaved))
        else:
            found.failure = kept
    for found, failure in new:
        failure.save(force_insert=True)
        found.failure = failure
    AuditFinding.objects.bulk_update(findings, ["failure"])
    changed = [Changed(failure.pk, failure.external_id) for _, failure in new]
    add_changes(Change.Kind.FAILURE_OPENED, audit.platform_id, changed)


def _known(platform: Platform, ids: Collection[str]) -> tuple[dict[str, SyncFailure], dict[str, SyncFailure]]:
    """By order: its newest open failure; and the newest of audits, where that is dismissed."""
    alike = SyncFailure.objects.filter(platform=platform, kind=ORDERS, external_id__in=list(ids))
    open_ones = {failure.external_id: failure for failure in alike.open().order_by("pk")}
    of_audits = alike.filter(audit__isnull=False).order_by().values("external_id").annotate(newest=Max("pk"))
    newest = SyncFailure.objects.filter(pk__in=[row["newest"] for row in of_audits])
    dismissed = newest.filter(resolution=Resolution.DISMISSED)
    return open_ones, {failure.external_id: failure for failure in dismissed}


def _failure(audit: OrderAudit, found: AuditFinding) -> SyncFailure:
    """Not saved yet."""
    listed = "; ".join(
        f"{each['field']}: {each['reported'] or '–'} in the list, {each['stored'] or '–'} stored"
        for each in found.differences
        if "field" in each
    )
    parts = [FOUND.get(AuditFinding.Kind(found.kind), ""), f"Audit #{audit.pk} could not heal that."]
    parts += [found.error_message, f"{listed}." if listed else ""]
    reason = storable_failure(
        RecordFailure(
            external_id=found.external_id,
            code=found.error_code or f"still_{found.kind}",
            message=" ".join(filter(None, parts)),
            payload={"found": found.kind, "listed": found.reported, "differences": found.differences},
        )
    )
    return SyncFailure(
        audit=audit,
        platform=audit.platform,
        kind=ORDERS,
        external_id=reason.external_id,
        error_code=reason.code,
        error_message=reason.message,
        payload=reason.payload,
    )


def _is_same(old: SyncFailure, new: SyncFailure) -> bool:
    """Whether nothing has changed since somebody looked at it."""
    is_same: bool = old.error_code == new.error_code and old.payload == new.payload
    return is_same


def _resolve_those_that_agree(platform: Platform, failures: Any, *, user: User | None) -> None:
    is_any = False
    for failure in _one_by_one(failures):
        found = failure.findings.order_by("-pk").first()
        if found is not None and verdict_on(platform, from_json(found.reported)).is_good:
            values = {"outcome": Outcome.HEALED, "error_code": "", "error_message": ""}
            _conclude(failure, found, values, user)
            is_any = True
    if is_any:  # once for all of them: it reads every audited day
        refresh_proof(platform)


def _one_by_one(failures: Any) -> Iterator[SyncFailure]:
    last = 0
    while some := list(failures.filter(pk__gt=last).order_by("pk").defer("payload")[:AT_ONCE]):
        yield from some
        last = some[-1].pk


def _conclude(failure: SyncFailure, found: AuditFinding, values: dict[str, Any], user: User | None) -> None:
    """Settle the finding, and its day, its audit and its failure with it. To be called in a transaction; where it is
    healed, the caller refreshes the platform's proof."""
    settle(found, values)
    if found.outcome == Outcome.HEALED:
        recount(found)
        resolve(SyncFailure.objects.filter(pk=failure.pk).open(), Resolution.REPLAYED, user)
        return
    unsaved = _failure(found.audit, found)
    reason = {name: getattr(unsaved, name) for name in ("error_code", "error_message", "payload")}
    SyncFailure.objects.filter(pk=failure.pk).update(**reason)


def _reread(failure: SyncFailure) -> SyncFailure:
    return SyncFailure.objects.select_related("platform", "resolved_by").get(pk=failure.pk)
