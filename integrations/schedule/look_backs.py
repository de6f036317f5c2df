"""Look-backs: runs that read again what was read, for orders that became visible late (sync/look_back.py).

recent    the last ORDERS_LOOK_BACK_HOURS once an hour, where regular syncs do not read them anyway
far       the last ORDERS_LOOK_BACK_DAYS once a week

They take what is left of the quota. All other syncs go first (sync/lanes.py), a quarter of the burst is left to them,
and a look-back rests as long as the last one took: on a large account it comes less often, and the other one has its
turn as well. It takes as long as it takes. Where regular syncs leave nothing, one that has waited for too long is
started beside them, and reads one page now and then. Where none got through for too long, look_back.late_lines says so.
While lists make orders known, there are none: each list reaches back over the one before.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from core.format import duration
from integrations.models import StreamState, SyncLog
from integrations.protocol import Note
from integrations.schedule.due import JITTER, Reason
from integrations.schedule.plan import Planned
from integrations.sync import lanes, look_back
from integrations.sync.forecast import forecast
from integrations.sync.lanes import LEFT_BY_LOOK_BACKS
from integrations.sync.start import Started, start_sync, unopened
from integrations.sync.windows import OVERLAP, WindowRequest
from platforms.models import Platform

logger = logging.getLogger(__name__)
LOOK_BACK, Lane, ORDERS = SyncLog.Trigger.LOOK_BACK, SyncLog.Lane, SyncLog.Kind.ORDERS


EVERY = {Lane.RECENT: timedelta(hours=1), Lane.FAR: timedelta(days=7)}


def due_look_backs(planned: Iterable[Planned]) -> Iterator[Started]:
    """Start and yield the look-backs that are due, of platforms whose regular syncs are well and not due now; where one
    has waited for too long, also of those whose regular syncs are due or open.

    Two queries for any number of platforms that need none. Raises DatabaseError only if these fail.
    """
    now = timezone.now()
    orders = [
        each for each in planned if each.kind == ORDERS and each.due.reason in (Reason.REGULAR, Reason.OPEN)
    ]
    well = {(each.platform.pk, each.kind): each.platform for each in orders}
    busy = {each.platform.pk for each in orders if each.due.reason == Reason.OPEN or each.due.is_now(now)}
    rows = StreamState.objects.filter(
        platform__in={pk for pk, _kind in well}, watermark__isnull=False, known_until=None
    )
    states = [state for state in rows if (state.platform_id, state.stream) in well]
    ids = [entry.get("log") for state in states for entry in state.look_backs.values()]
    logs = SyncLog.objects.defer("checkpoint", "notes").in_bulk([pk for pk in ids if pk])
    for state in states:
        state.platform = well[state.platform_id, state.stream]
        for lane in (Lane.RECENT, Lane.FAR):
            last = logs.get(state.look_backs.get(lane, {}).get("log", 0))
            due_at = _due_at(state, lane, last)
            if not look_back.span_of(lane) or due_at is None or due_at > now:
                continue
            try:
                is_starved = lanes.is_starved(state.platform, state.stream, due_at)
                if state.platform_id in busy and not is_starved:
                    continue
                started = _start(state, lane, last, now, is_starved=is_starved)
            except (DatabaseError, RuntimeError) as error:
                logger.error("No look-back of %s could be opened: %s", state.platform.name, error)
                continue
            if started is not None:
                yield started


def _due_at(state: StreamState, lane: str, last: SyncLog | None) -> datetime | None:
    """When the look-back of this lane is due; None while the last one is open."""
    entry, every = state.look_backs.get(lane, {}), EVERY[Lane(lane)]
    drawn = hashlib.sha256(f"{state.platform_id}:{lane}:{entry.get('at')}".encode()).digest()
    jitter = every * JITTER * (int.from_bytes(drawn[:4]) / 2**32)  # so that platforms part ways
    begun = datetime.fromisoformat(entry["at"]) if entry else state.platform.created_at
    if last is None:
        return begun + every + jitter
    if last.is_open or last.finished_at is None:
        return None
    took = last.finished_at - (last.started_at or last.finished_at)
    return max(begun + every, last.finished_at + took) + jitter


def _start(
    state: StreamState, lane: str, last: SyncLog | None, now: datetime, *, is_starved: bool
) -> Started | None:
    """The look-back; None where regular syncs do it, or where no call is to spare now and it `is_starved` not. What the
    regular ones have not read yet is left to them."""
    platform, kind, end = state.platform, state.stream, state.watermark
    assert end is not None  # noqa: S101  for the type checker
    window = WindowRequest(since=end - look_back.span_of(lane), until=end - OVERLAP, look_back=lane)
    assert window.since is not None  # noqa: S101
    if lane == Lane.RECENT and look_back.fits(platform, kind, window.since):
        _remember(state, lane, now, None, now)
        return None
    if window.since >= end - OVERLAP or not (is_starved or _can_spare_a_call(platform, kind, window)):
        return None
    started = start_sync(
        platform=platform,
        kind=kind,
        trigger=LOOK_BACK,
        window=_with_its_cost(platform, kind, window),
    )
    if not started.is_new:
        return None
    _remember(state, lane, now, started.log.pk, look_back.done_until(state, lane, last))
    if last is not None and _found_nothing(last):
        last.delete()  # the list of syncs keeps one of them
    return started


def _can_spare_a_call(platform: Platform, kind: str, window: WindowRequest) -> bool:
    log = unopened(platform, kind, window, LOOK_BACK)
    log.pages_expected = 0  # not to be judged now: this is asked at every tick until there is a call
    known = forecast(log)
    return known is None or known.at_once > LEFT_BY_LOOK_BACKS * known.burst


def _with_its_cost(platform: Platform, kind: str, window: WindowRequest) -> WindowRequest:
    """The window with a note of what it costs, where that is known."""
    known = forecast(unopened(platform, kind, window, LOOK_BACK))
    if known is None or known.pages is None:
        return window
    text = (
        f"Looking back takes about {known.pages} calls, for which the platform grants one every "
        f"{known.every.total_seconds():.0f} seconds. OMS makes those that regular syncs leave, so it takes "
        f"{duration(known.takes)} or longer."
    )
    return replace(window, notes=(Note("look_back_cost", text),))


def _remember(state: StreamState, lane: str, now: datetime, log_id: int | None, done: datetime) -> None:
    entry = {"at": now.isoformat(), "log": log_id, "done": done.isoformat()}
    state.look_backs = state.look_backs | {str(lane): entry}
    StreamState.write(state.platform_id, state.stream, look_backs=state.look_backs)


def _found_nothing(log: SyncLog) -> bool:
    return log.status == SyncLog.Status.SUCCEEDED and not (log.created or log.updated or log.failed)
