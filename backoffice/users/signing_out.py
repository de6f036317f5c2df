"""Signing out of OMS, and with OIDC_LOGOUT of the provider by which somebody signed in."""

import logging

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from access.oidc.problems import NotSignedIn
from access.oidc.provider import logout_address
from access.oidc.session import is_by_provider
from backoffice.users.oidc import provider_name

logger = logging.getLogger(__name__)


@never_cache
def sign_out(request: HttpRequest) -> HttpResponse:
    """Here first, whatever becomes of the provider's page. A page leads there: form-action of the pages' policy holds
    for where a form is redirected to as well."""
    is_there = settings.OIDC_LOGOUT and is_by_provider(request.session)
    response = admin.site.logout(request)
    address = _address(request) if is_there and request.method == "POST" else ""
    if not address:
        return response
    context = {
        **admin.site.each_context(request),
        "title": _("Signed out"),
        "provider": provider_name(),
        "address": address,
    }
    page = TemplateResponse(request, "access/signed_out.html", context)
    page.headers["Refresh"] = f"0; url={address}"
    return page


def _address(request: HttpRequest) -> str:
    try:
        return logout_address(request.build_absolute_uri(reverse("admin:login")))
    except NotSignedIn as problem:
        logger.warning("Nobody is signed out at the OpenID Connect provider: %s", problem)
        return ""
