"""One's own second factor: set up, recovery codes made anew, removed."""

from typing import Any

import segno
from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache

from access.second_factor.checking import Outcome
from access.second_factor.codes import address_for_apps, new_secret
from access.second_factor.factors import add_factor, factor_of, remove_factor, renew_codes
from access.second_factor.policy import is_required
from access.second_factor.sessions import mark_passed
from backoffice.users.second_factor.confirming import ask_first
from backoffice.users.second_factor.forms import WRONG, SetUpForm
from core.encryption import crypter

OFFERED = "second_factor_offered"  # in the session: the secret that the page shows, encrypted


@method_decorator(never_cache, name="dispatch")
class OwnFactor(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        if asked := ask_first(request):
            return asked
        return _set_up_page(request, SetUpForm()) if factor_of(request.user) is None else _page(request, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        if asked := ask_first(request):
            return asked
        action, factor = request.POST.get("action"), factor_of(request.user)
        if action == "add" and factor is None:
            return _set_up(request)
        if action == "codes" and factor is not None:
            return _page(request, {"codes": renew_codes(factor)})
        if action == "remove" and remove_factor(request.user):
            messages.success(request, _("Your second factor is removed."))
        return HttpResponseRedirect(reverse("second-factor"))


def _set_up(request: HttpRequest) -> HttpResponse:
    form, codes = SetUpForm(request.POST), None
    if form.is_valid():
        try:
            codes = add_factor(request.user, _offered(request), form.cleaned_data["code"])
        except IntegrityError:  # it was set up in another window at the same moment
            return HttpResponseRedirect(reverse("second-factor"))
        if codes is None:
            form.add_error("code", str(WRONG[Outcome.WRONG]))
    if codes is None:
        return _set_up_page(request, form)
    del request.session[OFFERED]
    mark_passed(request, request.user)
    messages.success(request, _("Your second factor is set up. From now on, signing in asks for a code."))
    return _page(request, {"codes": codes})


def _offered(request: HttpRequest) -> str:
    """The secret of this session, the same until it is confirmed."""
    if OFFERED not in request.session:
        request.session[OFFERED] = crypter().encrypt(new_secret().encode()).decode()
    return crypter().decrypt(request.session[OFFERED]).decode()


def _set_up_page(request: HttpRequest, form: SetUpForm) -> HttpResponse:
    secret = _offered(request)
    parts = (secret[start : start + 4] for start in range(0, len(secret), 4))
    shown = {
        "form": form,
        "secret": " ".join(parts),
        "qr": _qr_code(address_for_apps(secret, request.user.get_username())),
    }
    return _page(request, shown, status=422 if form.errors else 200)


def _qr_code(text: str) -> SafeString:
    """As SVG, dark on white whatever the theme: not every app reads it the other way round."""
    svg = segno.make(text, error="m", micro=False).svg_inline(scale=4, dark="#000", light="#fff")
    return SafeString(svg)


def _page(request: HttpRequest, shown: dict[str, Any], status: int = 200) -> HttpResponse:
    factor = factor_of(request.user)
    context = {
        **admin.site.each_context(request),
        "title": _("Second factor"),
        "factor": factor,
        "left": factor.recovery_codes.count() if factor else 0,
        "is_required": is_required(request.user),
        **shown,
    }
    return TemplateResponse(request, "access/second_factor.html", context, status=status)
