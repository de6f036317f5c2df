"""Which time span an orders sync covers: what a person asked for, read strictly, or the next incremental one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations.errors import BadInput
from integrations.models import StreamState, SyncLog
from integrations.protocol import Note
from integrations.registry import order_lag

MINUTE = timedelta(minutes=1)
# Windows overlap, because an order may become visible later than the time it carries.
OVERLAP = timedelta(minutes=10)
LONGEST_LOOK_BACK_DAYS = 3650
EXAMPLE = "2026-01-31, 2026-01-31T08:00:00Z or 2026-01-31T08:00:00+01:00"


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """What a person asked for. All None: go on from the watermark.

    `days` is set where the start was given so; `asked_until` is the end as it was given, where `until` had to be moved.
    """

    by: str = SyncLog.WindowBy.UPDATED
    since: datetime | None = None
    until: datetime | None = None
    notes: tuple[Note, ...] = ()
    days: int | None = None
    asked_until: datetime | None = None

    @property
    def is_incremental(self) -> bool:
        return self.since is None and self.by == SyncLog.WindowBy.UPDATED


def read_window(
    *,
    since: str | None = None,
    until: str | None = None,
    days: str | int | None = None,
    by: str | None = None,
) -> WindowRequest:
    """The window that a command or a request asks for. Raises BadInput with the field that is wrong."""
    by = by or SyncLog.WindowBy.UPDATED
    if by not in SyncLog.WindowBy.values:
        raise BadInput("by", f"{by!r} is not known; use one of: {', '.join(SyncLog.WindowBy.values)}.")
    if since and days not in (None, ""):
        raise BadInput("days", "Give either since or days, not both: both say where to start.")
    if until and not since and days in (None, ""):
        raise BadInput("until", "until needs since (or days): without them there is no start.")
    now = timezone.now().replace(microsecond=0)
    notes: list[Note] = []
    number = None if days in (None, "") else _days(days)
    start = _time("since", since, now, notes) if number is None else now - timedelta(days=number)
    asked_until = end = _time("until", until, now, notes)
    lag = order_lag()  # of whatever platform that is meant for
    latest = now - lag
    if end is not None and end > latest:
        end = latest
        text = f"Orders are listed {lag // MINUTE} minutes late at best: until was set to {_say(end)}."
        notes.append(Note("until_moved", text))
    if start is not None and start >= (end or latest):
        text = _("since (%(since)s) must be before until (%(until)s).")
        raise BadInput("since", text % {"since": _say(start), "until": _say(end or latest)})
    return WindowRequest(by, start, end, tuple(notes), number, asked_until)


def settle_window(log: SyncLog, scope: str) -> None:
    """Fill in what is still open in the log's window, at the moment the run starts. Does not save.

    Incremental: from the watermark less an overlap; where orders were never complete for this scope (another
    marketplace was added, say), from ORDERS_INITIAL_DAYS ago at the latest.
    """
    now = timezone.now().replace(microsecond=0)
    log.window_end = log.window_end or now - order_lag([log.platform.kind])
    if log.window_start is not None:
        return
    start = log.window_end - timedelta(days=settings.ORDERS_INITIAL_DAYS)
    state = StreamState.of(log.platform, log.kind)
    if log.is_incremental and state.watermark is not None:
        resumed = min(state.watermark, log.window_end).replace(microsecond=0) - OVERLAP
        covered = set(scope.split(",")) <= set(state.watermark_scope.split(","))
        start = resumed if covered else min(resumed, start)
    log.window_start = start


def _days(days: str | int | None) -> int:
    text = str(days).strip()
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= LONGEST_LOOK_BACK_DAYS:
        sentence = _("days is %(text)s; it takes a whole number from 1 to %(most)d.")
        raise BadInput("days", sentence % {"text": repr(text[:20]), "most": LONGEST_LOOK_BACK_DAYS})
    return int(text)


def _time(name: str, text: str | None, now: datetime, notes: list[Note]) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        hint = " In a URL, write the plus sign as %2B." if " " in text.strip() else ""
        raise BadInput(
            name, f"{name} is {text[:40]!r}, which is not a time. Write it like {EXAMPLE}.{hint}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
        notes.append(Note("read_as_utc", f"{name} has no time zone and was read as UTC: {_say(moment)}."))
    try:
        moment = moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise BadInput(name, f"{name} is {text[:40]!r}, which is out of range.") from None
    if moment > now:
        raise BadInput(
            name, _("%(name)s (%(time)s) is in the future.") % {"name": name, "time": _say(moment)}
        )
    return moment


def _say(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
