"""What a person sees in the place of a page that is not there, or not theirs: in the admin's look, with a way back."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from core.format import Text

INSIDE, OUTSIDE = "admin/base_site.html", "unfold/layouts/unauthenticated.html"

# status: title, what happened, what to do
PAGES: dict[int, tuple[Text, Text, Text]] = {
    403: (
        _("This page is not open to you"),
        _("Your account has no permission for it, or it was opened in a way that OMS does not take. "
          "Nothing was changed."),
        _("If you need it for your work, ask whoever manages the users of OMS, and tell them its address."),
    ),
    404: (
        _("There is no such page"),
        _("The address has a mistake, or what was here has been deleted. Nothing was changed."),
        _("If a link in OMS led here, tell whoever runs OMS."),
    ),
}  # fmt: skip


def error_page(request: HttpRequest, status: int) -> HttpResponse:
    """With the menu for those who may use the admin; others are led to the login."""
    is_inside = hasattr(request, "user") and admin.site.has_permission(request)
    title, happened, advice = PAGES[status]
    context = {
        **(admin.site.each_context(request) if hasattr(request, "user") else {}),
        "title": title,
        "content_title": title,
        "happened": happened,
        "advice": advice,
        "is_inside": is_inside,
        "layout": INSIDE if is_inside else OUTSIDE,
    }
    return render(request, "oms/error.html", context, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  Django calls it so
    """A form that was sent from elsewhere, or from a page that was open before somebody signed in anew."""
    return error_page(request, 403)
