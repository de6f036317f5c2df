"""The end of an audit: its figures, and what is known of each of its days."""

from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.claim import Claim
from integrations.completeness.days import Place, write_days
from integrations.completeness.failures import keep_failures
from integrations.completeness.proof import refresh_proof
from integrations.models import AuditedDay, AuditFinding, OrderAudit, SyncFailure

Kind, Outcome, State = AuditFinding.Kind, AuditFinding.Outcome, AuditedDay.State
AT_ONCE = 500  # rows of a statement


@retry_on_db_error
def close(claim: Claim) -> None:
    """Count the findings, write the days, make failures of what stays open, and close it, all in one."""
    audit = claim.audit
    rows = (
        audit.findings.order_by()
        .values_list("day", "marketplace_id", "kind", "outcome")
        .annotate(n=Count("pk"))
    )
    by_place: dict[Place, Counter[str]] = {}
    figures: Counter[str] = Counter()
    for day, site, kind, outcome, count in rows:
        of_day = by_place.setdefault((day, site), Counter())
        for counter in (of_day, figures):
            counter[kind] += count
            counter[outcome] += count
    with transaction.atomic():
        write_days(audit, by_place)
        keep_failures(audit)
        _forget_kept(audit)
        refresh_proof(audit.platform)
        is_good = not figures[Outcome.OPEN] and not audit.unread
        claim.end(
            OrderAudit.Status.SUCCEEDED if is_good else OrderAudit.Status.PARTIAL,
            **{kind: figures[kind] for kind in Kind.values},
            healed=figures[Outcome.HEALED],
            open=figures[Outcome.OPEN],
        )


def _forget_kept(audit: OrderAudit) -> None:
    """Of earlier audits, what was here alone on days that a later one has compared: found once more, or no longer so.
    Of the others it stays, so that a day's page has what its figures say."""
    before = OrderAudit.objects.filter(platform=audit.platform, pk__lt=audit.pk)
    kept = AuditFinding.objects.filter(
        audit__in=list(before.values_list("pk", flat=True)), outcome=Outcome.KEPT
    )
    of_its_day = AuditedDay.objects.filter(
        audit=OuterRef("audit"), day=OuterRef("day"), marketplace_id=OuterRef("marketplace_id")
    )
    doomed = kept.exclude(Exists(of_its_day)).values_list("pk", flat=True)
    while ids := list(doomed[:AT_ONCE]):
        AuditFinding.objects.filter(pk__in=ids).delete()


def prune_audits() -> int:
    """Delete closed audits of long ago, with what they found; what is known of the days stays. Returns how many.

    Audits that a day is still open by stay, and so do those with failures, as syncs do; of these goes what they found
    beside that.
    """
    long_ago = timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS)
    old = OrderAudit.objects.filter(open_key=None, finished_at__lt=long_ago)
    open_days = AuditedDay.objects.filter(audit=OuterRef("pk"), state=State.OPEN)
    is_needed = Exists(open_days) | Exists(SyncFailure.objects.filter(audit=OuterRef("pk")))
    ids = list(old.exclude(is_needed).values_list("pk", flat=True))
    for pk in ids:  # each may have found very much
        OrderAudit.objects.filter(pk=pk).delete()
    for pk in old.filter(is_needed).values_list("pk", flat=True):
        AuditFinding.objects.filter(audit=pk, failure=None).exclude(outcome=Outcome.OPEN).delete()
    return len(ids)
