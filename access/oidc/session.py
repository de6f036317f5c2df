"""What a session knows of a sign-in at the provider."""

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from audit.logins import BY_PROVIDER

KEY = BY_PROVIDER


def note(request: HttpRequest, claims: dict[str, Any]) -> None:
    """Before Django's `login`, whose receivers ask the functions below."""
    said = claims.get("auth_time")
    at = said if isinstance(said, int | float) else None
    span = settings.CONFIRM_AGAIN_MINUTES * 60
    # Where the provider does not say when it asked for the password, a sign-in counts as one.
    request.session[KEY] = {"fresh": at is None or not span or time.time() - at < span}


def forget(request: HttpRequest) -> None:
    """Somebody signs in with a password."""
    request.session.pop(KEY, None)


def is_by_provider(session: Any) -> bool:
    return bool(settings.OIDC_ISSUER) and KEY in session


def is_stale(session: Any) -> bool:
    """The provider has signed somebody in whom it had asked for the password a while before."""
    return KEY in session and not session[KEY]["fresh"]


def passed_factor(session: Any) -> bool:
    """Whether the sign-in at the provider counts as a second factor."""
    return settings.OIDC_SECOND_FACTOR and is_by_provider(session)
