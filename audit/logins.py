"""Records who signed in and out, and who failed to."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model

from audit.origin import Origin, origin
from audit.recording import record
from audit.summing import record_sum
from core.text import is_storable

BY_PROVIDER = "signed_in_by_provider"  # in a session: by OpenID Connect, and not with a password here
REFUSED = "login_refused"  # on a request, where nobody could try: of which lock, and of which user
UNKNOWN = "(a name that nobody has)"  # what was typed may be a password


def connect() -> None:
    user_logged_in.connect(_logged_in, dispatch_uid="audit.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="audit.logged_out")
    user_login_failed.connect(_login_failed, dispatch_uid="audit.login_failed")


def _logged_in(request: Any, user: Model, **_signal: Any) -> None:
    is_by_provider = BY_PROVIDER in getattr(request, "session", ())
    record("login.succeeded", user, changes={"by": "oidc"} if is_by_provider else None, by=_as(user))


def _logged_out(user: Model | None, **_signal: Any) -> None:
    if user is not None:
        record("login.ended", user, by=_as(user))


def _login_failed(credentials: dict[str, Any], request: Any = None, **_signal: Any) -> None:
    """What was refused without a look at the password becomes one entry for each lock."""
    refused = getattr(request, REFUSED, None)
    if refused is not None and refused.key:
        facts = {"by": "address" if refused.user is None else "account"}
        record_sum("login.refused", refused.user, changes=facts, of=refused.key)
        return
    model = get_user_model()
    name = str(credentials.get(model.USERNAME_FIELD) or "")
    known = is_storable(name) and model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    user = known or None
    record("login.failed", user, changes=None if user else {"name": UNKNOWN})


def _as(user: Model) -> Origin:
    """The request still says that nobody has signed in, or by now that nobody has."""
    here = origin()
    return Origin(here.door, actor=str(user), actor_id=user.pk, address=here.address)
