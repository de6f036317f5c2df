"""The end of an audit: its figures, and what is known of each of its days."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.claim import Claim
from integrations.completeness.comparing import LAG
from integrations.models import AuditedDay, AuditFinding, OrderAudit

Kind, Outcome, State = AuditFinding.Kind, AuditFinding.Outcome, AuditedDay.State
WORST = (
    State.PROVEN,
    State.HEALED,
    State.NOT_YET,
    State.OPEN,
)  # of two lists that share a day, the worse one counts
Place = tuple[date | None, str]  # day and marketplace


@retry_on_db_error
def close(claim: Claim) -> None:
    """Count the findings, write the days, and close it, all in one."""
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
        _write_days(audit, by_place)
        before = list(
            OrderAudit.objects.filter(platform=audit.platform, pk__lt=audit.pk).values_list("pk", flat=True)
        )
        AuditFinding.objects.filter(
            audit__in=before, outcome=Outcome.KEPT
        ).delete()  # found once more, or no longer so
        is_good = not figures[Outcome.OPEN] and not audit.unread
        claim.end(
            OrderAudit.Status.SUCCEEDED if is_good else OrderAudit.Status.PARTIAL,
            **{kind: figures[kind] for kind in Kind.values},
            healed=figures[Outcome.HEALED],
            open=figures[Outcome.OPEN],
        )


def _write_days(audit: OrderAudit, by_place: dict[Place, Counter[str]]) -> None:
    now = timezone.now()
    rows: dict[tuple[date, str], AuditedDay] = {}
    for part in audit.parts:
        for text, site, count in part["days"]:
            day = date.fromisoformat(text)
            row = rows.setdefault(
                (day, site),
                AuditedDay(
                    platform=audit.platform, day=day, marketplace_id=site, audit=audit, checked_at=now
                ),
            )
            found = by_place.get((day, site), Counter())
            row.orders += count
            row.list_id = part["list"]
            for kind in Kind.values:
                setattr(row, kind, found[kind])
            row.healed, row.open = found[Outcome.HEALED], found[Outcome.OPEN]
            row.state = max(row.state or State.PROVEN, _state(row, part), key=WORST.index)
    if rows:
        days = [day for day, _ in rows]
        stored = AuditedDay.objects.filter(platform=audit.platform, day__gte=min(days), day__lte=max(days))
        stored.delete()
        AuditedDay.objects.bulk_create(rows.values(), batch_size=500)


def _state(row: AuditedDay, part: dict[str, Any]) -> AuditedDay.State:
    asked_at = datetime.fromisoformat(part["asked_at"])
    is_over = datetime.combine(row.day + timedelta(days=1), time.min, UTC) <= asked_at - LAG
    if row.open or part.get("unnamed"):  # rows that do not even name their order may be of any day
        return State.OPEN
    if not is_over:
        return State.NOT_YET
    return State.HEALED if row.healed else State.PROVEN


def prune_audits() -> int:
    """Delete closed audits of long ago, with what they found; what is known of the days stays. Returns how many."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS)
    doomed = OrderAudit.objects.filter(open_key=None, finished_at__lt=long_ago)
    return doomed.delete()[1].get(OrderAudit._meta.label, 0)
