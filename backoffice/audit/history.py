"""The page "History" of an object: its part of the audit, in the place of what Django's own log says."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from access.confinement import visible_platforms, within
from audit.models import AuditEntry
from backoffice.audit.wording import action_text, actor_text, change_lines

PER_PAGE = 100


def history_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """For whoever may see the object itself."""
    obj = model_admin.get_object(request, unquote(object_id))
    if obj is None:
        raise Http404
    if not model_admin.has_view_or_change_permission(request, obj):
        raise PermissionDenied
    entries = AuditEntry.objects.filter(object_kind=obj._meta.label_lower, object_id=str(obj.pk))
    entries = within(entries, visible_platforms(request), "platform_id")
    page = Paginator(entries.order_by("-pk"), PER_PAGE).get_page(request.GET.get("p"))
    rows = [
        {
            "at": entry.at,
            "who": actor_text(entry),
            "what": action_text(entry),
            "changes": change_lines(entry),
            "reason": entry.reason,
        }
        for entry in page
    ]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("History of %(object)s") % {"object": obj},
        "opts": model_admin.opts,
        "object": obj,
        "rows": rows,
        "page": page,
    }
    return TemplateResponse(request, "oms/object_history.html", context)
