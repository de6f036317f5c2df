"""What the middlewares share that say who is known, after Django's."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject


class UserJudged:
    """Middleware: `request.user` is what `judge` makes of who was known before, the same user or nobody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        known = request.user
        # Late, as Django does it: a request with a token does not look at a session.
        request.user = SimpleLazyObject(lambda: self.judge(request, known))  # type: ignore[assignment]
        return self._get_response(request)

    def judge(self, request: HttpRequest, user: Any) -> Any:
        raise NotImplementedError
