"""What a session has passed: the password alone, the second factor too, and when somebody last showed that it is he."""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from access.oidc.session import is_stale, passed_factor
from access.second_factor.factors import factor_of

PENDING = "second_factor_pending"
PASSED = "second_factor_passed"  # the id of the factor
CONFIRMED_AT = "confirmed_at"  # seconds since 1970
PENDING_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody who gave the right password, and not yet a code. Nobody is signed in."""

    user: Any
    backend: str
    next: str


def begin(request: HttpRequest, user: Any, following: str) -> None:
    """The password was right: remember who is to give a code. `user.backend` is what found him. Whatever signs
    somebody in who has a factor calls this in the place of Django's `login`; see also middleware.py."""
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": str(user.pk),
        "backend": user.backend,
        "hash": user.get_session_auth_hash(),
        "next": following,
        "at": time.time(),
    }


def pending(request: HttpRequest) -> Pending | None:
    """Who is to give a code here; None after ten minutes, a change of the password, or where nobody is."""
    kept = request.session.get(PENDING)
    if not kept or not 0 <= time.time() - kept["at"] < PENDING_SECONDS:
        return None
    user: Any = get_user_model()._default_manager.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    return Pending(user, kept["backend"], kept["next"])


def finish(request: HttpRequest, waiting: Pending) -> None:
    """The code was right: sign in."""
    del request.session[PENDING]
    login(request, waiting.user, backend=waiting.backend)
    mark_passed(request, waiting.user)


def mark_passed(request: HttpRequest, user: Any) -> None:
    """This session has passed the factor that the user has now."""
    factor = factor_of(user)
    request.session[PASSED] = factor.pk if factor else None
    confirm(request)


def has_passed(request: HttpRequest, user: Any) -> bool:
    """Whether there is nothing to pass, or it was passed in this session, or at the provider."""
    factor = factor_of(user)
    return factor is None or request.session.get(PASSED) == factor.pk or passed_factor(request.session)


def confirm(request: HttpRequest) -> None:
    """Somebody has just shown that it is he, with a code, or with the password where he has no factor."""
    request.session[CONFIRMED_AT] = time.time()


def is_fresh(request: HttpRequest) -> bool:
    """Whether that was within the last CONFIRM_AGAIN_MINUTES; 0: nobody is asked again."""
    if not settings.CONFIRM_AGAIN_MINUTES:
        return True
    at = request.session.get(CONFIRMED_AT)
    return at is not None and 0 <= time.time() - at < settings.CONFIRM_AGAIN_MINUTES * 60


def _confirm_at_sign_in(request: HttpRequest | None, **_signal: Any) -> None:
    if request is not None and hasattr(request, "session") and not is_stale(request.session):
        confirm(request)


def connect() -> None:
    user_logged_in.connect(_confirm_at_sign_in, dispatch_uid="access.confirm_at_sign_in")
