"""Who needs a second factor and has none sets it up before he does anything else."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from access.second_factor.factors import factor_of
from access.second_factor.policy import OPTIONAL, is_required
from backoffice.base.model_admin import go_to

OPEN = {
    "second-factor",
    "confirm",
    "sign-in",
    "sign-in-code",
    "logout",
    "password_change",
    "password_change_done",
}


class SetUpFirst:
    """Middleware. On pages alone: to the API, such a user is nobody (access/second_factor/middleware.py)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponseBase | None:
        if settings.SECOND_FACTOR == OPTIONAL or not request.path.startswith("/admin/"):
            return None
        match, user = request.resolver_match, request.user
        if match is None or match.url_name in OPEN or not user.is_authenticated:
            return None
        if factor_of(user) is not None or not is_required(user):
            return None
        return go_to(request, reverse("second-factor"))
