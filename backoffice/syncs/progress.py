"""The progress of open syncs: as pages show it first, and as they ask for it every two seconds.

A page marks each part that may change with `slot`. Its form `oms-progress` (templates/oms/page_forms.html) posts which
slots it shows and as what; `progress_view` answers with those that changed, and htmx puts them in their places.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from access.confinement import visible_platforms, within
from backoffice.base.cells import badges, datetime_cell, number, numbered_address, shortened, source_badge
from backoffice.syncs.presentation import closing_sentence, error_of, kind_name, status_badge, window_of
from core.format import DASH, duration, format_datetime, grouped
from core.markup import markup
from integrations.models import SyncLog
from integrations.sync.estimates import pages_expected
from integrations.sync.streams import counted
from integrations.wording import forecast_line, pages_line, progress_line, time_of_day
from platforms.models import PLATFORM, SYNC_PERMISSION, Source

MOST_AT_ONCE = 200  # syncs
SYNC_ENDED = "oms-sync-ended"  # an event of the page; templates name it
STOP_POLLING = 286  # https://htmx.org/docs/#polling


@dataclass(frozen=True, slots=True)
class Pace:
    """Records a minute since the run started, and when it will end; None where that is not known."""

    per_minute: float | None
    ends_at: datetime | None


def pace(log: SyncLog) -> Pace:
    elapsed = log.duration
    if not log.is_open or elapsed is None or elapsed < timedelta(seconds=1) or not log.pages:
        return Pace(None, None)
    per_minute = log.fetched / (elapsed / timedelta(minutes=1))
    ends_at = None
    expected = pages_expected(log)
    if expected and log.pages < expected:
        now = timezone.now()
        start = max(log.resume_at or now, now) if log.status == SyncLog.Status.WAITING else now
        ends_at = start + elapsed / log.pages * (expected - log.pages)
    return Pace(per_minute, ends_at)


def progress_sentence(log: SyncLog) -> str:
    """`Waiting for the channel's quota until 14:32 UTC, 12 of about 40 pages, 1,200 orders.`"""
    if not log.is_open:
        return closing_sentence(log)
    if log.cancel_requested:
        return _("Stops after the current page.")
    parts = [standing(log)]
    if log.pages:
        parts.append(_records(log))
    speed = pace(log)
    if speed.per_minute:
        parts.append(_("%(count)s a minute") % {"count": grouped(round(speed.per_minute))})
    if log.status in SyncLog.IDLE and (line := forecast_line(log)):
        return f"{capfirst(', '.join(parts))}; {line}."
    if speed.ends_at:
        parts.append(_("done at about %(time)s") % {"time": time_of_day(speed.ends_at, timezone.now())})
    return f"{capfirst(', '.join(parts))}."


def standing(log: SyncLog) -> str:
    """The progress of an open sync: what it waits for, and how many of its pages it has read."""
    now = timezone.now()
    if log.status == SyncLog.Status.WAITING and log.resume_at and log.resume_at > now:
        return progress_line(log, now=now)
    if log.status == SyncLog.Status.DEFERRED:
        return progress_line(log)
    parts = [] if log.status == SyncLog.Status.RUNNING else [_("waiting for a worker")]
    if log.pages:
        parts.append(pages_line(log))
    return ", ".join(parts) or _("asking for the first page")


def _records(log: SyncLog) -> str:
    return counted(log.kind, log.fetched, grouped(log.fetched))


def name_of(log: SyncLog) -> str:
    return _("%(kind)s sync #%(id)s") % {"kind": kind_name(log.kind), "id": log.pk}


def bar(log: SyncLog) -> SafeString:
    """The bar and its sentence; of a closed sync, what came of it."""
    sentence = progress_sentence(log)
    if not log.is_open:
        return markup('<span class="oms-sentence">{}</span>', sentence)
    expected = pages_expected(log)
    value = markup(' max="{}" value="{}"', expected, log.pages) if expected else ""
    text = '<progress class="oms-bar" aria-label="{}"{}></progress><span class="oms-sentence">{}</span>'
    return markup(text, name_of(log), value, sentence)


Show = Callable[[SyncLog, bool], Any]


def _control(log: SyncLog, may_cancel: bool) -> SafeString | str:
    """A button beside the bar: cancel it, or once it failed, run it again."""
    if may_cancel and log.may_run_again:
        return _press(log, "again", _("Run again"))
    return _cancel_control(log, may_cancel)


def _cancel_control(log: SyncLog, may_cancel: bool) -> SafeString | str:
    if not may_cancel or not log.is_open or log.cancel_requested:
        return ""
    return _press(log, "cancel", _("Cancel"))


def _press(log: SyncLog, button: str, label: str) -> SafeString:
    """It belongs to the page's form `oms-press`, since lists are forms themselves."""
    text = (
        '<button type="submit" form="oms-press" formaction="{}" class="oms-quiet-button" '
        'aria-label="{}: {}">{}</button>'
    )
    return markup(text, press_url(log, button), label, name_of(log), label)


def _number(name: str) -> Show:
    return lambda log, _may_cancel: number(getattr(log, name))


# What may change on a page while a sync is open, and how it looks now: from the log, and whether this user may cancel.
SLOTS: dict[str, Show] = {
    "state": lambda log, _may_cancel: status_badge(log),
    "progress": lambda log, _may_cancel: bar(log),
    "cancel": _control,
    # The button in the head of a sync's own page: any text will do, if it changes when the button has to disappear.
    "head": lambda log, may_cancel: "cancel" if _cancel_control(log, may_cancel) else "",
    "source": lambda log, _may_cancel: source_badge(log.source),
    "window": lambda log, _may_cancel: window_of(log),
    "error": lambda log, _may_cancel: error_of(log) or DASH,
    "started": lambda log, _may_cancel: datetime_cell(log.started_at),
    "ended": lambda log, _may_cancel: datetime_cell(log.finished_at),
    "finished": lambda log, _may_cancel: format_datetime(log.finished_at),
    "took": lambda log, _may_cancel: duration(log.duration),
} | {
    name: _number(name)
    for name in ("fetched", "created", "updated", "unchanged", "failed", "pages", "api_calls", "throttled")
}


def slot(log: SyncLog, name: str, *, may_cancel: bool = False) -> SafeString:
    """A part of a page about a sync, kept current while that is open."""
    shown = markup("{}", SLOTS[name](log, may_cancel))
    if not log.is_open:
        return shown
    return markup(
        '<span class="oms-slot" data-oms-sync="{}" data-oms-slot="{}">{}{}</span>',
        log.pk, name, shown, slot_field(log, name, shown),
    )  # fmt: skip


def slot_field(log: SyncLog, name: str, shown: str) -> SafeString:
    """The hidden field that says to the server what the page shows in this slot."""
    text = '<input type="hidden" form="oms-progress" name="slot" value="{}.{}.{}.{}">'
    return markup(text, log.pk, name, log.status, _digest(shown))


def _digest(shown: str) -> str:
    return f"{crc32(str(shown).encode()):x}"


def state_cell(log: SyncLog, *, may_cancel: bool) -> SafeString:
    """For lists: status and source; while it is open, the bar and a way to cancel; after that, what went wrong, and the
    button to run it again."""
    is_made_up = log.source not in ("", Source.LIVE)
    labels = badges(slot(log, "state"), source_badge(log.source) if is_made_up else "")
    if log.is_open:
        control = slot(log, "cancel", may_cancel=may_cancel)
        return markup('<div class="oms-cell">{}{}{}</div>', labels, slot(log, "progress"), control)
    again = _control(log, may_cancel)
    if not log.error_message and not again:
        return labels
    text = '<div class="oms-cell">{}<span class="oms-sentence">{}</span>{}</div>'
    sentence = shortened(log.error_message, 90) if log.error_message else ""
    return markup(text, labels, sentence, again)


def press_url(obj: Any, button: str) -> str:
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_button"
    return numbered_address(name, obj.pk, button)


@dataclass(frozen=True, slots=True)
class Shown:
    """A slot as a page shows it: its sync and name, the status of the sync at that time, and the digest of its text."""

    log_id: int
    name: str
    status: str
    digest: str


def progress_view(request: HttpRequest) -> HttpResponse:
    """POST `slot=12.state.running.5f3a` for each slot of a page: the slots that look otherwise now, for htmx.

    Status 286 tells htmx to stop asking, where none of these syncs is open any more; 400 for what are no slots.
    """
    if not request.user.has_perm("integrations.view_synclog"):
        raise PermissionDenied
    slots = [_read(text) for text in request.POST.getlist("slot")]
    known = [item for item in slots if item is not None]
    ids = {item.log_id for item in known}
    if not known or len(known) < len(slots) or len(ids) > MOST_AT_ONCE:
        return HttpResponseBadRequest("slot is not what a page of this version shows; load the page again.")
    logs = within(SyncLog.objects.filter(pk__in=ids), visible_platforms(request))
    logs = logs.defer("checkpoint", "notes", "skus").prefetch_related(PLATFORM)
    by_id, may_cancel = {log.pk: log for log in logs}, request.user.has_perm(SYNC_PERMISSION)
    changed = [_changed(by_id[item.log_id], item, may_cancel) for item in known if item.log_id in by_id]
    news = _news(by_id, known)
    status = 200 if any(log.is_open for log in by_id.values()) else STOP_POLLING
    # Parts of the page that follow from ended syncs, such as until when orders are complete, ask for themselves anew.
    has_ended = any(not log.is_open for log in by_id.values())
    headers = {"HX-Trigger": SYNC_ENDED} if has_ended else {}
    return HttpResponse(markup("{}" * len(changed) + "{}", *changed, news), status=status, headers=headers)


def _changed(log: SyncLog, shown: Shown, may_cancel: bool) -> SafeString | str:
    """The slot as it is now, with the place where htmx puts it; "" where the page shows just that."""
    now = markup("{}", SLOTS[shown.name](log, may_cancel))
    if _digest(now) == shown.digest and log.status == shown.status:
        return ""
    place = markup("outerHTML:[data-oms-sync='{}'][data-oms-slot='{}']", log.pk, shown.name)
    if not log.is_open or (shown.name == "head" and not now):
        text = '<span class="oms-slot" data-oms-slot="{}" hx-swap-oob="{}">{}</span>'
        return markup(text, shown.name, place, "" if shown.name == "head" else now)
    if shown.name == "head":
        return ""  # the button stays as it is
    text = '<span class="oms-slot" data-oms-sync="{}" data-oms-slot="{}" hx-swap-oob="{}">{}{}</span>'
    return markup(text, log.pk, shown.name, place, now, slot_field(log, shown.name, now))


def _news(logs: dict[int, SyncLog], shown: Sequence[Shown]) -> SafeString | str:
    """Which syncs changed their status, for screen readers: they should not read the whole page each time."""
    changed = {
        item.log_id for item in shown if item.log_id in logs and logs[item.log_id].status != item.status
    }
    if not changed:
        return ""
    sentences = [f"{name_of(logs[pk])}: {logs[pk].get_status_display()}" for pk in sorted(changed)]
    return markup('<div hx-swap-oob="innerHTML:#oms-announcer">{}</div>', "; ".join(sentences))


def _read(text: str) -> Shown | None:
    match = re.fullmatch(r"([0-9]{1,18})\.([a-z_]+)\.([a-z]+)\.([0-9a-f]{1,8})", text, re.ASCII)
    if match is None or match[2] not in SLOTS:
        return None
    return Shown(int(match[1]), match[2], match[3], match[4])
