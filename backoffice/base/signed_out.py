"""What a page gets whose reader was signed out meanwhile: the whole window goes to the login page, and back afterwards.

htmx follows a redirect by itself, and would show the login page in the small part of the page that it replaces. A form
is sent to an address that may have no page of its own: the login leads back to the page that has the form, and says
that nothing was done. Where a page has asked by itself, it only says that the reader was signed out.
"""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from backoffice.base.model_admin import go_to, is_htmx, ours, safe_next

# In the address of the login page: somebody sent a form, or had a page open, and was signed out.
UNSAVED, ENDED = "unsaved", "ended"
SENT = "OMS-Sent"  # a header: htmx asks because somebody sent a form (admin.js)


class LogInWithTheWholeWindow:
    """Middleware: an htmx request that is answered with a redirect to the login page redirects the window there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        location = urlsplit(response.get("Location", ""))
        if (
            not isinstance(response, HttpResponse)
            or not location.path
            or location.path != reverse("admin:login")
        ):
            return response
        if is_htmx(request):
            reason = UNSAVED if SENT in request.headers else ENDED
            return go_to(request, f"{_login_to(safe_next(request))}&{reason}=1")
        if request.method == "POST" and "next" in parse_qs(location.query):
            form = ours(request, request.headers.get("Referer", ""))
            return HttpResponseRedirect(f"{_login_to(form)}&{UNSAVED}=1")
        return response


def _login_to(page: str) -> str:
    """The address of the login that leads to this page of ours; of the home page without one."""
    parts = urlsplit(page)  # without the host
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return redirect_to_login(path or reverse("admin:index"), reverse("admin:login")).url
