"""How a sync looks wherever the admin shows one."""

from datetime import datetime

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import badge, display_of, link_to
from backoffice.base.channels import request_id_label
from core.format import DASH, Text, format_datetime, grouped
from core.markup import markup
from integrations.errors import AuthenticationError, ConfigError, codes_of
from integrations.lookup.overview import latest_of
from integrations.models import SyncLog
from integrations.registry import advice_of, channel_label
from integrations.schedule.due import Reason, dues_of
from integrations.sync.streams import STREAMS, label_of
from integrations.wording import due_line
from platforms.models import Platform

STATUS_COLOURS: dict[str, str] = {
    SyncLog.Status.DEFERRED: "info",
    SyncLog.Status.QUEUED: "info",
    SyncLog.Status.RUNNING: "info",
    SyncLog.Status.WAITING: "info",
    SyncLog.Status.SUCCEEDED: "success",
    SyncLog.Status.PARTIAL: "warning",
    SyncLog.Status.FALLBACK: "warning",
    SyncLog.Status.FAILED: "danger",
}


def kind_name(kind: str) -> str:
    return str(capfirst(label_of(kind)))


def status_badge(log: SyncLog) -> SafeString:
    return badge(display_of(log, "status"), STATUS_COLOURS.get(log.status, ""))


def window_of(log: SyncLog) -> SafeString:
    """The effective window: what was asked for, or, once it started, what that came to."""
    if not log.window_by:
        stream = STREAMS.get(log.kind)
        return SafeString(stream.without_window if stream else DASH)
    if log.window_start is None:
        return SafeString(_("since the last sync") if log.is_incremental else DASH)
    by = display_of(log, "window_by")
    text = '<span class="oms-span"><span>{} {}</span> <span>{} {}</span></span>'
    return markup(text, by, format_datetime(log.window_start), DASH, format_datetime(log.window_end))


def closing_sentence(log: SyncLog) -> str:
    """The result of a closed sync: its error, or its counts."""
    if log.error_message:
        return log.error_message
    names = (
        ("fetched", _("fetched")), ("created", _("new")), ("updated", _("changed")),
        ("unchanged", _("unchanged")), ("failed", _("failed")),
    )  # fmt: skip
    counts = [(getattr(log, name), label) for name, label in names]
    shown = [f"{grouped(count)} {label}" for count, label in counts if count or label == names[0][1]]
    return f"{', '.join(shown)}."


_BY_ITSELF = gettext_lazy(
    "Nothing has to be done: the next sync asks for the same time again. If it keeps failing, look at the status page "
    "of %(channel)s and at the network of this server."
)
_AT_THE_PLATFORM = gettext_lazy("Open the platform, correct its credentials, and press Check connection.")
_IF_CREDENTIALS_LAST = gettext_lazy(
    "Nothing has to be done at first: OMS tries again by itself. If it lasts, open the platform, correct its "
    "credentials, and press Check connection."
)
_IF_IT_LASTS = gettext_lazy(
    "Nothing has to be done at first: OMS tries again by itself. If it lasts, open the platform and press Check "
    "connection: it says what is missing."
)
# What a person does about an error whose own sentence does not say so.
WHAT_TO_DO = {
    **dict.fromkeys(
        ("unavailable", "connection", "timeout", "broken_answer", "error_in_answer", "interrupted"),
        _BY_ITSELF,
    ),
    "rate_limited": gettext_lazy("Nothing has to be done: the next sync goes on when there is quota again."),
    ConfigError.default_code: _AT_THE_PLATFORM,
    **dict.fromkeys(codes_of(AuthenticationError), _IF_CREDENTIALS_LAST),
    "forbidden": _IF_IT_LASTS,
    "page_loop": gettext_lazy(
        "Start the sync again. If it happens again, give the support of %(channel)s the request id."
    ),
    "internal": gettext_lazy(
        "Give the number of this sync to the person who maintains OMS. The next sync tries again."
    ),
    "cancelled": gettext_lazy("The next sync goes on from where the orders are complete."),
}


def error_of(log: SyncLog) -> SafeString | None:
    """What happened, what to do, the code, and the platform's request id to copy; None where nothing went wrong.

    Touches `platform` of a sync that went wrong."""
    if not log.error_code and not log.request_id:
        return None
    advice = _advice(log)
    parts = [markup('<span class="oms-sentence">{} {}</span>', log.error_message, advice)]
    if log.error_code:
        parts.append(markup('<span class="oms-when">{} {}</span>', _("Code:"), log.error_code))
    if log.request_id:
        parts.append(copyable(request_id_label(log.platform.kind), log.request_id))
    return markup("{}" * len(parts), *parts)


def _advice(log: SyncLog) -> Text:
    """What the channel says for this error, otherwise what holds for all of them."""
    kind = log.platform.kind
    if special := advice_of(kind, log.error_code):
        return special
    return str(WHAT_TO_DO.get(log.error_code, "")) % {"channel": channel_label(kind)}


def copyable(label: str, text: str) -> SafeString:
    """A value that support asks for, with a button that copies it."""
    return markup(
        '<span class="oms-when oms-copy">{} <code>{}</code> <button type="button" class="oms-quiet-button" '
        'data-oms-copy="{}" data-oms-copied="{}">{}</button></span>',
        label, text, text, _("Copied"), _("Copy"),
    )  # fmt: skip


def latest_sync(platform: Platform, kind: str) -> SyncLog | None:
    """Of many platforms: `attach_latest` before."""
    return latest_of(platform).get(kind)


def other_open_syncs(platform: Platform, kind: str, shown: SyncLog) -> list[SyncLog]:
    """Windows that are open beside the sync that is shown, of a platform that `with_overview` has prepared."""
    return [log for log in getattr(platform, "open_windows", ()) if log.kind == kind and log.pk != shown.pk]


def ended_line(moment: datetime) -> str:
    """The one moment by which pages call a sync that is over; said alike on all of them."""
    return _("ended %(time)s") % {"time": format_datetime(moment)}


def moment_of(log: SyncLog) -> SafeString:
    """When it ended, started or was asked for: the last of them that it did, as a link to its page."""
    if log.finished_at:
        return link_to(log, ended_line(log.finished_at))
    text = _("started %(time)s") if log.started_at else _("queued %(time)s")
    return link_to(log, text % {"time": format_datetime(log.started_at or log.queued_at)})


def next_due_text(platform: Platform, kind: str) -> str:
    """When the schedule syncs this platform next, or why it does not."""
    due = dues_of(platform)[kind]
    if due.reason == Reason.STOPPED:
        return _("the schedule is stopped: %(why)s") % {"why": due_line(due)}
    if due.at is None:
        return due_line(due)
    if due.is_now(timezone.now()):
        return _("now; the scheduler takes it up within a minute")
    return f"{format_datetime(due.at)} · {due_line(due)}"
