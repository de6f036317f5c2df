"""What audits know of one order: what they found of it, and when it was as it is listed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.completeness.comparing import LAG
from integrations.models import AuditedDay, AuditFinding
from orders.models import Order
from platforms.models import Source

Outcome, State = AuditFinding.Outcome, AuditedDay.State
MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An order and the list that it was compared with. `found`: what was amiss, None where it was as listed."""

    at: datetime
    audit_id: int
    found: AuditFinding | None = None

    @property
    def brought_it(self) -> bool:
        """Whether the order was fetched, and is as listed since."""
        return self.found is not None and self.found.outcome == Outcome.HEALED


def found_of_order(external_id: str, platforms: Collection[int]) -> dict[int, list[AuditFinding]]:
    """By platform, what audits found of the order that they brought or could not bring, the newest first. One query."""
    found = AuditFinding.objects.filter(audit__platform__in=platforms, external_id=external_id)
    found = found.filter(outcome__in=(Outcome.HEALED, Outcome.OPEN))
    by_platform: dict[int, list[AuditFinding]] = {}
    for each in found.select_related("audit").defer("reported", "audit__parts").order_by("-pk")[:MOST]:
        by_platform.setdefault(each.audit.platform_id, []).append(each)
    return by_platform


def comparisons_of(order: Order, stored_by: datetime) -> list[Comparison]:
    """With the lists of the platform, the newest first: each that brought the order, and the last one of all. Three
    queries. `stored_by`: a time at which the order was stored already."""
    if order.source != Source.LIVE:
        return []
    found = found_of_order(order.external_id, [order.platform_id]).get(order.platform_id, [])
    known = [Comparison(at=_when(each), audit_id=each.audit_id, found=each) for each in found]
    listed = _as_listed(order, stored_by, {each.audit_id for each in found})
    still_open = [each for each in known if not each.brought_it][: 0 if listed else 1]
    brought = [each for each in known if each.brought_it]
    shown = [*([listed] if listed else []), *still_open, *brought]
    return sorted(shown, key=lambda each: each.at, reverse=True)


def _when(found: AuditFinding) -> datetime:
    moment: datetime = found.settled_at or found.audit.finished_at or found.audit.queued_at
    return moment


def _as_listed(order: Order, stored_by: datetime, found_by: Collection[int]) -> Comparison | None:
    """Where the last audit of its day found nothing amiss with the order, and that says that it was as listed: the day
    was long over, all rows of the list could be read, and the order was stored already."""
    day = order.purchased_at.astimezone(UTC).date()
    rows = AuditedDay.objects.filter(platform=order.platform_id, day=day, marketplace_id=order.marketplace_id)
    row = rows.exclude(state=State.NOT_YET).exclude(audit=None).select_related("audit").first()
    if row is None or row.audit_id is None or row.audit is None or row.audit_id in found_by:
        return None
    was_there = stored_by <= row.audit.queued_at and order.purchased_at + LAG <= row.audit.queued_at
    is_alone = AuditFinding.objects.filter(audit=row.audit_id, external_id=order.external_id)
    if not was_there or row.audit.unread or is_alone.exists():
        return None
    return Comparison(at=row.checked_at, audit_id=row.audit_id)
