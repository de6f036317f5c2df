"""Signing in at a provider of OpenID Connect: a link away, and the address that it sends people back to."""

import logging
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from access.lockout import Attempt, Refused
from access.oidc.flow import Arrival, arrive, begin
from access.oidc.people import user_for
from access.oidc.problems import NotSignedIn, Problem
from access.oidc.session import note
from access.oidc.signing_out import end_sessions
from access.second_factor.factors import factor_of
from access.second_factor.sessions import begin as ask_for_factor
from audit.summing import record_first, record_sum
from backoffice.base.model_admin import safe_next
from core.addresses import client_network

logger = logging.getLogger(__name__)

BACKEND = "access.backends.PasswordBackend"  # finds the user of a session
SENTENCES: dict[Problem, Promise] = {
    Problem.EXPIRED: gettext_lazy(
        "Signing in took too long, or was begun in another window. Nobody was signed in: try again."
    ),
    Problem.DECLINED: gettext_lazy("%(provider)s has signed nobody in."),
    Problem.UNREACHABLE: gettext_lazy(
        "%(provider)s does not answer as it should, so nobody can sign in there now. Try again later, or use a "
        "password of OMS. Whoever runs OMS finds the reason in the log."
    ),
    Problem.UNTRUSTED: gettext_lazy(
        "What %(provider)s answered cannot be trusted, so nobody was signed in. Whoever runs OMS finds the reason in "
        "the log."
    ),
    Problem.NOT_ALLOWED: gettext_lazy("Your account at %(provider)s may not be used here."),
    Problem.NO_GROUP: gettext_lazy(
        "Your account at %(provider)s is in no group that may use OMS. Ask whoever manages these groups."
    ),
    Problem.UNKNOWN: gettext_lazy(
        "Your account at %(provider)s has no user here. Ask whoever runs OMS to make one, and to connect it."
    ),
    Problem.NAME_TAKEN: gettext_lazy(
        "There is a user of your name here, who is not connected to your account at %(provider)s. Ask whoever runs "
        "OMS to connect the two."
    ),
    Problem.INACTIVE: gettext_lazy("Your user here may not sign in. Ask whoever manages the users of OMS."),
}
TOO_EARLY = gettext_lazy(
    "Too many attempts have failed from your address. Wait for some minutes, then try again."
)


def provider_name() -> str:
    return settings.OIDC_LABEL or _("single sign-on")


def provider_link(following: str, *, again: bool = False) -> dict[str, str] | None:
    """Address and text of the button; None where there is no provider."""
    if not settings.OIDC_ISSUER:
        return None
    asked = {name: value for name, value in (("next", following), ("again", "1" if again else "")) if value}
    address = reverse("oidc-begin")
    return {
        "address": f"{address}?{urlencode(asked)}" if asked else address,
        "text": _("Log in with %(provider)s") % {"provider": provider_name()},
    }


@method_decorator(never_cache, name="dispatch")
class OidcBegin(View):
    """By a link, not a form: form-action of the pages' policy holds for where a form is redirected to as well."""

    def get(self, request: HttpRequest) -> HttpResponse:
        _require_provider()
        following = safe_next(request) or reverse("admin:index")
        try:
            address = begin(request, _callback(request), following, again="again" in request.GET)
        except NotSignedIn as problem:
            return _refused(request, problem)
        return HttpResponseRedirect(address)


@method_decorator(never_cache, name="dispatch")
class OidcCallback(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        _require_provider()
        try:
            attempt = Attempt(request, None)
        except Refused as refused:
            record_sum("login.refused", changes={"by": "address"}, of=refused.key)
            messages.error(request, TOO_EARLY)
            return HttpResponseRedirect(reverse("admin:login"))
        try:
            arrival = arrive(request, _callback(request))
            user = user_for(arrival.claims)
        except NotSignedIn as problem:
            if problem.problem is Problem.UNTRUSTED:
                attempt.failed()
            else:
                attempt.succeeded()
            return _refused(request, problem)
        attempt.succeeded()
        return _sign_in(request, user, arrival)


@method_decorator((csrf_exempt, never_cache), name="dispatch")
class OidcBackChannelLogout(View):
    """The provider itself, not a browser. Without a limit of attempts: it may sign out many people at once, and nobody
    guesses a signature."""

    def post(self, request: HttpRequest) -> HttpResponse:
        _require_provider()
        try:
            end_sessions(request.POST.get("logout_token", ""))
        except NotSignedIn as problem:
            logger.warning("A logout of the OpenID Connect provider was not heeded: %s", problem)
            is_ours = problem.problem is Problem.UNREACHABLE  # its keys could not be read
            said = {"error": "invalid_request", "error_description": "The logout token was not accepted."}
            return JsonResponse(said, status=503 if is_ours else 400)
        return HttpResponse()


def _sign_in(request: HttpRequest, user: Any, arrival: Arrival) -> HttpResponse:
    if request.user.is_authenticated and request.user.pk != user.pk:
        request.session.flush()
    note(request, arrival.claims)
    if factor_of(user) is not None and not settings.OIDC_SECOND_FACTOR:
        user.backend = BACKEND
        ask_for_factor(request, user, arrival.next)
        return HttpResponseRedirect(reverse("sign-in-code"))
    login(request, user, backend=BACKEND)
    return HttpResponseRedirect(arrival.next)


def _refused(request: HttpRequest, problem: NotSignedIn) -> HttpResponse:
    """Back to the login page, which says why."""
    logger.warning("Nobody was signed in by the OpenID Connect provider: %s", problem)
    facts = {"by": "oidc", "why": problem.problem.value} | problem.facts
    # Who comes here need not be known to the provider: what anybody can repeat is one entry.
    of = problem.facts.get("subject") or client_network(request)
    record_first("login.failed", problem.user, changes=facts, of=f"oidc {problem.problem} {of}")
    messages.error(request, str(SENTENCES[problem.problem]) % {"provider": provider_name()})
    return HttpResponseRedirect(reverse("admin:login"))


def _require_provider() -> None:
    if not settings.OIDC_ISSUER:
        raise Http404


def _callback(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("oidc-callback"))
