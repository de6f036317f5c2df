"""A session that has not passed the factor of its user is no session, whatever signed somebody in."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from access.oidc.session import passed_factor
from access.second_factor.factors import factor_of
from access.second_factor.policy import is_required
from access.second_factor.sessions import has_passed
from access.who import UserJudged


class OnlyWholeSessions(UserJudged):
    """Middleware, after Django's, which knows the user. Also ends sessions that were open when a factor was added.

    Where a factor is needed and missing, the user is known on pages alone, which lead to where it is set up.
    """

    def judge(self, request: HttpRequest, user: Any) -> Any:
        return _whole(request, user)


def _whole(request: HttpRequest, user: Any) -> Any:
    if not user.is_authenticated:
        return user
    if not has_passed(request, user):
        return AnonymousUser()
    if request.path.startswith("/admin/") or factor_of(user) is not None:
        return user
    if is_required(user) and not passed_factor(request.session):
        return AnonymousUser()
    return user
