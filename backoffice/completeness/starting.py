"""The buttons that start audits: of orders, and of stock."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from access.confinement import visible_platforms, within
from backoffice.base.cells import link_to
from backoffice.base.model_admin import safe_next
from integrations.completeness.audits import DEFAULT_DAYS, MOST_DAYS, request_audit
from integrations.completeness.overview import listing_platforms, lists_stock
from integrations.completeness.queue import announce_audit
from integrations.completeness.stock.audits import request_stock_audit
from integrations.completeness.stock.queue import announce_stock_audit
from integrations.errors import BadInput
from integrations.models import Job, SyncLog
from integrations.models.jobs import AnyJob
from integrations.window_input import read_days
from platforms.models import SYNC_PERMISSION, Platform

DAYS_OFFERED = (7, 30, 90, 180, 365, MOST_DAYS)


def may_audit(request: HttpRequest, platform: Platform) -> bool:
    """Whether this reader is offered the buttons for this platform."""
    return platform.is_active and request.user.has_perm(SYNC_PERMISSION)


@require_POST
def audit_view(request: HttpRequest) -> HttpResponse:
    """POST `platform` and `days`: starts an audit of the last so many days, today included, unless one is open."""
    platform = _platform_asked_for(request)
    try:
        days = read_days(request.POST.get("days") or DEFAULT_DAYS, most=MOST_DAYS)
    except BadInput as error:
        messages.error(request, _("Nothing was started: %(why)s") % {"why": error})
    else:
        opened = request_audit(platform, days=days, trigger=SyncLog.Trigger.ADMIN, user=_reader(request))
        name = link_to(opened[0], _("Audit #%(id)s") % {"id": opened[0].pk})
        _announce(request, *opened, name, announce_audit)
    return HttpResponseRedirect(safe_next(request) or _page_of(platform))


@require_POST
def stock_audit_view(request: HttpRequest) -> HttpResponse:
    """POST `platform`: starts an audit of its stock, unless one is open."""
    platform = _platform_asked_for(request)
    if not lists_stock(platform.kind):
        raise Http404
    opened = request_stock_audit(platform, trigger=SyncLog.Trigger.ADMIN, user=_reader(request))
    _announce(request, *opened, _("Audit #%(id)s of stock") % {"id": opened[0].pk}, announce_stock_audit)
    return HttpResponseRedirect(f"{_page_of(platform)}#complete-stock")


def _platform_asked_for(request: HttpRequest) -> Platform:
    """Raises PermissionDenied, and Http404 for one that this reader does not see."""
    if not request.user.has_perm(SYNC_PERMISSION):
        raise PermissionDenied
    asked = request.POST.get("platform", "")
    pk = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0
    platforms = within(listing_platforms(Platform.objects.all()), visible_platforms(request), "pk")
    return get_object_or_404(platforms, pk=pk)


def _page_of(platform: Platform) -> str:
    return f"{reverse('order-completeness')}?platform={platform.pk}"


def _reader(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _announce(
    request: HttpRequest, audit: AnyJob, is_new: bool, name: str, announce: Callable[[AnyJob], bool]
) -> None:
    """Hand a new audit to the workers, and tell the reader what became of it."""
    platform = audit.platform
    if not is_new:
        messages.info(request, format_html(_("{} of {} is open already; it goes on."), name, platform))
        return
    if audit.status == Job.Status.QUEUED and not announce(audit):
        text = _(
            "{} of {} is stored; the queue cannot be reached, and the scheduler hands it to a worker later."
        )
        messages.error(request, format_html(text, name, platform))
        return
    messages.success(request, format_html(_("{} of {} is queued."), name, platform))
