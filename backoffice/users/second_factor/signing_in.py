"""Signing in: the password, and a passkey or a code where the user has a second factor. Before that, nobody is in."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache

from access.oidc.session import forget as forget_provider
from access.second_factor.challenges import Purpose
from access.second_factor.checking import Outcome
from access.second_factor.factors import factor_of
from access.second_factor.models import Factor
from access.second_factor.passkeys import check_passkey, offer
from access.second_factor.sessions import Pending, begin, finish, pending
from backoffice.base.signed_out import ENDED, UNSAVED
from backoffice.users.inviting import can_be_mailed
from backoffice.users.oidc import provider_link
from backoffice.users.second_factor.forms import WRONG_PASSKEY, CodeForm


@method_decorator(never_cache, name="dispatch")
class SignIn(LoginView):
    """The admin's page, at the admin's address."""

    template_name = "access/login.html"

    def get_form_class(self) -> Any:
        return admin.site.login_form

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if admin.site.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the admin's own view gives its template."""
        own = {
            **admin.site.each_context(self.request),
            "title": _("Log in"),
            "subtitle": None,
            "app_path": self.request.get_full_path(),
            "username": self.request.user.get_username(),
            "provider": provider_link(self.get_redirect_url()),
            "can_be_mailed": can_be_mailed(),
            "is_demo": settings.DEMO,
            "is_first_start": is_first_start(),
            "is_unsaved": UNSAVED in self.request.GET,
            "has_ended": ENDED in self.request.GET,
        }
        return super().get_context_data(**kwargs) | own

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        forget_provider(self.request)
        if factor_of(user) is None:
            return super().form_valid(form)
        begin(self.request, user, self.get_success_url())
        return HttpResponseRedirect(reverse("sign-in-code"))


def is_first_start() -> bool:
    """Whether nobody has ever signed in, so that whoever is here looks for the first password."""
    return User.objects.exists() and not User.objects.filter(last_login__isnull=False).exists()


@method_decorator(never_cache, name="dispatch")
class SignInCode(View):
    """The page behind the password."""

    def get(self, request: HttpRequest) -> HttpResponse:
        waiting = _waiting(request)
        return _page(request, waiting, _form(waiting)) if waiting else _from_the_beginning()

    def post(self, request: HttpRequest) -> HttpResponse:
        waiting = _waiting(request)
        if waiting is None:
            return _from_the_beginning()
        if "passkey" in request.POST:
            outcome = check_passkey(request, _factor(waiting), request.POST["passkey"], Purpose.SIGN_IN)
            if outcome is not Outcome.PASSED:
                return _page(request, waiting, _form(waiting), str(WRONG_PASSKEY[outcome]))
        else:
            form = _form(waiting, request.POST)
            if not form.is_valid():
                return _page(request, waiting, form)
        finish(request, waiting)
        return HttpResponseRedirect(waiting.next)


def _waiting(request: HttpRequest) -> Pending | None:
    """None, too, where the factor was taken away meanwhile: the password alone will do then."""
    waiting = pending(request)
    return waiting if waiting and factor_of(waiting.user) else None


def _factor(waiting: Pending) -> Factor:
    factor = factor_of(waiting.user)
    assert factor is not None  # noqa: S101  for the type checker
    return factor


def _form(waiting: Pending, data: Any = None) -> CodeForm:
    return CodeForm(data, factor=_factor(waiting))


def _from_the_beginning() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:login"))


def _page(request: HttpRequest, waiting: Pending, form: CodeForm, passkey_error: str = "") -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("Log in"),
        "form": form,
        "passkey": offer(request, _factor(waiting), Purpose.SIGN_IN),
        "passkey_error": passkey_error,
    }
    status = 422 if passkey_error or form.errors else 200
    return TemplateResponse(request, "access/sign_in_code.html", context, status=status)
