"""The form of the login page."""

import math
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.lockout import Refused
from audit.logins import REFUSED

if TYPE_CHECKING:
    from django.contrib.admin.forms import AdminAuthenticationForm as AuthenticationForm
else:
    from unfold.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    def get_invalid_login_error(self) -> ValidationError:
        """Says where it is too early to try again, for how long, and who can help."""
        refused = getattr(self.request, REFUSED, None)
        if refused is None:
            return super().get_invalid_login_error()
        return ValidationError(refusal_text(refused), code="locked")


def refusal_text(refused: Refused) -> str:
    """For how long nobody can try, in the active language."""
    seconds = max(1, math.ceil((refused.until - timezone.now()).total_seconds()))
    if not refused.is_locked:
        text = ngettext(
            "Too many attempts have failed. Try again in %(n)d second; your password was not looked at.",
            "Too many attempts have failed. Try again in %(n)d seconds; your password was not looked at.",
            seconds,
        )
        return text % {"n": seconds}
    minutes = math.ceil(seconds / 60)
    text = ngettext(
        "Too many attempts have failed: for this account or from your address, nobody can sign in for %(n)d minute.",
        "Too many attempts have failed: for this account or from your address, nobody can sign in for %(n)d minutes.",
        minutes,
    )
    whom = _(
        "If you cannot wait, ask whoever manages the users of OMS, or whoever runs the server: "
        "manage.py unlock_user USER."
    )
    return f"{text % {'n': minutes}} {whom}"
