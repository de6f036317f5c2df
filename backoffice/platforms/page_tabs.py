"""The tabs of a platform's page. All of them are on the page, in one form; `?tab=` says which one is shown. admin.js
changes it in place, so that nothing that was entered is lost; without it, the links load the page again."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from access.confinement import who_see
from platforms.models import Platform

SEE_USERS = "auth.view_user"
MOST_PEOPLE = 200


class PageTab(models.TextChoices):
    OVERVIEW = "overview", _("Overview")
    CREDENTIALS = "credentials", _("Credentials")
    SCHEDULE = "schedule", _("Schedule")
    SHIPPING = "shipping", _("Shipping")
    ACCESS = "access", _("Access")


def pane(tab: PageTab) -> tuple[str, ...]:
    """The classes of what the tab shows."""
    return ("oms-pane", f"oms-pane-{tab}")


def tabs_of(
    request: HttpRequest,
    platform: Platform,
    adminform: Any,
    *,
    may_change: bool,
    without: Collection[PageTab] = (),
) -> dict[str, Any]:
    """The tabs with their addresses, which one is shown, and which have a field with an error. `without`: those that
    there is nothing to show on."""
    wrong = _with_errors(adminform)
    asked = _asked(request)
    if wrong and asked not in wrong:
        shown = next(str(tab) for tab in PageTab if tab in wrong)
    elif asked in PageTab.values and asked not in without:
        shown = asked
    else:
        is_new = may_change and not platform.is_configured
        shown = str(PageTab.CREDENTIALS if is_new else PageTab.OVERVIEW)
    tabs = [
        {
            "name": str(tab),
            "label": tab.label,
            "address": _address(request, tab),
            "is_shown": shown == tab,
            "is_wrong": str(tab) in wrong,
        }
        for tab in PageTab
        if tab not in without
    ]
    return {"page_tabs": tabs, "page_tab": shown}


def on_same_tab(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    asked = _asked(request)
    if asked in PageTab.values and isinstance(response, HttpResponseRedirect) and "?" not in response.url:
        return HttpResponseRedirect(f"{response.url}?tab={asked}")
    return response


def _asked(request: HttpRequest) -> str:
    """The tab that was open when the form was sent, or that the address names."""
    return request.POST.get("tab") or request.GET.get("tab", "")


def people_of(request: HttpRequest, platform: Platform) -> dict[str, Any] | None:
    """Who may see the platform, with their groups, for those who may see users; None for others. Four queries."""
    if not request.user.has_perm(SEE_USERS):
        return None
    users = User.objects.filter(is_active=True, is_staff=True).order_by("username").prefetch_related("groups")
    seeing = who_see(list(users[:MOST_PEOPLE]), platform.pk)
    return {"users": seeing, "is_all": len(users) < MOST_PEOPLE}


def _with_errors(adminform: Any) -> Collection[str]:
    form = getattr(adminform, "form", None)
    if form is None or not form.errors:
        return ()
    wrong = set()
    for fieldset in adminform:
        names = [tab for tab in PageTab.values if f"oms-pane-{tab}" in fieldset.classes]
        if any(field.field.errors for line in fieldset for field in line if not field.is_readonly):
            wrong.update(names)
    return wrong


def _address(request: HttpRequest, tab: PageTab) -> str:
    query = request.GET.copy()
    query["tab"] = str(tab)
    return f"?{query.urlencode()}"
