"""One look: what began, what is over, whom to tell. settings.EVERY_MINUTE has `manage.py run_webhooks` look.

A condition begins once it has been seen for HOLDS, and is over once it has not been seen for GONE; both are doubled
each time it begins again within a day. So what comes and goes is told rarely. What is new while it lasts (a further SKU
that runs low) is told once an hour. What begins, grows or ends is claimed with compare-and-sets on the rows of
AlertState, in the transaction that writes the e-mails and events: of several processes that look, one tells it, and
none is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from access.administrators import note_administrators
from backoffice.alerts import conditions, growth, letters, outbox
from backoffice.alerts.conditions import OF_PLATFORMS, Condition
from backoffice.alerts.growth import Growth
from backoffice.alerts.readers import as_read_by, subscriptions, wants
from backoffice.models import AlertState, AlertSubscription
from core.database.retry import retry_on_db_error
from core.zones import zone_named
from feed.reading import last_sequence
from webhooks.emitting import emit

HOLDS = timedelta(minutes=5)
GONE = timedelta(minutes=15)
A_DAY = timedelta(days=1)
MOST_DOUBLED = 4

Found = Mapping[str, Condition]


@dataclass(slots=True)
class News:
    began: list[Condition] = field(default_factory=list)
    grown: list[Growth] = field(default_factory=list)
    over: list[AlertState] = field(default_factory=list)


def watch() -> None:
    """Look, and send what is due. Raises DatabaseError."""
    look()
    outbox.send_due()


def look(now: datetime | None = None) -> News:
    """Note what is so, and write what people have to be told. Returns what it told. Raises DatabaseError."""
    now = now or timezone.now()
    note_administrators()
    last_change = last_sequence()  # before: what becomes low while it looks is told later, and not left out
    found = {condition.key: condition for condition in conditions.evaluate(now)}
    _note(found, now)
    states = list(AlertState.objects.select_related("platform").defer("platform__api_config").order_by("pk"))
    told = _tell(found, states, growth.since_told(found, states, now), last_change, now)
    _send_digests(found, now)
    return told


@retry_on_db_error
def _note(found: Found, now: datetime) -> None:
    """Bring the rows in line with what is so. Where nothing changes, it reads them once and writes nothing."""
    states = {state.key: state for state in AlertState.objects.all()}
    new = [
        AlertState(key=key, kind=each.kind, platform_id=each.platform_id, seen_at=now)
        for key, each in found.items()
        if key not in states
    ]
    AlertState.objects.bulk_create(new, ignore_conflicts=True)
    for state in states.values():
        row = AlertState.objects.filter(pk=state.pk, began_at=state.began_at, over_at=state.over_at)
        if state.key in found:
            if state.over_at is not None:
                spells = state.spells if now - state.over_at < A_DAY else 0
                row.update(seen_at=now, began_at=None, gone_at=None, over_at=None, spells=spells, level=0)
            elif state.gone_at is not None:
                row.update(gone_at=None)
        elif state.is_on and state.gone_at is None:
            row.update(gone_at=now)
        elif state.began_at is None and state.over_at is None:
            row.update(over_at=now)  # nobody was told that it had begun


@retry_on_db_error
def _tell(
    found: Found,
    states: Sequence[AlertState],
    grown: Mapping[str, Growth],
    last_change: int,
    now: datetime,
) -> News:
    """Claim what begins, grows and ends now, and write it to those who want it, in one transaction."""
    due = [state for state in states if _begins(state, found, now) or _ends(state, found, now)]
    growing = [state for state in states if state.key in grown]
    if not due and not growing:
        return News()
    with transaction.atomic():
        news = News()
        for state in due:
            if state.key in found and _claim_begin(state, found[state.key], last_change, now):
                news.began.append(found[state.key])
                _emit(state, is_begin=True, at=now)
            elif state.key not in found and _claim_end(state, now):
                news.over.append(state)
                _emit(state, is_begin=False, at=now)
        for state in growing:
            if _claim_growth(state, grown[state.key], now) and grown[state.key].count > 0:
                news.grown.append(grown[state.key])
                _emit_growth(state, grown[state.key], at=now)
        if news.began or news.grown or news.over:
            _write(news, now)
    return news


def _begins(state: AlertState, found: Found, now: datetime) -> bool:
    if state.key not in found:
        return False
    if state.is_on:
        return found[state.key].level > state.level
    return now - state.seen_at >= HOLDS * _factor(state.spells)


def _ends(state: AlertState, found: Found, now: datetime) -> bool:
    if state.key in found or not state.is_on or state.gone_at is None:
        return False
    return now - state.gone_at >= GONE * _factor(state.spells - 1)


def _factor(spells: int) -> int:
    return 1 << max(0, min(spells, MOST_DOUBLED))


def _claim_begin(state: AlertState, condition: Condition, last_change: int, now: datetime) -> bool:
    if state.is_on:  # it was told, of a lower level
        row = AlertState.objects.filter(pk=state.pk, level__lt=condition.level, over_at=None)
        return bool(row.update(level=condition.level))
    row = AlertState.objects.filter(pk=state.pk, seen_at=state.seen_at, began_at=None, over_at=None)
    told = {"told_at": now, "told_count": condition.facts.get("count"), "told_change": last_change}
    begun = {"began_at": now, "gone_at": None, "level": condition.level, "spells": F("spells") + 1}
    return bool(row.update(**begun, **told))


def _claim_growth(state: AlertState, grown: Growth, now: datetime) -> bool:
    row = AlertState.objects.filter(pk=state.pk, began_at=state.began_at, told_at=state.told_at, over_at=None)
    return bool(row.update(told_at=now, **grown.told))


def _claim_end(state: AlertState, now: datetime) -> bool:
    row = AlertState.objects.filter(pk=state.pk, began_at=state.began_at, gone_at=state.gone_at, over_at=None)
    return bool(row.update(over_at=now))


def _emit(state: AlertState, *, is_begin: bool, at: datetime) -> None:
    """Tell webhooks: of platforms under the names that are about platforms."""
    names = ("platform.attention", "platform.recovered")
    if state.kind not in OF_PLATFORMS:
        names = ("alert.began", "alert.ended")
    _emit_of(state, names[0 if is_begin else 1], at)


def _emit_growth(state: AlertState, grown: Growth, at: datetime) -> None:
    _emit_of(state, "alert.grew", at, more=grown.count, count=grown.condition.facts["count"])


def _emit_of(state: AlertState, event: str, at: datetime, **numbers: int) -> None:
    data = {
        "kind": state.kind,
        "key": state.key,
        "platform": state.platform.name if state.platform else None,
        "platform_id": state.platform_id,
        **numbers,
    }
    emit(event, data, platform_id=state.platform_id, key=f"alert:{state.pk}", at=at)


def _write(news: News, now: datetime) -> None:
    for subscription in subscriptions():
        began = [each for each in news.began if wants(subscription, each.kind, each.platform_id, each.key)]
        grown = [
            each
            for each in news.grown
            if wants(subscription, each.condition.kind, each.condition.platform_id, each.condition.key)
        ]
        over = [each for each in news.over if wants(subscription, each.kind, each.platform_id, each.key)]
        if began or grown or over:
            with as_read_by(subscription):
                letter = letters.news(began, grown, over)
            outbox.write(subscription.user_id, letter, now)


def _send_digests(found: Found, now: datetime) -> None:
    """Write each subscriber's daily letter once its hour has come, if anything is still so."""
    due = [each for each in subscriptions() if each.digest and _digest_is_due(each, now)]
    if not due:
        return
    on = AlertState.objects.filter(key__in=list(found), began_at__isnull=False, over_at=None).in_bulk(
        field_name="key"
    )
    still = [
        (condition, on[key]) for key, condition in found.items() if key in on
    ]  # in the order of the page
    for subscription in due:
        _send_digest(subscription, still, now)


def _digest_is_due(subscription: AlertSubscription, now: datetime) -> bool:
    local = now.astimezone(zone_named(subscription.time_zone))
    return local.hour >= subscription.digest_hour and subscription.digest_on != local.date()


@retry_on_db_error
def _send_digest(
    subscription: AlertSubscription, still: Sequence[tuple[Condition, AlertState]], now: datetime
) -> None:
    today = now.astimezone(zone_named(subscription.time_zone)).date()
    with transaction.atomic():
        mine = AlertSubscription.objects.filter(pk=subscription.pk, digest_on=subscription.digest_on)
        if not mine.update(digest_on=today):
            return  # another process did it
        wanted = [
            each for each in still if wants(subscription, each[0].kind, each[0].platform_id, each[0].key)
        ]
        if wanted:
            with as_read_by(subscription):
                letter = letters.digest(wanted)
            outbox.write(subscription.user_id, letter, now)
