"""What audits of stock could not heal, as failures that people see, replay and dismiss like those of syncs: they are
failures of the sweep that should have brought the SKU."""

from collections.abc import Collection, Iterable
from itertools import islice

from django.db.models import Max, QuerySet

from feed.models import Change
from feed.recording import Changed, add_changes
from integrations.completeness.stock.stored import last_sweep
from integrations.models import AuditFinding, StockAudit, StockFinding, SyncFailure, SyncLog
from integrations.protocol import RecordFailure
from integrations.sync.failures import resolve
from integrations.sync.storing import storable_failure

AT_ONCE = 500
NOT_KNOWN, STILL_DIFFERENT = "not_known_by_name", "still_different"
OURS = (
    NOT_KNOWN,
    STILL_DIFFERENT,
)  # codes that no sync has; others are of the SKU itself, or of a marketplace
OF_A_SKU = (*OURS, "sku_refused", "malformed")
STOCK = SyncLog.Kind.INVENTORY
FOUND = {
    StockFinding.Kind.MISSING: "The platform lists this SKU in {site}, and it is not stored as listed.",
    StockFinding.Kind.DIFFERENT: "The platform lists other quantities of this SKU in {site} than the stored ones.",
}


def keep_failures(audit: StockAudit) -> None:
    """For the transaction that closes the audit: one for each SKU that stays open and has none; what is well by now is
    resolved, where all marketplaces were compared. One that somebody has dismissed stays so as long as the reason is
    the same."""
    open_ones = audit.findings.filter(outcome=AuditFinding.Outcome.OPEN, error_code__in=OF_A_SKU)
    _open(audit, open_ones)
    if not any(part["error"] for part in audit.parts):
        earlier = SyncFailure.objects.open().filter(
            platform=audit.platform, kind=STOCK, error_code__in=OURS, created_at__lt=audit.queued_at
        )
        resolve(
            earlier.exclude(external_id__in=open_ones.values("sku")), SyncFailure.Resolution.REPLAYED, None
        )


def _open(audit: StockAudit, findings: QuerySet[StockFinding]) -> None:
    log = None
    rows = findings.order_by("pk").iterator(chunk_size=AT_ONCE)
    while some := list(islice(rows, AT_ONCE)):
        by_sku = {found.sku: found for found in reversed(some)}
        known = SyncFailure.objects.open().filter(
            platform=audit.platform, kind=STOCK, external_id__in=list(by_sku)
        )
        for sku in known.values_list("external_id", flat=True):
            by_sku.pop(sku, None)
        for failure in _dismissed(audit, by_sku):
            if _is_same(failure, by_sku[failure.external_id]):
                del by_sku[failure.external_id]
        log = log or last_sweep(audit.platform, some[0].marketplace_id)
        _add(audit, log, reversed(by_sku.values()))


def _dismissed(audit: StockAudit, skus: Collection[str]) -> QuerySet[SyncFailure]:
    """Of each SKU the newest failure, where that is dismissed."""
    alike = SyncFailure.objects.filter(
        platform=audit.platform, kind=STOCK, external_id__in=list(skus), error_code__in=OF_A_SKU
    )
    newest = (
        alike.order_by().values("external_id").annotate(newest=Max("pk")).values_list("newest", flat=True)
    )
    return SyncFailure.objects.filter(pk__in=list(newest), resolution=SyncFailure.Resolution.DISMISSED)


def _is_same(old: SyncFailure, found: StockFinding) -> bool:
    """Whether it is open for the same reason. Quantities move all the time, and are none."""
    place = {"found": found.kind, "marketplace_id": found.marketplace_id, "fnsku": found.fnsku}
    is_same: bool = old.error_code == found.error_code and place.items() <= (old.payload or {}).items()
    return is_same


def _add(audit: StockAudit, log: SyncLog | None, findings: Iterable[StockFinding]) -> None:
    new = [_failure(audit, log, found) for found in findings]
    for failure in new:
        failure.save(force_insert=True)
    changed = [Changed(failure.pk, failure.external_id) for failure in new]
    add_changes(Change.Kind.FAILURE_OPENED, audit.platform_id, changed)


def _failure(audit: StockAudit, log: SyncLog | None, found: StockFinding) -> SyncFailure:
    """Not saved yet."""
    reason = storable_failure(_reason(audit, found))
    return SyncFailure(
        log=log,
        platform=audit.platform,
        kind=STOCK,
        external_id=reason.external_id,
        error_code=reason.code,
        error_message=reason.message,
        payload=reason.payload,
    )


def _reason(audit: StockAudit, found: StockFinding) -> RecordFailure:
    """What was found, what became of it, and both values."""
    listed = "; ".join(
        f"{each['field']}: {each['reported']} in the list, {each['stored']} stored"
        for each in found.differences
        if "field" in each
    )
    parts = (
        FOUND.get(StockFinding.Kind(found.kind), "").format(site=found.marketplace_id),
        f"Audit #{audit.pk} of stock could not heal that.",
        found.error_message,
        listed and f"{listed}.",
    )
    payload = {
        "found": found.kind,
        "marketplace_id": found.marketplace_id,
        "fnsku": found.fnsku,
        "listed": found.reported,
        "stored": found.stored,
    }
    message = " ".join(filter(None, parts))
    return RecordFailure(external_id=found.sku, code=found.error_code, message=message, payload=payload)
