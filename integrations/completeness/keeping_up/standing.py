"""What pages, the API and alerts say of keeping up: which orders are known by report alone, and since when orders are
not known at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from integrations.completeness.keeping_up.rule import LIMIT, known_of
from integrations.models import CatchUp, StreamState, SyncLog
from orders.models import Order
from platforms.models import Platform

ORDERS = SyncLog.Kind.ORDERS
SHOWN_FOR = timedelta(days=7)  # after it has ended


@dataclass(frozen=True, slots=True)
class KnownByReport:
    """How many live orders were never here in full; how many are, and have a newer version by a report; and of both,
    how many have to be shipped."""

    alone: int = 0
    outdated: int = 0
    to_ship: int = 0

    @property
    def all(self) -> int:
        return self.alone + self.outdated


@dataclass(frozen=True, slots=True)
class Unknown:
    """What has changed of a platform's orders since then is not known yet, for more than LIMIT."""

    platform_id: int
    since: datetime


def known_by_report(platform: Platform) -> KnownByReport:
    """One query, by an index of those alone."""
    rows = Order.objects.filter(platform=platform, completeness__in=Order.WITHOUT_DETAILS).order_by()
    to_ship = Q(status__in=Order.TO_SHIP) & ~Q(fulfilled_by=Order.FulfilledBy.PLATFORM)
    counted: dict[str, Any] = rows.aggregate(
        alone=Count("pk", filter=Q(completeness=Order.Completeness.REPORT)),
        outdated=Count("pk", filter=Q(completeness=Order.Completeness.OUTDATED)),
        to_ship=Count("pk", filter=to_ship),
    )
    return KnownByReport(**counted)


def shown_catch_up(platform: Platform, now: datetime) -> CatchUp | None:
    """The newest one, while it is open and for a week after."""
    newest = CatchUp.objects.filter(platform=platform).select_related("platform").order_by("-pk").first()
    if newest is None or newest.is_open or newest.finished_at is None:
        return newest
    return newest if now - newest.finished_at < SHOWN_FOR else None


def unknown_for_long(behind: Mapping[int, datetime], now: datetime) -> list[Unknown]:
    """Where a catch-up does not keep up either. `behind`: since when one is open, by platform. One query at most."""
    if not behind:
        return []
    states = {
        state.platform_id: state for state in StreamState.objects.filter(platform__in=behind, stream=ORDERS)
    }
    found = []
    for pk, start in behind.items():
        since = (known_of(states[pk], None) if pk in states else None) or start
        if now - since > LIMIT:
            found.append(Unknown(pk, since))
    return found


def with_known(catch_ups: QuerySet[CatchUp]) -> QuerySet[CatchUp]:
    """Each with what `unknown_since` goes by. No query more."""
    states = StreamState.objects.filter(platform=OuterRef("platform"), stream=ORDERS)
    return catch_ups.annotate(
        read_until=Subquery(states.values("watermark")[:1]),
        listed_until=Subquery(states.values("known_until")[:1]),
    )


def unknown_since(catch_up: Any) -> datetime:
    """What has changed since then is not known yet, of a platform whose open catch-up `with_known` has prepared."""
    state = StreamState(watermark=catch_up.read_until, known_until=catch_up.listed_until)
    moment: datetime = known_of(state, None) or catch_up.window_start
    return moment
