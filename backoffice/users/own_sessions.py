""" "My sessions": where somebody is signed in, to be ended one by one or all but this one."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View

from access.signed_in import alive, end, is_here
from audit.recording import record

OTHERS = "others"


class OwnSessions(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        rows: list[Any] = list(alive(request.user))
        for row in rows:
            row.is_here = is_here(request, row)
        context = {
            **admin.site.each_context(request),
            "title": _("My sessions"),
            "sessions": rows,
            "has_others": any(not row.is_here for row in rows),
        }
        return TemplateResponse(request, "access/own_sessions.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """`end` is the id of a session, or `others`. Nobody ends that of somebody else."""
        wanted = request.POST.get("end", "")
        chosen = [
            row.pk
            for row in alive(request.user)
            if (wanted == OTHERS and not is_here(request, row)) or wanted == str(row.pk)
        ]
        if count := end(alive(request.user).filter(pk__in=chosen)):
            record("session.ended", request.user, changes={"sessions": count})  # type: ignore[arg-type]
        text = ngettext("%(n)d session has been ended.", "%(n)d sessions have been ended.", count)
        messages.success(request, text % {"n": count})
        return HttpResponseRedirect(reverse("my-sessions"))
