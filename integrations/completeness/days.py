"""What an audit says of each day and marketplace, and how that changes when what it found is settled later."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

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


def write_days(audit: OrderAudit, by_place: Mapping[Place, Counter[str]]) -> None:
    """In the place of what earlier audits said of these days. `by_place` counts the findings by kind and outcome."""
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
            row.orders += count
            row.list_id = part["list"]
            _count(row, by_place.get((day, site), Counter()))
            row.state = max(row.state or State.PROVEN, _state(row, part), key=WORST.index)
    if rows:
        days = [day for day, _ in rows]
        stored = AuditedDay.objects.filter(platform=audit.platform, day__gte=min(days), day__lte=max(days))
        since = {
            (row.day, row.marketplace_id): row.open_since or row.checked_at
            for row in stored.filter(state=State.OPEN)
        }
        for place, row in rows.items():
            row.open_since = since.get(place, now) if row.state == State.OPEN else None
        stored.delete()
        AuditedDay.objects.bulk_create(rows.values(), batch_size=500)


def recount(found: AuditFinding) -> None:
    """A finding was healed after its audit was closed: its day and its audit are one order better. What is open is
    counted, and never pruned; what was healed before may be gone, so what is open no more is added to it. To be called
    in a transaction."""
    audit = OrderAudit.objects.select_for_update().get(pk=found.audit_id)
    _recount(audit, audit.findings.all())
    if audit.status == OrderAudit.Status.PARTIAL and not audit.open and not audit.unread:
        audit.status = OrderAudit.Status.SUCCEEDED
    audit.save(update_fields=["healed", "open", "status"])
    rows = AuditedDay.objects.filter(audit=audit, marketplace_id=found.marketplace_id)
    for row in rows.filter(day=found.day) if found.day else ():
        of_day = audit.findings.filter(day=row.day, marketplace_id=row.marketplace_id)
        _recount(row, of_day)
        place = [row.day.isoformat(), row.marketplace_id]
        parts = [part for part in audit.parts if any(each[:2] == place for each in part["days"])]
        row.state = max((_state(row, part) for part in parts), key=WORST.index, default=State(row.state))
        row.open_since = row.open_since if row.state == State.OPEN else None
        row.save(update_fields=["healed", "open", "state", "open_since"])


def _recount(counted: OrderAudit | AuditedDay, findings: Any) -> None:
    left = findings.filter(outcome=Outcome.OPEN).count()
    counted.healed, counted.open = counted.healed + max(0, counted.open - left), left


def _count(row: AuditedDay, found: Counter[str]) -> None:
    for kind in Kind.values:
        setattr(row, kind, found[kind])
    row.healed, row.open = found[Outcome.HEALED], found[Outcome.OPEN]


def _state(row: AuditedDay, part: dict[str, Any]) -> AuditedDay.State:
    asked_at = datetime.fromisoformat(part["asked_at"])
    is_over = datetime.combine(row.day + timedelta(days=1), time.min, UTC) <= asked_at - LAG
    is_unread = [row.day.isoformat(), row.marketplace_id] in part.get("unread_days", [])
    has_unnamed = bool(part.get("unnamed"))  # rows that do not even name their order may be of any day
    if row.open or is_unread or has_unnamed:
        return State.OPEN
    if not is_over:
        return State.NOT_YET
    return State.HEALED if row.healed else State.PROVEN
