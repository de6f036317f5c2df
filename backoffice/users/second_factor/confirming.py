"""Confirming anew that it is oneself: with a passkey or a code, or with the password where no factor is."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache

from access.oidc.people import is_connected
from access.oidc.session import passed_factor
from access.second_factor.challenges import Purpose
from access.second_factor.checking import Outcome
from access.second_factor.factors import factor_of
from access.second_factor.passkeys import check_passkey, offer
from access.second_factor.sessions import confirm, is_fresh
from backoffice.base.freshness import confirmation_address
from backoffice.base.model_admin import go_to, safe_next
from backoffice.users.oidc import provider_link
from backoffice.users.second_factor.forms import WRONG_PASSKEY, CodeForm, PasswordForm


def ask_first(request: HttpRequest, following: str = "") -> HttpResponse | None:
    """The page that asks, where the last time is too long ago; afterwards it leads back, or to `following`. None: go
    on.

    A form that was sent is not kept: its page shows it anew, empty.
    """
    return None if is_fresh(request) else go_to(request, confirmation_address(request, following))


def confirmation_link(request: HttpRequest) -> SafeString:
    """ "" where nobody needs to confirm anything now."""
    if is_fresh(request):
        return SafeString("")
    text = _("Confirm first that it is you")
    return format_html('<a class="oms-link" href="{}">{}</a>', confirmation_address(request), text)


@method_decorator(never_cache, name="dispatch")
class Confirm(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return _page(request, _form(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        factor = factor_of(request.user)
        if factor and "passkey" in request.POST:
            outcome = check_passkey(request, factor, request.POST["passkey"], Purpose.CONFIRM)
            if outcome is not Outcome.PASSED:
                return _page(request, _form(request), str(WRONG_PASSKEY[outcome]))
        else:
            form = _form(request, request.POST)
            if not form.is_valid():
                return _page(request, form)
        confirm(request)
        messages.success(request, _("Thank you. Go on."))
        return HttpResponseRedirect(safe_next(request) or reverse("admin:index"))


def _provider(request: HttpRequest) -> dict[str, str] | None:
    """To sign in anew there, which asks for the password; None where that would lead to a code here all the same."""
    is_enough = factor_of(request.user) is None or passed_factor(request.session)
    return provider_link(safe_next(request), again=True) if is_enough and is_connected(request.user) else None


def _form(request: HttpRequest, data: Any = None) -> CodeForm | PasswordForm:
    factor = factor_of(request.user)
    return CodeForm(data, factor=factor) if factor else PasswordForm(data, request=request)


def _page(request: HttpRequest, form: CodeForm | PasswordForm, passkey_error: str = "") -> HttpResponse:
    user: Any = request.user
    factor = factor_of(user)
    context = {
        **admin.site.each_context(request),
        "title": _("Is it you?"),
        "form": form,
        "next": safe_next(request),
        "can_confirm": factor is not None or user.has_usable_password(),
        "passkey": offer(request, factor, Purpose.CONFIRM) if factor else "",
        "passkey_error": passkey_error,
        "provider": _provider(request),
    }
    status = 422 if passkey_error or form.errors else 200
    return TemplateResponse(request, "access/confirm.html", context, status=status)
