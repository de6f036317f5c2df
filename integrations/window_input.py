"""The window that a person asks for, as the admin, the API and the commands take it: read strictly, with a sentence for
what cannot be used."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core.iso import read_time, utc_text
from integrations.errors import BadInput
from integrations.models import SyncLog
from integrations.protocol import Note
from integrations.registry import order_lag
from integrations.sync.asked import asked_of
from integrations.sync.windows import WindowRequest
from orders.retention import kept_since

MINUTE = timedelta(minutes=1)
LONGEST_LOOK_BACK_DAYS = 3650
EXAMPLE = "2026-01-31, 2026-01-31T08:00:00Z or 2026-01-31T08:00:00+01:00"


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
    number = None if days is None or days == "" else read_days(days)
    start = _time("since", since, now, notes) if number is None else now - timedelta(days=number)
    asked_until = end = _time("until", until, now, notes)
    lag = order_lag()  # of whatever platform that is meant for
    latest = now - lag
    if end is not None and end > latest:
        end = latest
        text = f"Orders are listed {lag // MINUTE} minutes late at best: until was set to {utc_text(end)}."
        notes.append(Note("until_moved", text))
    if start is not None and start >= (end or latest):
        text = _("since (%(since)s) must be before until (%(until)s).")
        raise BadInput("since", text % {"since": utc_text(start), "until": utc_text(end or latest)})
    return WindowRequest(by, start, end, tuple(notes), number, asked_until)


def read_span(*, since: str, until: str | None, latest: datetime) -> tuple[datetime, datetime | None]:
    """The span of a backfill; it ends at `latest` at the latest, and has no orders that would be deleted for their age.
    Raises BadInput with the field that is wrong."""
    now = timezone.now().replace(microsecond=0)
    start, end = _time("since", since, now, []), _time("until", until, now, [])
    if start is None:
        raise BadInput("since", _("Say from when on orders are to be fetched."))
    if start < now - timedelta(days=LONGEST_LOOK_BACK_DAYS):
        raise BadInput("since", _("since is more than %(days)d days ago.") % {"days": LONGEST_LOOK_BACK_DAYS})
    if start >= min(end or latest, latest):
        text = _("since (%(since)s) must be before until (%(until)s).")
        shown = {"since": utc_text(start), "until": utc_text(min(end or latest, latest))}
        raise BadInput("since", text % shown)
    if (kept := kept_since(now)) and start < kept:
        text = _(
            "since (%(since)s) is before orders are kept: they are deleted %(months)d months after their purchase "
            "(KEEP_ORDERS_MONTHS). Begin on %(day)s, or later."
        )
        day = f"{kept.astimezone(UTC) + timedelta(days=1):%Y-%m-%d}"
        words = {"since": utc_text(start), "months": settings.KEEP_ORDERS_MONTHS, "day": day}
        raise BadInput("since", text % words)
    return start, end


def window_again(log: SyncLog) -> WindowRequest:
    """The window that this sync was asked for, judged as of now: the last days are the last days until now. Not for
    look-backs, which nobody asks for. Raises BadInput where it can no longer be asked for."""
    asked = asked_of(log)
    if "by" not in asked:
        return WindowRequest()
    return read_window(**{name: asked.get(name) for name in ("since", "until", "days", "by")})


def read_days(days: str | int, *, most: int = LONGEST_LOOK_BACK_DAYS) -> int:
    """A number of days, such as the last ones of a sync or an audit. Raises BadInput."""
    text = str(days).strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= most:
        sentence = _("days is %(text)s; it takes a whole number from 1 to %(most)d.")
        raise BadInput("days", sentence % {"text": repr(text[:20]), "most": most})
    return int(text)


def _time(name: str, text: str | None, now: datetime, notes: list[Note]) -> datetime | None:
    if not text:
        return None
    try:
        moment = read_time(text.strip())
    except ValueError:
        hint = " In a URL, write the plus sign as %2B." if " " in text.strip() else ""
        raise BadInput(
            name, f"{name} is {text[:40]!r}, which is not a time. Write it like {EXAMPLE}.{hint}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
        notes.append(Note("read_as_utc", f"{name} has no time zone and was read as UTC: {utc_text(moment)}."))
    try:
        moment = moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise BadInput(name, f"{name} is {text[:40]!r}, which is out of range.") from None
    if moment > now:
        raise BadInput(
            name, _("%(name)s (%(time)s) is in the future.") % {"name": name, "time": utc_text(moment)}
        )
    return moment
