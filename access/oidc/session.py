"""What a session knows of a sign-in at the provider."""

import hashlib
import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from audit.logins import BY_PROVIDER

KEY = BY_PROVIDER
NAMELESS = "nameless"  # in the place of the digest of a session of which the provider gave no name


def note(request: HttpRequest, claims: dict[str, Any]) -> None:
    """Before Django's `login`, whose receivers ask the functions below."""
    said = claims.get("auth_time")
    at = said if isinstance(said, int | float) else None
    span = settings.CONFIRM_AGAIN_MINUTES * 60
    # Where the provider does not say when it asked for the password, a sign-in counts as one.
    request.session[KEY] = {
        "fresh": at is None or not span or time.time() - at < span,
        "session": session_digest(claims.get("sid")),
    }


def session_digest(sid: Any) -> str:
    """Of the provider's name for the session there; it is nobody's business here."""
    if not isinstance(sid, str) or not sid:
        return NAMELESS
    return hashlib.sha256(f"{settings.OIDC_ISSUER}\n{sid}".encode("utf-8", "surrogatepass")).hexdigest()


def provider_session(session: Any) -> str:
    """That of the provider by which this one came to be; "" where it was not."""
    return str(session[KEY].get("session", NAMELESS)) if KEY in session else ""


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
