"""What the page shows beside the form of a platform: its last runs, the next one, and the connection check."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from access.confinement import visible_platforms, within
from backoffice.base.channels import request_id_label
from backoffice.home.health import age_line, renewal_line
from backoffice.platforms.connect import connect_label
from backoffice.platforms.page_tabs import PageTab
from backoffice.platforms.widgets import choices_of, fact_of
from backoffice.syncs.presentation import (
    copyable,
    kind_name,
    latest_sync,
    moment_of,
    next_due_text,
    other_open_syncs,
)
from backoffice.syncs.progress import slot
from core.markup import markup
from integrations.channel import Fact
from integrations.errors import ACCESS_CODES
from integrations.lookup.renewals import renewals_of
from integrations.models import SyncLog
from integrations.registry import CHANNELS
from integrations.schedule.due import dues_of
from integrations.sync.connection_check import check_platform, is_outdated, without_others
from integrations.sync.look_back import late_lines
from integrations.sync.streams import streams_of
from integrations.wording import is_loud
from platforms.models import SYNC_PERMISSION, Platform

RUNS = 5


def last_runs(platform: Platform, *, may_cancel: bool) -> list[dict[str, Any]]:
    """For each stream its title, when the next sync is due, whether somebody has to look at that, and its last runs,
    ready to be shown."""
    return [
        {
            "kind": kind,
            "title": kind_name(kind),
            "due": next_due_text(platform, kind),
            "is_loud": is_loud(dues_of(platform)[kind]),
            "late": list(late_lines(platform)) if kind == SyncLog.Kind.ORDERS else [],
            "runs": [run_cell(log, may_cancel=may_cancel) for log in _last(platform, kind)],
        }
        for kind in streams_of(platform)
    ]


def _last(platform: Platform, kind: str) -> list[SyncLog]:
    """The newest runs; before them those that are open, however long ago they were asked for."""
    logs = SyncLog.objects.filter(platform=platform, kind=kind).defer("checkpoint", "notes", "skus")
    logs = logs.exclude(trigger=SyncLog.Trigger.LOOK_BACK)  # those are in the sync log
    newest = list(logs[:RUNS])
    still_open = logs.filter(status__in=SyncLog.OPEN)
    return [log for log in still_open if log not in newest] + newest


def run_cell(log: SyncLog, *, may_cancel: bool) -> SafeString:
    """Status, time, and progress or result."""
    return markup(
        '<div class="oms-cell">{}<span class="oms-when">{} · {}</span>{}{}</div>',
        slot(log, "state"),
        moment_of(log),
        slot(log, "took"),
        slot(log, "progress"),
        slot(log, "cancel", may_cancel=may_cancel),
    )


def latest_cell(platform: Platform, kind: str, *, may_cancel: bool) -> SafeString:
    """The same for the last one, and for windows that are open beside it, in a list of platforms; the closed ones
    without their sentence."""
    log = latest_sync(platform, kind)
    if log is None:
        return SafeString(_("never"))
    others = [run_cell(other, may_cancel=may_cancel) for other in other_open_syncs(platform, kind, log)]
    if log.is_open:
        newest = run_cell(log, may_cancel=may_cancel)
    else:
        text = '<div class="oms-cell">{}<span class="oms-when">{}</span></div>'
        newest = markup(text, slot(log, "state"), moment_of(log))
    return markup("{}" * (1 + len(others)), newest, *others)


def renewal_lines(platform: Platform) -> list[dict[str, Any]]:
    """For each value of the credentials that has to be renewed, how old it is and how long it lasts; with what to do
    where it is time for that (`is_loud`)."""
    now = timezone.now()
    return [
        {
            "is_loud": bool(renewal.level(now)),
            "text": renewal_line(renewal, now) if renewal.level(now) else age_line(renewal, now),
        }
        for renewal in renewals_of(platform)
    ]


def check_context(request: HttpRequest, platform: Platform) -> dict[str, Any]:
    """What the last connection check found, for the template platforms/check.html."""
    found = platform.check_outcome.get("findings", ())
    if visible_platforms(request) is not None:
        found = without_others(found)
    may_change = request.user.has_perm("platforms.change_platform")
    findings = [
        {
            **finding,
            "request": copyable(request_id_label(platform.kind), request_id)
            if (request_id := finding.get("request_id"))
            else "",
            "place": _place_to_act(finding, may_change=may_change),
        }
        for finding in found
    ]
    return {
        "is_outdated": is_outdated(platform),
        "may_check": request.user.has_perm(SYNC_PERMISSION),
        "connect": connect_label(platform) if may_change else "",
        "roles_page": _roles_page(platform),
        "platform": platform,
        "findings": findings,
        "problems": sum(finding["ok"] is False for finding in findings),
    }


def _place_to_act(finding: Mapping[str, Any], *, may_change: bool) -> str:
    """Where a person does what the finding asks for: a tab of the page; `roles`, on the channel's own pages; `check`,
    where nothing on a page mends it; "" where nothing is to do, or not by this reader."""
    is_to_do = finding["ok"] is False
    if not is_to_do and finding.get("code") != "not_configured":
        return ""
    step = str(finding["step"]).split(" ")[0]
    if step in ("credentials", "token", "environment", "marketplace", "marketplaces", "other"):
        return str(PageTab.CREDENTIALS) if may_change else ""
    if not is_to_do:
        return ""
    return "roles" if finding.get("code") in ACCESS_CODES else "check"


def _roles_page(platform: Platform) -> dict[str, Any]:
    """The address where roles are given to the application of this platform, and its name; {} where there is none."""
    channel = CHANNELS.get(platform.kind)
    if channel is None or channel.roles_page is None:
        return {}
    link = channel.roles_page
    host: Any = link.host
    if isinstance(host, Fact):
        host = fact_of(
            host, choices_of(channel.credentials.fields).get(host.of, ()), platform.api_config or {}
        )
    return {"text": link.text, "address": f"https://{host}/{link.path}"}


def check_view(request: HttpRequest, object_id: int) -> HttpResponse:
    """POST checks the connection and answers with the findings alone, for the page that shows them in place."""
    if not (request.user.has_perm("platforms.view_platform") and request.user.has_perm(SYNC_PERMISSION)):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    platform = get_object_or_404(
        within(Platform.objects.all(), visible_platforms(request), "pk"), pk=object_id
    )
    check_platform(platform)
    return render(request, "platforms/check.html", check_context(request, platform))
