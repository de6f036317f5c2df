"""How an open sync comes along: as the pages show it first, and as their script asks for it every two seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.base.cells import badges, datetime_cell, number, shortened, source_badge
from backoffice.syncs.presentation import closing_sentence, error_of, kind_name, status_badge, window_of
from core.format import duration, format_datetime
from integrations.models import SyncLog
from integrations.sync.estimates import pages_expected
from integrations.sync.streams import counted
from integrations.wording import pages_line, progress_line, time_of_day
from platforms.models import Source

MOST_AT_ONCE = 200


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
    """`Waiting for Amazon's quota until 14:32 UTC, 12 of about 40 pages, 1,200 orders.`"""
    if not log.is_open:
        return closing_sentence(log)
    if log.cancel_requested:
        return _("Stops after the page in hand.")
    parts = [standing(log)]
    if log.pages:
        parts.append(_records(log))
    speed = pace(log)
    if speed.per_minute:
        parts.append(_("%(count)s a minute") % {"count": number_format(round(speed.per_minute))})
    if speed.ends_at:
        parts.append(_("done at about %(time)s") % {"time": time_of_day(speed.ends_at, timezone.now())})
    return f"{capfirst(', '.join(parts))}."


def standing(log: SyncLog) -> str:
    """Where an open sync stands: what it waits for, and how many pages of how many it has read."""
    now = timezone.now()
    if log.status == SyncLog.Status.WAITING and log.resume_at and log.resume_at > now:
        return progress_line(log, now=now)
    parts = [] if log.status == SyncLog.Status.RUNNING else [_("waiting for a worker")]
    if log.pages:
        parts.append(pages_line(log))
    return ", ".join(parts) or _("asking for the first page")


def _records(log: SyncLog) -> str:
    return counted(log.kind, log.fetched, number_format(log.fetched, force_grouping=True))


def name_of(log: SyncLog) -> str:
    return _("%(kind)s sync #%(id)s") % {"kind": kind_name(log.kind), "id": log.pk}


def bar(log: SyncLog) -> SafeString:
    """The bar and its sentence; of a closed sync, what came of it."""
    sentence = progress_sentence(log)
    if not log.is_open:
        return format_html('<span class="oms-sentence">{}</span>', sentence)
    expected = pages_expected(log)
    value = format_html(' max="{}" value="{}"', expected, log.pages) if expected else ""
    text = '<progress class="oms-bar" aria-label="{}"{}></progress><span class="oms-sentence">{}</span>'
    return format_html(text, name_of(log), value, sentence)


# What the script replaces while a sync is open. A page shows any of them with `slot`.
SLOTS: dict[str, Callable[[SyncLog], Any]] = {
    "state": status_badge,
    "progress": bar,
    "source": lambda log: source_badge(log.source),
    "window": window_of,
    "error": lambda log: error_of(log) or "–",
    "started": lambda log: datetime_cell(log.started_at),
    "finished": lambda log: format_datetime(log.finished_at),
    "took": lambda log: duration(log.duration),
} | {
    name: lambda log, name=name: number(getattr(log, name))
    for name in ("fetched", "created", "updated", "unchanged", "failed", "pages", "api_calls", "throttled")
}


def slot(log: SyncLog, name: str) -> SafeString:
    """A part of a page about a sync, kept current while that is open."""
    shown = SLOTS[name](log)
    if not log.is_open:
        return format_html("{}", shown)
    return format_html(
        '<span class="oms-slot" data-oms-sync="{}" data-oms-slot="{}">{}</span>', log.pk, name, shown
    )


def cancel_control(log: SyncLog, *, may: bool) -> SafeString | str:
    """A button beside the bar. It belongs to the page's form `oms-press`, since lists are forms themselves."""
    if not may or not log.is_open or log.cancel_requested:
        return ""
    text = (
        '<button type="submit" form="oms-press" formaction="{}" class="oms-quiet-button" data-oms-while-open="{}" '
        'aria-label="{}: {}">{}</button>'
    )
    cancel = _("Cancel")
    return format_html(text, press_url(log, "cancel"), log.pk, cancel, name_of(log), cancel)


def state_cell(log: SyncLog, *, may_cancel: bool) -> SafeString:
    """For lists: status and source; while it is open, the bar and a way to cancel; after that, what went wrong."""
    is_made_up = log.source not in ("", Source.LIVE)
    labels = badges(slot(log, "state"), source_badge(log.source) if is_made_up else "")
    if log.is_open:
        control = cancel_control(log, may=may_cancel)
        return format_html('<div class="oms-cell">{}{}{}</div>', labels, slot(log, "progress"), control)
    if not log.error_message:
        return labels
    text = '<div class="oms-cell">{}<span class="oms-sentence">{}</span></div>'
    return format_html(text, labels, shortened(log.error_message, 90))


def press_url(obj: Any, button: str) -> str:
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_button"
    return reverse(name, args=[obj.pk, button])


def progress_json(log: SyncLog) -> dict[str, Any]:
    """Facts for scripts, and the parts of a page as they are now."""
    speed = pace(log)
    is_waiting = log.status == SyncLog.Status.WAITING
    return {
        "id": log.pk,
        "status": log.status,
        "is_open": log.is_open,
        "can_cancel": log.is_open and not log.cancel_requested,
        "pages": log.pages,
        "pages_expected": log.pages_expected,
        "fetched": log.fetched,
        "created": log.created,
        "updated": log.updated,
        "unchanged": log.unchanged,
        "failed": log.failed,
        "per_minute": None if speed.per_minute is None else round(speed.per_minute, 1),
        "waiting_until": log.resume_at if is_waiting else None,
        "expected_end": speed.ends_at,
        "sentence": progress_sentence(log),
        "news": f"{name_of(log)}: {log.get_status_display()}",
        "html": {part: format_html("{}", show(log)) for part, show in SLOTS.items()},
    }


def progress_view(request: HttpRequest) -> JsonResponse:
    """`?ids=12,13`: how these syncs come along. 400 for anything but a few ids; unknown ones are left out."""
    if not request.user.has_perm("integrations.view_synclog"):
        raise PermissionDenied
    texts = request.GET.get("ids", "").split(",")
    if len(texts) > MOST_AT_ONCE or not all(_is_id(text) for text in texts):
        problem = f"ids takes up to {MOST_AT_ONCE} ids of syncs, separated by commas."
        return JsonResponse({"code": "invalid", "detail": problem}, status=400)
    logs = SyncLog.objects.filter(pk__in=[int(text) for text in texts]).defer("checkpoint", "notes", "skus")
    return JsonResponse({"syncs": [progress_json(log) for log in logs]})


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
