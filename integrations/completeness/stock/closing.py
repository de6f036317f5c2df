"""The end of an audit of stock: its figures, and what is known of each of its marketplaces."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.stock.claim import StockClaim
from integrations.completeness.stock.failures import keep_failures
from integrations.models import AuditedDay, AuditedStock, AuditFinding, StockAudit, StockFinding

Kind, Outcome, State = StockFinding.Kind, AuditFinding.Outcome, AuditedDay.State
Status = StockAudit.Status


@retry_on_db_error
def close(claim: StockClaim) -> None:
    """Count the findings, write the marketplaces, make failures of what stays open, and close it, all in one."""
    audit = claim.audit
    rows = audit.findings.order_by().values_list("marketplace_id", "kind", "outcome").annotate(n=Count("pk"))
    by_site: dict[str, Counter[str]] = {}
    figures: Counter[str] = Counter()
    for site, kind, outcome, count in rows:
        for counter in (by_site.setdefault(site, Counter()), figures):
            counter[kind] += count
            counter[outcome] += count
    with transaction.atomic():
        for part in audit.parts:
            _write(audit, part, by_site.get(part["site"], Counter()))
        keep_failures(audit)
        earlier = StockFinding.objects.filter(audit__platform=audit.platform, audit__lt=audit.pk)
        earlier.filter(outcome=Outcome.KEPT).delete()  # found once more, or no longer so
        claim.end(
            _status(audit, figures),
            **{kind: figures[kind] for kind in Kind.values},
            healed=figures[Outcome.HEALED],
            open=figures[Outcome.OPEN],
            **_error(audit),
        )


def _write(audit: StockAudit, part: dict[str, Any], found: Counter[str]) -> None:
    error = part["error"] or {"code": "", "message": ""}
    now, state = timezone.now(), _state(part, found)
    before = AuditedStock.objects.filter(
        platform=audit.platform, marketplace_id=part["site"], state=State.OPEN
    )
    since = before.values_list("open_since", flat=True).first()
    AuditedStock.objects.update_or_create(
        platform=audit.platform,
        marketplace_id=part["site"],
        defaults={
            "state": state,
            "open_since": (since or now) if state == State.OPEN else None,
            "listings": part["listings"],
            **{kind: found[kind] for kind in Kind.values},
            "healed": found[Outcome.HEALED],
            "open": found[Outcome.OPEN],
            "list_id": part["list"],
            "asked_at": datetime.fromisoformat(part["asked_at"]) if part["asked_at"] else None,
            "error_code": error["code"],
            "error_message": error["message"],
            "audit": audit,
            "checked_at": now,
        },
    )


def _state(part: dict[str, Any], found: Counter[str]) -> str:
    if part["error"]:
        return State.NOT_YET
    if found[Outcome.OPEN] or part["unread"]:
        return State.OPEN
    return State.HEALED if found[Outcome.HEALED] else State.PROVEN


def _status(audit: StockAudit, figures: Counter[str]) -> str:
    """What has never been read is not compared, and no failure."""
    failed = [part for part in audit.parts if part["error"] and part["error"]["code"] != "never_read"]
    if failed and len(failed) == len(audit.parts):
        return Status.FAILED
    return Status.PARTIAL if failed or figures[Outcome.OPEN] or audit.unread else Status.SUCCEEDED


def _error(audit: StockAudit) -> dict[str, str]:
    """That of the first marketplace that failed."""
    errors = [part["error"] for part in audit.parts if part["error"]]
    return {"error_code": errors[0]["code"], "error_message": errors[0]["message"]} if errors else {}


def prune_stock_audits() -> int:
    """Delete closed audits of long ago, with what they found; what is known of the marketplaces stays, and so do audits
    by which one is open. Returns how many."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS)
    open_ones = AuditedStock.objects.filter(state=State.OPEN, audit__isnull=False).values("audit")
    doomed = StockAudit.objects.filter(open_key=None, finished_at__lt=long_ago).exclude(pk__in=open_ones)
    return sum(audit.delete()[1].get(StockAudit._meta.label, 0) for audit in doomed)
