"""How a sync looks wherever the admin shows one, and what pressing "Sync from Amazon" does."""

import logging
from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from integrations.estimates import progress
from integrations.models import SyncLog
from integrations.services import request_sync
from integrations.tasks import queue_sync
from oms.admin_values import badge, link_to, say
from platforms.models import Platform

logger = logging.getLogger(__name__)

STATUS_COLOURS = {
    SyncLog.Status.QUEUED: "info",
    SyncLog.Status.RUNNING: "info",
    SyncLog.Status.WAITING: "info",
    SyncLog.Status.SUCCEEDED: "success",
    SyncLog.Status.PARTIAL: "warning",
    SyncLog.Status.FALLBACK: "warning",
    SyncLog.Status.FAILED: "danger",
}
KINDS = (SyncLog.Kind.ORDERS, SyncLog.Kind.INVENTORY)


def status_badge(log: SyncLog) -> SafeString:
    """The status in its colour; one that is open and has begun also says how far it is, and until when it waits."""
    shown = badge(log.get_status_display(), STATUS_COLOURS.get(SyncLog.Status(log.status), ""))
    if log.status in (SyncLog.Status.WAITING, SyncLog.Status.RUNNING):
        return format_html('{}<span class="oms-when oms-progress">{}</span>', shown, progress(log))
    return shown


def latest_sync(platform: Platform, kind: str) -> SafeString:
    """Status, when, and a link to the log, of a platform that `with_overview` has prepared."""
    log = next((each for each in getattr(platform, "latest_syncs", ()) if each.kind == kind), None)
    if log is None:
        return SafeString(_("never"))
    when = say(log.finished_at or log.started_at or log.queued_at)
    return format_html('{}<span class="oms-when">{}</span>', status_badge(log), link_to(log, when))


def start_syncs(request: HttpRequest, platforms: Iterable[Platform]) -> None:
    """Start orders and inventory of each platform, with one message each. One that fails does not stop the others."""
    for platform in platforms:
        for kind in KINDS:
            try:
                _start(request, platform, kind)
            except Exception:
                logger.exception("The admin could not start the %s sync of %s", kind, platform.name)
                text = _(
                    "%(kind)s sync of %(platform)s could not be handed to the workers. If it is in the sync log, the "
                    "scheduler takes it up within minutes; otherwise press the button again."
                )
                messages.error(request, text % {"kind": _name(kind), "platform": platform})


def _start(request: HttpRequest, platform: Platform, kind: str) -> None:
    user = request.user if request.user.is_authenticated else None
    log, is_new = request_sync(platform=platform, kind=kind, trigger=SyncLog.Trigger.ADMIN, user=user)
    link = link_to(log, _("%(kind)s sync #%(id)s") % {"kind": _name(kind), "id": log.pk})
    if is_new:
        queue_sync(log)
        messages.success(request, format_html(_("{} of {} is queued."), link, platform))
    else:
        messages.info(
            request, format_html(_("{} of {} is already {}."), link, platform, log.get_status_display())
        )


def _name(kind: str) -> str:
    return str(capfirst(SyncLog.Kind(kind).label))
