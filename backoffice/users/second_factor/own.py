"""One's own second factor: an app and passkeys set up and removed, recovery codes made anew."""

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
from access.second_factor.factors import (
    add_factor,
    factor_of,
    remove_app,
    remove_factor,
    remove_passkey,
    renew_codes,
)
from access.second_factor.passkeys import MOST, add_passkey, offer_new
from access.second_factor.policy import is_required
from access.second_factor.sessions import mark_passed
from access.signed_in import device
from backoffice.users.second_factor.confirming import ask_first
from backoffice.users.second_factor.forms import WRONG, PasskeyNameForm, SetUpForm
from core.encryption import crypter

OFFERED = "second_factor_offered"  # in the session: the secret that the page shows, encrypted


@method_decorator(never_cache, name="dispatch")
class OwnFactor(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return ask_first(request) or _page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        if asked := ask_first(request):
            return asked
        action, factor = request.POST.get("action"), factor_of(request.user)
        if action == "add" and not (factor and factor.has_app):
            return _set_up(request)
        if action == "add-passkey":
            return _add_passkey(request)
        if action == "codes" and factor is not None:
            return _page(request, codes=renew_codes(factor))
        if action == "remove" and remove_factor(request.user):
            messages.success(request, _("Your second factor is removed."))
        elif action == "remove-app" and factor is not None and remove_app(factor):
            messages.success(request, _("The app is removed."))
        elif (
            action == "remove-passkey" and factor and remove_passkey(factor, request.POST.get("passkey", ""))
        ):
            messages.success(request, _("The passkey is removed. Delete it on your device as well."))
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
        return _page(request, form=form, status=422)
    del request.session[OFFERED]
    return _is_set_up(request, codes)


def _add_passkey(request: HttpRequest) -> HttpResponse:
    name = PasskeyNameForm(request.POST)
    answer = request.POST.get("passkey", "")
    given = name.cleaned_data["name"] if name.is_valid() else ""
    outcome, codes = add_passkey(request, request.user, answer, given or _device(request))
    if outcome is not Outcome.PASSED:
        error = _(
            "This passkey was not taken: the page was open for too long, or the browser's answer is wrong."
        )
        return _page(request, passkey_error=error, status=422)
    return _is_set_up(request, codes)


def _is_set_up(request: HttpRequest, codes: list[str]) -> HttpResponse:
    mark_passed(request, request.user)
    messages.success(request, _("It is set up. From now on, signing in asks for it after the password."))
    return _page(request, codes=codes)


def _device(request: HttpRequest) -> str:
    return device(request.META.get("HTTP_USER_AGENT", ""))


def _offered(request: HttpRequest) -> str:
    """The secret of this session, the same until it is confirmed."""
    if OFFERED not in request.session:
        request.session[OFFERED] = crypter().encrypt(new_secret().encode()).decode()
    return crypter().decrypt(request.session[OFFERED]).decode()


def _set_up_app(request: HttpRequest, form: SetUpForm | None) -> dict[str, Any]:
    secret = _offered(request)
    parts = (secret[start : start + 4] for start in range(0, len(secret), 4))
    return {
        "form": form or SetUpForm(),
        "secret": " ".join(parts),
        "qr": _qr_code(address_for_apps(secret, request.user.get_username())),
    }


def _qr_code(text: str) -> SafeString:
    """As SVG, dark on white whatever the theme: not every app reads it the other way round."""
    svg = segno.make(text, error="m", micro=False).svg_inline(scale=4, dark="#000", light="#fff")
    return SafeString(svg)


def _page(
    request: HttpRequest, *, form: SetUpForm | None = None, status: int = 200, **shown: Any
) -> HttpResponse:
    factor = factor_of(request.user)
    passkeys = list(factor.passkeys.all()) if factor else []
    context = {
        **admin.site.each_context(request),
        "title": _("Second factor"),
        "factor": factor,
        "left": factor.recovery_codes.count() if factor else 0,
        "is_required": is_required(request.user),
        "passkeys": passkeys,
        "are_most": len(passkeys) >= MOST,
        "new_passkey": offer_new(request, request.user),
        "name_form": PasskeyNameForm(initial={"name": _device(request)}),
        **({} if factor and factor.has_app else _set_up_app(request, form)),
        **shown,
    }
    return TemplateResponse(request, "access/second_factor.html", context, status=status)
