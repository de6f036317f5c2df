"""The forms of a code and of a password, and the sentences about what is wrong with them or with a passkey."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.second_factor.checking import Outcome, check_code
from access.second_factor.models import LONGEST_NAME, Factor

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import PasswordInput, TextInput
else:
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

LONGEST_CODE = 64  # characters, with what people put between them

WRONG: dict[Outcome, Promise] = {
    Outcome.WRONG: gettext_lazy(
        "This code is wrong, or was used before. Wait until the app shows the next one; if it is wrong again, "
        "compare the clock of the device that shows it."
    ),
    Outcome.TOO_MANY: gettext_lazy(
        "Too many codes or passkeys were wrong. Wait a quarter of an hour; this one was not looked at."
    ),
    Outcome.UNREADABLE: gettext_lazy(
        "Codes of the app cannot be checked: the key with which OMS encrypted their secret is missing. Use a "
        "recovery code, or ask whoever runs OMS."
    ),
}
WRONG_PASSKEY: dict[Outcome, Promise] = {
    Outcome.WRONG: gettext_lazy(
        "This passkey was not taken: it is none of this user or of this site, or was copied. Use another one, or a "
        "code."
    ),
    Outcome.TOO_MANY: gettext_lazy(
        "Too many codes or passkeys were wrong. Wait a quarter of an hour; this one was not looked at."
    ),
    Outcome.EXPIRED: gettext_lazy("The page was open for too long. Try again."),
}


class SetUpForm(forms.Form):
    """The first code of an app."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=LONGEST_CODE,
        widget=TextInput(attrs={"autocomplete": "one-time-code", "autofocus": ""}),
    )


class PasskeyNameForm(forms.Form):
    """What a new passkey is called, to tell it from others."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=LONGEST_NAME, required=False, widget=TextInput()
    )


class CodeForm(SetUpForm):
    """Valid with a code of the factor: it is used up then."""

    def __init__(self, *args: Any, factor: Factor, **options: Any) -> None:
        super().__init__(*args, **options)
        self._factor = factor
        if factor.has_app:
            self.fields["code"].help_text = _("Of your app, or one of your recovery codes.")
        else:
            self.fields["code"].label = _("Recovery code")

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        outcome = check_code(self._factor, code)
        if outcome is not Outcome.PASSED:
            raise forms.ValidationError(str(WRONG[outcome]))
        return code


class PasswordForm(forms.Form):
    """Valid with the password of who is signed in; what limits signing in limits this too."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=PasswordInput(attrs={"autocomplete": "current-password", "autofocus": ""}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        self._request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        user = self._request.user
        found = authenticate(self._request, username=user.get_username(), password=password)
        if found is None or found.pk != user.pk:
            raise forms.ValidationError(
                _("This is not your password, or too many wrong ones were entered of late.")
            )
        return password
