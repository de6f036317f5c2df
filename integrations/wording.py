"""Sentences that the command line, the API and the admin share. Facts go in, plain text comes out.

progress_line   "waiting for the channel's quota until 14:32 UTC, 12 of about 40 pages"
pages_line      "12 of about 40 pages"
schedule_line   "Next orders sync: 2026-11-23 14:40 UTC · by its interval"
forecast_line   "about 40 pages, which take about 1 h in all: the channel grants one call every …"
asked_line      "orders updated in the last 7 days", "inventory of 2 SKUs (A-1, B 2)"
another_open_line, queue_down_line    why a sync was not started, or not yet
due_line        "by its interval", "failed 3 times in a row (…); next try 2026-11-23 14:40 UTC"
bad_table_line  why nothing of a file can be used
is_loud         whether a person has to know of a Due without looking for it
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.format import duration, format_datetime, grouped
from core.spreadsheets import BadTable
from core.text import isolated
from integrations.models import SyncLog
from integrations.registry import channel_label
from integrations.schedule.due import Due, Reason, dues_of
from integrations.sync.asked import Asked, asked_of
from integrations.sync.estimates import pages_expected
from integrations.sync.forecast import forecast
from integrations.sync.streams import STREAMS, label_of, streams_of
from platforms.models import Platform

HALF_A_DAY = timedelta(hours=12)
LONGEST_REASON = 200  # characters
SHOWN_SKUS = 5
BAD_TABLES = {
    "too_large": gettext_lazy("The file is larger than 10 MB."),
    "too_many_rows": gettext_lazy("The file has more than %(detail)s rows. Split it."),
    "too_many_cells": gettext_lazy(
        "The workbook has too many cells, or one far away from the others. Copy the rows into a new file."
    ),
    "not_text": gettext_lazy("The file is neither a table in text (CSV) nor a workbook (XLSX, XLS, ODS)."),
    "broken": gettext_lazy("The file cannot be read from line %(detail)s on. Save it again as CSV or XLSX."),
    "empty": gettext_lazy("The file has no rows."),
    "no_heading": gettext_lazy("The first row has to name the columns; column %(detail)s has no name."),
    "heading_twice": gettext_lazy("The first row names two columns %(detail)s."),
}
# Why nothing starts by itself, where that needs no more than a word.
NOT_DUE = {
    Reason.INACTIVE: gettext_lazy("the platform is inactive"),
    Reason.NO_CREDENTIALS: gettext_lazy("no credentials are stored"),
    Reason.OPEN: gettext_lazy("a sync is open already"),
    Reason.MANUAL: gettext_lazy("only by hand: the interval is 0"),
}


def bad_table_line(error: BadTable) -> str:
    return str(BAD_TABLES[error.code]) % {"detail": str(error.detail)[:100]}


def progress_line(log: SyncLog, *, now: datetime | None = None) -> str:
    """Where the run stands, in one sentence without a full stop. Touches `platform` of a run that waits."""
    if not log.is_open:
        return ngettext("%(count)s page", "%(count)s pages", log.pages) % {"count": grouped(log.pages)}
    pages = pages_line(log)
    if log.status == SyncLog.Status.WAITING and log.resume_at is not None:
        return _("waiting for %(channel)s's quota until %(time)s, %(pages)s") % {
            "channel": channel_label(log.platform.kind),
            "time": time_of_day(log.resume_at, now or timezone.now()),
            "pages": pages,
        }
    if log.status == SyncLog.Status.RUNNING:
        return pages
    if log.status == SyncLog.Status.DEFERRED:
        if not log.pages:
            return _("starts when the sync that is open now has ended")
        return _("goes on when the sync that is open now has ended, %(pages)s") % {"pages": pages}
    standing = log.get_status_display()
    return _("%(status)s, %(pages)s") % {"status": standing, "pages": pages} if log.pages else str(standing)


def pages_line(log: SyncLog) -> str:
    """`12 of about 40 pages`, `12 pages so far`; before the first one `no page yet`, `no page yet of about 40`."""
    expected = pages_expected(log)
    if not log.pages:
        return (
            _("no page yet of about %(all)s") % {"all": grouped(expected)} if expected else _("no page yet")
        )
    if expected is None:
        text = ngettext("%(count)s page so far", "%(count)s pages so far", log.pages)
        return text % {"count": grouped(log.pages)}
    text = ngettext("%(count)s of about %(all)s page", "%(count)s of about %(all)s pages", expected)
    return text % {"count": grouped(log.pages), "all": grouped(expected)}


def forecast_line(log: SyncLog) -> str:
    """How long a window will take in all, without a full stop; "" once it has begun, and where that cannot be judged.
    Touches `platform`."""
    known = forecast(log)
    if known is None:
        return ""
    words = {
        "channel": channel_label(log.platform.kind),
        "pages": known.pages,
        "time": duration(known.takes),
        "every": duration(known.every),
    }
    if known.takes is None:
        text = _(
            "how long it takes is not known before it was read once: a page is one call, and %(channel)s grants one "
            "every %(every)s, apart from those that were saved up"
        )
    elif known.takes:
        text = ngettext(
            "about %(pages)s page, which takes about %(time)s in all: %(channel)s grants one call every %(every)s, "
            "and regular syncs go first",
            "about %(pages)s pages, which take about %(time)s in all: %(channel)s grants one call every %(every)s, "
            "and regular syncs go first",
            known.pages or 0,
        )
    else:
        text = ngettext(
            "about %(pages)s page, for which there is quota now",
            "about %(pages)s pages, for which there is quota now",
            known.pages or 0,
        )
    return text % words


def asked_line(log: SyncLog) -> str:
    """What the sync was asked for."""
    asked, kind = asked_of(log), label_of(log.kind)
    if "skus" in asked:
        return _skus_line(kind, asked["skus"])
    if "by" in asked:
        return _window_line(kind, asked)
    has_window = log.kind in STREAMS and STREAMS[log.kind].has_window
    return (_("%(kind)s since the last sync") if has_window else _("all %(kind)s")) % {"kind": kind}


def _window_line(kind: str, asked: Asked) -> str:
    if "look_back" in asked:
        return _("%(kind)s that became visible late") % {"kind": kind}
    words = {
        "kind": kind,
        "by": SyncLog.WindowBy(asked["by"]).label,
        "since": _asked_time(asked.get("since")),
        "until": _asked_time(asked.get("until")),
        "days": asked.get("days"),
    }
    if "days" in asked:
        text = ngettext(
            "%(kind)s %(by)s in the last %(days)d day",
            "%(kind)s %(by)s in the last %(days)d days",
            asked["days"],
        )
        return (text if "until" not in asked else text + _(", until %(until)s")) % words
    if "since" not in asked:
        return _("%(kind)s by the time they were %(by)s") % words
    if "until" not in asked:
        return _("%(kind)s %(by)s since %(since)s") % words
    return _("%(kind)s %(by)s from %(since)s to %(until)s") % words


def _skus_line(kind: str, skus: Sequence[str]) -> str:
    text = ngettext("%(kind)s of %(n)s SKU (%(skus)s)", "%(kind)s of %(n)s SKUs (%(skus)s)", len(skus))
    more = ", …" if len(skus) > SHOWN_SKUS else ""
    return text % {
        "kind": kind,
        "n": grouped(len(skus)),
        "skus": ", ".join(map(isolated, skus[:SHOWN_SKUS])) + more,
    }


def _asked_time(text: str | None) -> str:
    return format_datetime(datetime.fromisoformat(text)) if text else ""


def another_open_line(open_sync: SyncLog) -> str:
    """Why a request was refused: the open sync, what it does and how it stands. Touches `platform`."""
    text = _(
        "Nothing was started for %(platform)s: sync #%(id)s is open (%(asked)s; %(status)s; started by: %(trigger)s), "
        "and it is not what you asked for."
    )
    return text % {
        "platform": open_sync.platform.name,
        "id": open_sync.pk,
        "asked": asked_line(open_sync),
        "status": open_sync.get_status_display(),
        "trigger": open_sync.get_trigger_display(),
    }


def queue_down_line(log: SyncLog) -> str:
    """The workers could not be told of a sync. Touches `platform`."""
    text = _(
        "Sync #%(id)s (%(kind)s of %(platform)s) is stored, but could not be handed to the workers: the queue cannot "
        "be reached. Nothing is lost: the scheduler hands it over within minutes of the queue's return."
    )
    return text % {"id": log.pk, "kind": label_of(log.kind), "platform": log.platform.name}


def time_of_day(moment: datetime, now: datetime) -> str:
    """`14:32 UTC`: the next full minute in the reader's zone; with its day where that is half a day away or more."""
    if moment.second or moment.microsecond:
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    is_near = abs(moment - now) < HALF_A_DAY
    return date_format(timezone.localtime(moment), "H:i T") if is_near else format_datetime(moment)


def due_line(due: Due) -> str:
    """Why the next scheduled sync starts when it does, or why none will, without a full stop."""
    if due.reason in NOT_DUE:
        return str(NOT_DUE[due.reason])
    if due.reason == Reason.STOPPED:
        text = _("%(problem)s; store working credentials or check the connection")
        if due.is_of_unknown_kind:
            text = _("%(problem)s; its credentials are not the reason")
        return text % {"problem": _in_short(due.message)}
    if due.reason in (Reason.SUSPECTED, Reason.RESTING):
        return _refused_line(due)
    if due.reason == Reason.BACKING_OFF and due.at is not None:
        text = ngettext(
            "failed %(n)d time (%(why)s); next try %(time)s",
            "failed %(n)d times in a row (%(why)s); next try %(time)s",
            due.failures,
        )
        return text % {"n": due.failures, "why": _in_short(due.message), "time": format_datetime(due.at)}
    if due.reason == Reason.ABSENT:
        return _("the platform lists nothing for this account, and is asked again at growing distances")
    if due.is_first:
        return _("the first one")
    return (
        _("the platform answers again, or other credentials are stored")
        if due.is_retry
        else _("by its interval")
    )


def _refused_line(due: Due) -> str:
    words = {
        "n": due.failures,
        "why": _in_short(due.message),
        "since": format_datetime(due.since) if due.since else "",
        "time": format_datetime(due.at) if due.at else "",
    }
    if due.reason == Reason.RESTING:
        text = _(
            "refused for more than a day, since %(since)s (%(why)s); tried once a day until it is accepted, "
            "next try %(time)s; check the connection"
        )
        return text % words
    text = ngettext(
        "refused %(n)d time since %(since)s (%(why)s), which may pass by itself; next try %(time)s",
        "refused %(n)d times since %(since)s (%(why)s), which may pass by itself; next try %(time)s",
        due.failures,
    )
    return text % words


def is_loud(due: Due) -> bool:
    """Whether a person has to know of it: it will not pass by itself."""
    return due.reason in (Reason.STOPPED, Reason.RESTING)


def _in_short(message: str) -> str:
    """What went wrong, without the advice that follows."""
    first = message.split(". ")[0].rstrip(".")
    return first if len(first) <= LONGEST_REASON else f"{first[:LONGEST_REASON]}…"


def not_delivered_line(platform: Platform, stream: str) -> str:
    """For who asks for a stream that the platform's channel does not have."""
    known = ", ".join(streams_of(platform))
    return f"{platform.name} delivers no {stream}; {channel_label(platform.kind)} has: {known}."


def schedule_line(kind: str, due: Due) -> str:
    """ "Next orders sync: 2026-11-23 14:40 UTC · failed 3 times in a row (…); next try …", for the admin."""
    why, kind_name = due_line(due), label_of(kind)
    if due.reason == Reason.STOPPED:
        return _("Schedule of %(kind)s stopped: %(why)s") % {"kind": kind_name, "why": why}
    if due.at is None:
        return _("Next %(kind)s sync: %(why)s") % {"kind": kind_name, "why": why}
    text = _("Next %(kind)s sync: %(time)s · %(why)s")
    return text % {"kind": kind_name, "time": format_datetime(due.at), "why": why}


def schedule_lines(platform: Platform) -> list[tuple[str, bool]]:
    """For each stream one line, and whether a person has to know of it. A list of platforms that `attach_dues` has seen
    costs no query here."""
    return [(schedule_line(name, due), is_loud(due)) for name, due in dues_of(platform).items()]
