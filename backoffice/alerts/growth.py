"""What has become more while it lasts: SKUs that have run low since people were told of others, orders that have become
overdue or due, records that have waited for a day.

It is gathered, and told at the first look of an hour: all of it in one letter, with what there is in all beside what is
new. So nothing new is silent, and there are at most 24 such letters a day. A SKU is named once a day (UTC), however
often it comes and goes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.alerts.conditions import FAILURES_OPEN_FOR, Condition, Kind
from backoffice.home.attention import COUNTED
from backoffice.models import AlertState
from core.format import grouped
from core.text import isolated
from feed.models import Change
from feed.reading import NotYet, TooLate, changes_after, last_sequence
from integrations.models import SyncFailure
from inventory.models import InventoryItem
from orders.models import Order
from platforms.models import Source

GROWING = (Kind.STOCK, Kind.OVERDUE, Kind.DUE, Kind.FAILURES)
MOST_NAMED = 10
MOST_READ = 5000  # SKUs at one look; more of them are told an hour later
MOST_REMEMBERED = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How many have come since people were told. `told` is what AlertState has to keep of it; 0 is no news."""

    condition: Condition
    count: int
    say: Callable[[], str]
    told: Mapping[str, Any]


def since_told(
    found: Mapping[str, Condition], states: Iterable[AlertState], now: datetime
) -> dict[str, Growth]:
    """By the keys of those whose hour has come. At most five queries and one for each 50,000 changes of the feed; none
    between the hours. Raises DatabaseError."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    due = [state for state in states if state.key in found and state.is_on and state.kind in GROWING]
    due = [state for state in due if _told_at(state) < hour]
    grown: dict[str, Growth] = {}
    for kind, look in _LOOKS.items():
        mine = [state for state in due if state.kind == kind]
        if mine:
            grown |= look(found, mine, now)
    return grown


def _told_at(state: AlertState) -> datetime:
    moment: datetime = state.told_at or state.began_at or state.seen_at
    return moment


def _overdue(
    found: Mapping[str, Condition], states: Sequence[AlertState], now: datetime
) -> dict[str, Growth]:
    counts = _counts(Order.objects.business(Source.LIVE).to_ship(), "ship_by", timedelta(), states, now)
    return {state.key: _of_orders(found[state.key], state, counts) for state in states}


def _due(found: Mapping[str, Condition], states: Sequence[AlertState], now: datetime) -> dict[str, Growth]:
    span = timedelta(hours=settings.ALERTS_DUE_HOURS)
    waiting = Order.objects.business(Source.LIVE).to_ship().filter(ship_by__gte=now)
    counts = _counts(waiting, "ship_by", span, states, now)
    return {state.key: _of_orders(found[state.key], state, counts) for state in states}


def _of_orders(condition: Condition, state: AlertState, counts: Mapping[int, int]) -> Growth:
    """By ship-by times, or by how many more there are: an order that was stored late has been late before."""
    in_all = int(condition.facts["count"])
    more = 0 if state.told_count is None else in_all - state.told_count
    count = max(counts.get(condition.platform_id or 0, 0), more)
    say = partial(_overdue_line if condition.kind == Kind.OVERDUE else _due_line, count)
    return Growth(condition=condition, count=count, say=say, told={"told_count": in_all})


def _failures(
    found: Mapping[str, Condition], states: Sequence[AlertState], now: datetime
) -> dict[str, Growth]:
    counts = _counts(SyncFailure.objects.open(), "created_at", -FAILURES_OPEN_FOR, states, now)
    grown = {}
    for state in states:
        count = counts.get(state.platform_id or 0, 0)
        say = partial(_failures_line, count)
        grown[state.key] = Growth(condition=found[state.key], count=count, say=say, told={})
    return grown


def _counts(
    rows: QuerySet[Any], column: str, shift: timedelta, states: Sequence[AlertState], now: datetime
) -> dict[int, int]:
    """By platform, the rows whose time has come since people were told: `shift` before or after `now`. One query."""
    platforms: dict[datetime, list[int | None]] = {}
    for state in states:
        platforms.setdefault(_told_at(state) + shift, []).append(state.platform_id)
    come = Q()
    for start, ids in platforms.items():
        come |= Q(platform__in=ids, **{f"{column}__gte": start})
    rows = rows.filter(come, **{f"{column}__lt": now + shift}).order_by()
    return dict(rows.values_list("platform_id").annotate(Count(COUNTED)))


def _stock(found: Mapping[str, Condition], states: Sequence[AlertState], now: datetime) -> dict[str, Growth]:
    """By the change feed, which notes each row that becomes low."""
    fallen, last = _fallen([state.told_change for state in states])
    low = InventoryItem.objects.low().filter(pk__in=list(fallen)).order_by("level", "sku", "pk")
    rows = list(low.values_list("platform_id", "pk", "sku")) if fallen else []
    today = now.date().isoformat()
    grown = {}
    for state in states:
        remembered = (state.named or {}).get(today, [])
        known, after = set(remembered), state.told_change
        new = {
            pk: sku
            for platform_id, pk, sku in rows
            if platform_id == state.platform_id
            and pk not in known
            and after is not None
            and fallen[pk] > after
        }
        skus = list(dict.fromkeys(new.values()))  # one SKU is listed in several marketplaces
        told = {"told_change": last, "named": {today: [*remembered, *new][-MOST_REMEMBERED:]}}
        say = partial(_stock_line, skus)
        grown[state.key] = Growth(condition=found[state.key], count=len(skus), say=say, told=told)
    return grown


def _fallen(markers: Iterable[int | None]) -> tuple[dict[int, int], int]:
    """Stock rows that have become low since the oldest of these changes, each with the newest change that says so; and
    the last change that was read. Nothing where the feed no longer has them: what is low now is counted anyway."""
    known = [marker for marker in markers if marker is not None]
    fallen: dict[int, int] = {}
    after, more = min(known) if known else last_sequence(), bool(known)
    while more and len(fallen) < MOST_READ:
        try:
            page = changes_after(after, kinds=(Change.Kind.STOCK_LOW,))
        except (TooLate, NotYet):
            return {}, last_sequence()
        fallen |= {change.object_id: change.sequence or 0 for change in page.changes}
        after, more = page.last, page.more
    return fallen, after


def _stock_line(skus: Sequence[str]) -> str:
    text = ngettext(
        "%(count)s SKU has become low or run out: %(skus)s.",
        "%(count)s SKUs have become low or run out: %(skus)s.",
        len(skus),
    )
    names = ", ".join(map(isolated, skus[:MOST_NAMED]))
    if len(skus) > MOST_NAMED:
        others = _("and %(count)s more") % {"count": grouped(len(skus) - MOST_NAMED)}
        names = f"{names} {others}"
    return text % {"count": grouped(len(skus)), "skus": names}


def _overdue_line(count: int) -> str:
    text = ngettext("%(count)s order has become overdue.", "%(count)s orders have become overdue.", count)
    return text % {"count": grouped(count)}


def _due_line(count: int) -> str:
    text = ngettext("%(count)s order has become due.", "%(count)s orders have become due.", count)
    return text % {"count": grouped(count)}


def _failures_line(count: int) -> str:
    text = ngettext(
        "%(count)s record more has waited for a day.", "%(count)s records more have waited for a day.", count
    )
    return text % {"count": grouped(count)}


_LOOKS: dict[Kind, Callable[..., dict[str, Growth]]] = {
    Kind.STOCK: _stock,
    Kind.OVERDUE: _overdue,
    Kind.DUE: _due,
    Kind.FAILURES: _failures,
}
