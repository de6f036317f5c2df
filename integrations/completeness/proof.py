"""How far a platform's orders are proven complete: until the last day before which there is no gap."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from integrations.models import AuditedDay, OrderProof
from platforms.models import Platform

State = AuditedDay.State
GOOD = (State.PROVEN, State.HEALED)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `since` until `until`, both included: each is proven or healed in all marketplaces."""

    since: date
    until: date


def proven_span(days: Iterable[tuple[date, str, str]]) -> Span | None:
    """Of (day, marketplace, state), the newest day first. None where not even the first day is proven.

    It goes back from the newest audited day as long as each day was audited in all marketplaces of the newest one, and
    from there on forward as long as all of a day is proven or healed. So an account that gained a marketplace is proven
    from where that was audited.
    """
    begun: date | None = None
    until: date | None = None
    required: frozenset[str] | None = None
    expected: date | None = None
    for day, states in _by_day(days):
        sites = frozenset(states) - {""}
        required = sites if required is None else required
        if (expected is not None and day != expected) or not required <= sites:
            break
        if not all(state in GOOD for state in states.values()):
            until = None  # what comes behind it is not without a gap
        elif until is None:
            until = day
        begun, expected = day, day - DAY
    return None if begun is None or until is None else Span(begun, until)


def _by_day(days: Iterable[tuple[date, str, str]]) -> Iterable[tuple[date, Mapping[str, str]]]:
    current: date | None = None
    states: dict[str, str] = {}
    for day, site, state in days:
        if day != current and current is not None:
            yield current, states
            states = {}
        current = day
        states[site] = state
    if current is not None:
        yield current, states


def refresh_proof(platform: Platform) -> None:
    """Find it again in the audited days. To be called in the transaction that changes them."""
    days = AuditedDay.objects.filter(platform=platform)
    span = proven_span(days.order_by("-day").values_list("day", "marketplace_id", "state").iterator())
    newest = days.order_by("-checked_at").values_list("checked_at", flat=True).first()
    with transaction.atomic():
        if newest is None:
            OrderProof.objects.filter(platform=platform).delete()
            return
        open_days = days.filter(state=State.OPEN).order_by().values("day").distinct().count()
        OrderProof.objects.update_or_create(
            platform=platform,
            defaults={
                "since": span.since if span else None,
                "until": span.until if span else None,
                "open_days": open_days,
                "audited_at": newest,
            },
        )
