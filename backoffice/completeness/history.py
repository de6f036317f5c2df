"""The section "History" of the page Completeness: what a backfill of orders would take, how far one is, its buttons."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from access.confinement import visible_platforms, within
from backoffice.base.cells import badge, display_of
from backoffice.completeness.keeping_up import by_report_href
from backoffice.completeness.presentation import cost_line
from backoffice.completeness.starting import may_audit
from core.format import format_datetime, grouped
from integrations.completeness.history.backfills import (
    cancel,
    latest_end,
    newest_backfill,
    pause,
    request_backfill,
    resume,
)
from integrations.completeness.history.progress import Progress, plan_of, progress_of
from integrations.completeness.history.queue import announce_backfill
from integrations.completeness.overview import listing_platforms
from integrations.completeness.planner import Lane, Plan
from integrations.errors import BadInput
from integrations.models import Backfill, SyncLog
from integrations.plan_wording import lane_cells, lane_name, orders_line, why_line
from integrations.window_input import read_span
from platforms.models import SYNC_PERMISSION, Platform

Status = Backfill.Status
COLOURS: dict[str, str] = {
    Status.QUEUED: "info",
    Status.RUNNING: "info",
    Status.WAITING: "info",
    Status.PAUSED: "warning",
    Status.SUCCEEDED: "success",
    Status.PARTIAL: "warning",
    Status.FAILED: "danger",
}
ACTIONS = {"pause": pause, "resume": resume, "cancel": cancel}
DONE = {
    "pause": gettext_lazy("Backfill #%(id)s is paused."),
    "resume": gettext_lazy("Backfill #%(id)s goes on."),
    "cancel": gettext_lazy("Backfill #%(id)s is cancelled. What it fetched stays."),
}
LEAST = timedelta(days=1)  # of the span that the form offers at first


def history_of(request: HttpRequest, platform: Platform) -> dict[str, Any]:
    """What the section shows. `since` of the address asks for the plan of a backfill from then on."""
    backfill = newest_backfill(platform)
    is_open = backfill is not None and backfill.is_open
    asked = request.GET.get("since", "")
    shown: dict[str, Any] = {
        "may_begin": may_audit(request, platform) and not is_open,
        "may_act": request.user.has_perm(SYNC_PERMISSION),
        "backfill": _shown(backfill) if backfill is not None else None,
        "since": asked[:40],
        "last_day": f"{latest_end() - LEAST:%Y-%m-%d}",
        "by_list_href": by_report_href(platform),
    }
    if asked and shown["may_begin"]:
        shown |= _planned(platform, asked)
    return shown


def _planned(platform: Platform, asked: str) -> dict[str, Any]:
    try:
        since, _until = read_span(since=asked, until=None, latest=latest_end())
    except BadInput as error:
        return {"problem": str(error)}
    plan = plan_of(platform, since, latest_end())
    if plan is None:
        return {"problem": _("Nothing can be planned without credentials that name an account.")}
    return {"plan": _plan_row(plan), "planned_since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}


def _plan_row(plan: Plan) -> dict[str, Any]:
    return {
        "orders": orders_line(plan.facts),
        "why": why_line(plan),
        "lanes": [_lane_row(lane, is_cheapest=lane is plan.cheapest) for lane in plan.lanes],
    }


def _lane_row(lane: Lane, *, is_cheapest: bool) -> dict[str, Any]:
    return {"name": lane_name(lane.code), "is_cheapest": is_cheapest, **lane_cells(lane)}


def _shown(backfill: Backfill) -> dict[str, Any]:
    progress = progress_of(backfill)
    return {
        "row": backfill,
        "badge": badge(display_of(backfill, "status"), COLOURS.get(backfill.status, "")),
        "window": f"{_day(backfill.window_start)} – {_day(backfill.window_end)}",
        "who": str(backfill.requested_by or display_of(backfill, "trigger")),
        "is_worked_on": backfill.is_open and backfill.status != Status.PAUSED,
        "progress": progress,
        "lists_line": _lists_line(progress),
        "orders_line": _orders_line(backfill, progress),
        "orders_max": (progress.full or 0) + (progress.by_list or 0),
        "ends": list(_ends(backfill, progress)),
        "cost": cost_line(backfill),
        "notes": [note["message"] for note in backfill.notes],
        "failed": grouped(backfill.failed) if backfill.failed else "",
    }


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")


def _lists_line(progress: Progress) -> str:
    if not progress.lists:
        return _("No list is asked for yet.")
    text = _("%(asked)s of %(all)s lists asked for, %(made)s made, %(stored)s stored.")
    counts = {
        "asked": progress.asked,
        "all": progress.lists,
        "made": progress.made,
        "stored": progress.stored,
    }
    listed = ngettext("%(n)s order is in them.", "%(n)s orders are in them.", progress.listed)
    said = text % {name: grouped(count) for name, count in counts.items()}
    return f"{said} {listed % {'n': grouped(progress.listed)}}"


def _orders_line(backfill: Backfill, progress: Progress) -> str:
    if progress.full is None or progress.by_list is None:
        return _("Orders are fetched in full once all are listed.")
    text = _(
        "%(full)s orders are here in full, %(by_list)s are known by report alone; %(fetched)s were fetched."
    )
    return text % {
        "full": grouped(progress.full),
        "by_list": grouped(progress.by_list),
        "fetched": grouped(backfill.completed),
    }


def _ends(backfill: Backfill, progress: Progress) -> Iterator[tuple[str, str]]:
    """What is expected to be done, and when; nothing while nobody works on it."""
    if not backfill.is_open or backfill.status == Status.PAUSED:
        return
    if backfill.listed_at is None:
        yield _("All listed"), _expected(progress.listing_ends)
    measured = _("as measured so far")
    how = f" ({measured})" if progress.is_measured else ""
    yield _("All in full"), f"{_expected(progress.completing_ends)}{how}"


def _expected(moment: datetime | None) -> str:
    return _("not known yet") if moment is None else _("about %(when)s") % {"when": format_datetime(moment)}


@require_POST
def history_view(request: HttpRequest) -> HttpResponse:
    """POST `platform` and `do`: begin (with `since`), pause, resume or cancel."""
    if not request.user.has_perm(SYNC_PERMISSION):
        raise PermissionDenied
    asked = request.POST.get("platform", "")
    pk = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0
    platforms = within(listing_platforms(Platform.objects.all()), visible_platforms(request), "pk")
    platform = get_object_or_404(platforms, pk=pk)
    action = request.POST.get("do", "")
    if action == "begin":
        _begin(request, platform)
    elif action in ACTIONS:
        _act(request, platform, action)
    return HttpResponseRedirect(f"{reverse('order-completeness')}?platform={platform.pk}#history")


def _begin(request: HttpRequest, platform: Platform) -> None:
    user = request.user if request.user.is_authenticated else None
    try:
        since, _until = read_span(since=request.POST.get("since", ""), until=None, latest=latest_end())
    except BadInput as error:
        messages.error(request, _("Nothing was started: %(why)s") % {"why": error})
        return
    backfill, is_new = request_backfill(platform, since=since, trigger=SyncLog.Trigger.ADMIN, user=user)
    if not is_new:
        text = _("Backfill #%(id)s of %(platform)s is open already; it goes on.")
        messages.info(request, text % {"id": backfill.pk, "platform": platform})
        return
    _announce(request, backfill, _("Backfill #%(id)s of %(platform)s is queued."))


def _act(request: HttpRequest, platform: Platform, action: str) -> None:
    """On the one that the page showed; it may have ended meanwhile."""
    backfill = newest_backfill(platform)
    if backfill is None or not ACTIONS[action](backfill):
        messages.error(request, _("Nothing was changed: the backfill is in another state by now."))
        return
    _announce(request, backfill, str(DONE[action]))


def _announce(request: HttpRequest, backfill: Backfill, text: str) -> None:
    words = {"id": backfill.pk, "platform": backfill.platform}
    if backfill.status == Status.QUEUED and not announce_backfill(backfill):
        text = _(
            "Backfill #%(id)s of %(platform)s is stored; the queue cannot be reached, and the scheduler hands it to a "
            "worker later."
        )
        messages.error(request, text % words)
        return
    messages.success(request, text % words)
