"""What a page gets whose reader was signed out meanwhile: the whole window goes to the login page, and back afterwards.

htmx follows a redirect by itself, and would show the login page in the small part of the page that it replaces.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from backoffice.base.model_admin import go_to, is_htmx, safe_next


class LogInWithTheWholeWindow:
    """Middleware: an htmx request that is answered with a redirect to the login page redirects the window there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not is_htmx(request) or not isinstance(response, HttpResponse):
            return response
        login, home = reverse("admin:login"), reverse("admin:index")
        if urlsplit(response.get("Location", "")).path != login:
            return response
        return go_to(request, redirect_to_login(_page_of(request) or home, login).url)


def _page_of(request: HttpRequest) -> str:
    """The page on which htmx runs, without the host."""
    parts = urlsplit(safe_next(request))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
