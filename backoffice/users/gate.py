"""What somebody does before anything else in the admin: set up a second factor that is needed, then change a password
that must be changed. Until then, every other page leads there."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from access.oidc.session import passed_factor
from access.passwords import due_in
from access.second_factor.factors import factor_of
from access.second_factor.policy import OPTIONAL, is_required
from backoffice.base.model_admin import go_to

FACTOR_PAGE, PASSWORD_PAGE = "second-factor", "password_change"
# Both pages are open whichever comes first, with what they lead to; so is the way out.
OPEN = {
    FACTOR_PAGE,
    PASSWORD_PAGE,
    "confirm",
    "jsi18n",
    "forgotten-password",
    "choose-password",
    "sign-in",
    "sign-in-code",
    "oidc-begin",
    "oidc-callback",
    "oidc-backchannel-logout",
    "sign-out",
}


class FirstThingsFirst:
    """Middleware, after those that know the user. On pages alone: to the API, such a user is nobody
    (access/second_factor/middleware.py, access/signed_in.py)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponseBase | None:
        match = request.resolver_match
        if not request.path.startswith("/admin/") or match is None or match.url_name in OPEN:
            return None
        page = _due(request) if request.user.is_authenticated else ""
        return go_to(request, reverse(page)) if page else None


def _due(request: HttpRequest) -> str:
    """The name of the page to be done now, or ""."""
    user = request.user
    needs_one = settings.SECOND_FACTOR != OPTIONAL and factor_of(user) is None and is_required(user)
    if needs_one and not passed_factor(request.session):
        return FACTOR_PAGE
    return PASSWORD_PAGE if due_in(request.session) else ""
