"""The page on which everybody changes his own password."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import authenticate
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy, ngettext

from access.passwords import days_until_change, due_in
from audit.logins import REFUSED
from backoffice.users.signing_in import refusal_text

if TYPE_CHECKING:
    from django.contrib.admin.forms import AdminPasswordChangeForm as AdminOwnPasswordChangeForm
else:
    from unfold.forms import AdminOwnPasswordChangeForm

REASONS = {
    "temporary": gettext_lazy("Somebody else knows your password. Choose one of your own to go on."),
    "old": gettext_lazy("Your password has become too old. Choose another one to go on."),
}


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        self._request = request

    def clean_old_password(self) -> str:
        """As at the sign-in: counted, recorded, and not looked at while the account or the address is locked."""
        password: str = self.cleaned_data["old_password"]
        if authenticate(self._request, username=self.user.get_username(), password=password) is not None:
            return password
        if refused := getattr(self._request, REFUSED, None):
            raise ValidationError(refusal_text(refused), code="locked")
        raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")

    def clean(self) -> Any:
        if days := days_until_change(self.user):
            text = ngettext(
                "Your password was changed just now: you can change it again in %(n)d day. If somebody else knows it, "
                "ask whoever manages users to set another one.",
                "Your password was changed just now: you can change it again in %(n)d days. If somebody else knows it, "
                "ask whoever manages users to set another one.",
                days,
            )
            raise ValidationError(text % {"n": days}, code="password_too_new")
        return super().clean()


class OwnPassword(PasswordChangeView):
    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")
    template_name = "access/own_password.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            **admin.site.each_context(self.request), why=REASONS.get(due_in(self.request.session)), **context
        )


def _page(request: HttpRequest) -> HttpResponseBase:
    request.current_app = admin.site.name
    return OwnPassword.as_view()(request)


change_own_password = admin.site.admin_view(_page, cacheable=True)
