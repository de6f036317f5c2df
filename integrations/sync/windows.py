"""Which time span an orders sync covers: what a person asked for, or the next incremental one."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from core.dates import is_meant
from core.iso import utc_text
from integrations.models import StreamState, SyncLog
from integrations.protocol import Adapter, Note, TellsTime, Window
from integrations.registry import order_lag
from integrations.sync import look_back, parts

# Windows overlap, because an order may become visible later than the time it carries.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """What a person asked for. All None: go on from the watermark.

    `days` is set where the start was given so; `asked_until` is the end as it was given, where `until` had to be moved.
    `look_back` is the lane of a look-back, which nobody asks for by hand.
    """

    by: str = SyncLog.WindowBy.UPDATED
    since: datetime | None = None
    until: datetime | None = None
    notes: tuple[Note, ...] = ()
    days: int | None = None
    asked_until: datetime | None = None
    look_back: str = ""

    @property
    def is_incremental(self) -> bool:
        return self.since is None and self.by == SyncLog.WindowBy.UPDATED


def platform_now(adapter: Adapter) -> datetime:
    """The time at the platform: by its own clock where it tells it, by this machine's otherwise. In whole seconds.

    Raises PlatformError.
    """
    offset = adapter.clock_offset() if isinstance(adapter, TellsTime) else timedelta(0)
    return (timezone.now() + offset).replace(microsecond=0)


def settle_window(log: SyncLog, scope: str, now: datetime) -> tuple[Note, ...]:
    """Fill in the open ends of the log's window when the run starts, at `now` by the platform's clock. Does not save.

    Incremental: from the watermark less an overlap, or from where lists end that make orders known meanwhile
    (`StreamState.known_until`), or earlier where that costs nothing (`look_back.py`); where orders
    were never complete for this scope (another marketplace was added, say), from ORDERS_INITIAL_DAYS ago at the
    latest. The last days count from the start of the run, not from when they were asked for. Returns what a person
    should know of it.
    """
    if log.pages:  # a listing goes on with the window that it began with
        return ()
    latest = now - order_lag([log.platform.kind])
    log.window_end = min(log.window_end or latest, latest)
    days = json.loads(log.asked or "{}").get("days")
    if days is not None:
        log.window_start = now - timedelta(days=days)
    notes: tuple[Note, ...] = ()
    if log.window_start is None:
        log.window_start, notes = _next_start(log, log.window_end, scope)
    elif log.window_start > log.window_end:  # asked for by a clock that is ahead of the platform's
        log.window_start = log.window_end
    return notes


def _next_start(log: SyncLog, end: datetime, scope: str) -> tuple[datetime, tuple[Note, ...]]:
    start = end - timedelta(days=settings.ORDERS_INITIAL_DAYS)
    state = StreamState.of(log.platform, log.kind)
    if not log.is_incremental or state.watermark is None:
        return start, ()
    if not makes_sense(state.watermark, end):
        text = (
            f"The stored time until which orders are complete, {utc_text(state.watermark)}, makes no sense and was "
            f"ignored: this sync reads the last {settings.ORDERS_INITIAL_DAYS} days (ORDERS_INITIAL_DAYS). Where older "
            "orders may be missing, sync them with a start of your own."
        )
        return start, (Note("watermark_ignored", text),)
    resumed = min(state.watermark, end).replace(microsecond=0) - OVERLAP
    if not parts.is_covered(log, state, scope):
        return min(resumed, start), ()
    if state.known_until is not None and state.known_until > state.watermark:  # lists have what lies before
        resumed = min(state.known_until, end).replace(microsecond=0) - OVERLAP
    return look_back.at_no_cost(log, resumed, end), ()


def makes_sense(watermark: datetime, end: datetime) -> bool:
    """Whether orders can be complete until then, for a run whose window ends at `end`; clocks may differ a little."""
    return is_meant(watermark) and watermark <= end + OVERLAP


def by_part(log: SyncLog, state: StreamState, scope: str, window: Window) -> Window:
    """The settled window of a run, with the parts of the scope that are left out of it, and from when those are read
    that are behind the others.

    A window that a person asked for leaves nothing out: each part that was refused is asked for by itself.
    """
    refused = parts.refused(log.platform, state)
    if not log.is_incremental:
        return replace(window, behind=dict.fromkeys(refused, window.start))
    left_out = parts.left_out(log.platform, state)
    starts = {
        part: until.replace(microsecond=0) - OVERLAP if makes_sense(until, window.end) else window.start
        for part, until in parts.behind(state).items()
    }
    if not parts.is_covered(log, state, scope):
        starts = {part: min(start, window.start) for part, start in starts.items()}
    behind = {part: min(start, window.end) for part, start in starts.items()}
    return replace(window, behind=behind, left_out=left_out)
