"""One list against what is stored. What is amiss becomes findings; the counts of the days go to the audit's part."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from integrations.completeness.claim import Claim
from integrations.completeness.comparison import Kind, Verdict, compare, explain
from integrations.completeness.records import KnownOrder, as_json
from integrations.completeness.rules import Scope, older_than_kept
from integrations.completeness.spool import Spool
from integrations.completeness.stored import AT_ONCE, stored_by_id, stored_ids
from integrations.errors import PlatformError
from integrations.models import AuditFinding, OrderAudit
from integrations.protocol import ListsOrders
from orders.retention import kept_of

MOST_UNEXPLAINED = (
    20  # orders that a list lacks without a reason; where it lacks more than it has, it is not believed
)
LAG = timedelta(hours=3)  # so long, lists are behind what the platform says of an order by itself


def compare_part(claim: Claim, adapter: ListsOrders, number: int, document: str) -> None:
    """Compare the list of this part of the audit; `document` is "" for one without orders.

    Findings are stored as they come, each order once in an audit; counts at the end. Raises PlatformError.
    """
    with Spool() as spool:
        if document:
            with adapter.order_list(document) as rows:
                spool.fill(rows)
        part = Part(claim.audit, claim.audit.parts[number], spool)
        for findings in part.reported():
            _store(claim, findings)
        for findings in part.only_here():
            _store(claim, findings)
    audit = claim.audit
    counted = {"compared": audit.compared + part.compared, "unread": audit.unread + spool.unread}
    days = part.days_as_json()
    unread = part.unread_days()
    claim.update_part(
        number, more=counted, is_compared=True, unnamed=spool.unnamed, unread_days=unread, days=days
    )


def _store(claim: Claim, findings: list[AuditFinding]) -> None:
    """For a list that is compared once more after a crash, and an order that two lists have: it is stored already."""
    AuditFinding.objects.bulk_create(findings, ignore_conflicts=True)
    claim.save()


class Part:
    """One list while it is compared. `compared` orders, of which `days` has how many were placed on which day and in
    which marketplace."""

    def __init__(self, audit: OrderAudit, part: dict[str, Any], spool: Spool) -> None:
        self.compared = self._unexplained = 0
        self._days: Counter[tuple[str, str]] = Counter()
        self._unread_days: set[tuple[str, str]] = set()
        self._audit, self._part, self._spool = audit, part, spool
        self._kept_since = kept_of(audit.platform_id, timezone.now())
        self._scope = Scope(
            marketplace_ids=frozenset(part["sites"]),
            asked_at=datetime.fromisoformat(part["asked_at"]),
            lag=LAG,
        )

    def reported(self) -> Iterator[list[AuditFinding]]:
        """The findings about the orders of the list, some orders at a time."""
        orders = self._spool.orders()
        while some := dict(islice(orders, AT_ONCE)):
            stored = stored_by_id(self._audit.platform, some)
            findings = []
            for order_id, order in some.items():
                own = stored.get(order_id)
                if self._is_of_another_span(order) or (own is None and self._is_deleted(order)):
                    continue
                self.compared += 1
                if order is None:  # not all of its rows could be read: only whether it is here can be said
                    order, verdict = (
                        KnownOrder(order_id=order_id),
                        Verdict(Kind.SAME if own else Kind.MISSING),
                    )
                    if own is not None:
                        self._unread_days.add((day_of(own), own.marketplace_id))
                else:
                    verdict = compare(order, own)
                    self._days[day_of(order), order.marketplace_id] += 1
                if not verdict.is_good:
                    findings.append(_finding(self._audit, order, verdict))
            yield findings

    def _is_of_another_span(self, order: KnownOrder | None) -> bool:
        """A list that somebody else asked for may be about more days: half of one says nothing of it."""
        if self._part.get("is_ours", True) or self._part["by"] != "created" or order is None:
            return False
        start, end = (datetime.fromisoformat(self._part[name]) for name in ("start", "end"))
        return order.purchased_at is not None and not start <= order.purchased_at < end

    def _is_deleted(self, order: KnownOrder | None) -> bool:
        """It is not stored since it is too old, so the list says nothing of what should be here."""
        return order is not None and older_than_kept(order, self._kept_since)

    def only_here(self) -> Iterator[list[AuditFinding]]:
        """The findings about orders of its span of time that the list does not have."""
        start, end = (datetime.fromisoformat(self._part[name]) for name in ("start", "end"))
        platform = self._audit.platform
        for ids in stored_ids(platform, by=self._part["by"], start=start, end=end):
            alone = set(ids) - self._spool.has(ids)
            orders = stored_by_id(platform, alone)
            findings = [
                _finding(self._audit, order, explain(order, self._scope)) for order in orders.values()
            ]
            self._unexplained += sum(not finding.differences for finding in findings)
            self._refuse_if_odd()
            yield findings

    def _refuse_if_odd(self) -> None:
        """Raises PlatformError where the list has none of the orders that are stored, or lacks most of them."""
        if self._unexplained <= (MOST_UNEXPLAINED if self.compared else 0):
            return
        if self._unexplained > self.compared:
            count = f"has {self.compared:,}" if self.compared else "is said to have no"
            raise PlatformError(
                f"List {self._part['list']} {count} orders, and {self._unexplained:,} more of that time are stored "
                "here. It is not believed to be whole: it proves nothing. Audit again later.",
                code="list_not_believed",
            )

    def days_as_json(self) -> list[list[Any]]:
        """[day, marketplace, orders], those marketplaces of the list included that had none."""
        if self._part["by"] != "created":
            return []
        start, end = (datetime.fromisoformat(self._part[name]) for name in ("start", "end"))
        day = start.date()
        while day <= (end - timedelta(microseconds=1)).date():
            for site in self._part["sites"]:
                self._days.setdefault((day.isoformat(), site), 0)
            day += timedelta(days=1)
        return [[day, site, count] for (day, site), count in sorted(self._days.items()) if day]

    def unread_days(self) -> list[list[str]]:
        """[day, marketplace] of orders that are stored, and that could not be compared since their rows could not be
        read: nothing is proven of these days."""
        return [list(place) for place in sorted(self._unread_days)]


def day_of(order: KnownOrder) -> str:
    return "" if order.purchased_at is None else order.purchased_at.astimezone(UTC).date().isoformat()


def _finding(audit: OrderAudit, order: KnownOrder, verdict: Verdict) -> AuditFinding:
    is_alone = verdict.kind == Kind.ONLY_HERE
    outcome = AuditFinding.Outcome.KEPT if is_alone else AuditFinding.Outcome.FOUND
    return AuditFinding(
        audit=audit,
        external_id=order.order_id,
        kind=verdict.kind,
        outcome=outcome,
        day=day_of(order) or None,
        marketplace_id=order.marketplace_id,
        reported={} if is_alone else as_json(order),
        differences=differences_as_json(verdict),
    )


def differences_as_json(verdict: Verdict) -> list[dict[str, str]]:
    """Both values of what is different; or why an order is here alone."""
    return [asdict(each) for each in verdict.differences] or [{"rule": name} for name in verdict.known]
