"""How somebody is known who signs in."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from access.lockout import Attempt, Refused
from access.second_factor.users import UsersWithFactor
from audit.logins import REFUSED


class PasswordBackend(UsersWithFactor):
    """Django's users with their passwords, as often as lockout.py lets somebody try."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **others: Any,
    ) -> Any:
        """The user, or None. Where it is too early to try, `request.login_refused` is the Refused that says until
        when."""
        name = username if username is not None else str(others.get("username") or "")
        if not name or password is None:
            return None
        try:
            attempt = Attempt(request, name)
        except Refused as refused:
            _tell(request, refused)
            raise PermissionDenied from refused  # no other backend is asked
        user = super().authenticate(request, username=name, password=password)
        if user is not None:
            attempt.succeeded()
        elif until := attempt.failed():
            _tell(request, Refused(until, is_locked=True))
        return user


def _tell(request: HttpRequest | None, refused: Refused) -> None:
    if request is not None:
        setattr(request, REFUSED, refused)
