"""Connect a platform: the seller authorises the application on the channel's pages and comes back with a code, or a
person does it by hand there and brings the credentials along."""

import secrets
import time
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from access.confinement import visible_platforms, within
from backoffice.platforms.forms import form_for
from backoffice.platforms.widgets import choices_of
from backoffice.users.second_factor.confirming import ask_first
from core.addresses import address_for
from integrations.channel import Choice, Consent
from integrations.errors import ConfigError, PlatformError
from integrations.lookup.consent import consent_of, site_of_consent, take_consent, take_credentials
from integrations.registry import CHANNELS, channel_label
from platforms.models import Platform

BEGUN = "consents_begun"
GOOD_FOR = 1800  # seconds at the channel's pages
MOST_AT_ONCE = 5  # begun in several windows


def connect_label(platform: Platform) -> str:
    """ "" where the channel has nothing of the kind."""
    if consent_of(platform) is None:
        return ""
    if platform.is_configured:
        return _("Authorise again")
    return _("Connect %(channel)s") % {"channel": channel_label(platform.kind)}


def connect_view(request: HttpRequest, object_id: int) -> HttpResponse:
    """The page: to the channel's pages, where this installation has an application for them; else step by step."""
    platform, consent = _asked(request, object_id)
    if (answer := ask_first(request)) is not None:
        return answer
    form = HandForm(platform, consent.fields, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            take_credentials(platform, form.config)
        except PlatformError as error:
            form.add_error(None, _("Nothing was changed. %(problem)s") % {"problem": _told(error)})
        else:
            messages.success(
                request, _("The credentials work, and are stored. Check the connection, then sync.")
            )
            return HttpResponseRedirect(_page_of(platform))
    known = site_of_consent(platform, consent)
    site = known or request.GET.get(consent.site, "")
    context = {
        **admin.site.each_context(request),
        "title": connect_label(platform),
        "opts": Platform._meta,
        "original": platform,
        "channel": channel_label(platform.kind),
        "form": form,
        "steps": consent.steps,
        "is_offered": consent.is_offered(),
        "site": next((choice for choice in _choices(platform, consent) if choice.value == site), None),
        "site_field": consent.site,
        "choose": None
        if known or not consent.site
        else HandForm(platform, (consent.site,), initial=request.GET.dict(), auto_id="id_chosen_%s"),
    }
    return TemplateResponse(request, "platforms/connect.html", context)


def begin_view(request: HttpRequest, object_id: int) -> HttpResponse:
    """Away to the channel's page. By a link, not a form: form-action of the pages' policy holds for where a form is
    redirected to as well."""
    platform, consent = _asked(request, object_id)
    if (answer := ask_first(request)) is not None:
        return answer
    site = site_of_consent(platform, consent) or request.GET.get(consent.site, "")
    state = secrets.token_urlsafe(32)
    try:
        if not consent.is_offered():
            raise Http404
        address = consent.page(site, state, _back(request))
    except ConfigError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:platforms_platform_connect", args=[platform.pk]))
    others = list(request.session.get(BEGUN, {}).items())[1 - MOST_AT_ONCE :]
    begun = {"platform": platform.pk, "site": site, "at": time.time()}
    request.session[BEGUN] = dict([*others, (state, begun)])
    return _unseen(HttpResponseRedirect(address))


def authorised_view(request: HttpRequest) -> HttpResponse:
    """Where the channel sends people back to: the code is exchanged at once, and good once."""
    begun = request.session.get(BEGUN, {})
    mine = begun.pop(request.GET.get("state", ""), None)
    request.session[BEGUN] = begun
    if mine is None or not 0 <= time.time() - mine["at"] < GOOD_FOR:
        text = _(
            "Nothing was changed: this authorisation was not begun in this browser, or more than 30 minutes ago. Begin "
            "again on the platform's page. If it was begun at the command line, paste the address of this page there."
        )
        return _unseen(TemplateResponse(request, "platforms/not_authorised.html", _context(request, text)))
    platform, consent = _asked(request, mine["platform"])
    try:
        account = take_consent(platform, mine["site"], consent.read(request.GET.dict()), _back(request))
    except PlatformError as error:
        messages.error(request, _("Nothing was changed. %(problem)s") % {"problem": _told(error)})
        return _unseen(HttpResponseRedirect(reverse("admin:platforms_platform_connect", args=[platform.pk])))
    text = _("%(channel)s has authorised OMS for the seller %(account)s. Check the connection, then sync.")
    messages.success(request, text % {"channel": channel_label(platform.kind), "account": account})
    return _unseen(HttpResponseRedirect(_page_of(platform)))


class HandForm(forms.Form):
    """These of the fields that a platform's form has for credentials. `config` is what to store, after `is_valid`."""

    config: dict[str, Any]

    def __init__(self, platform: Platform, names: Sequence[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._platform = platform
        whole = form_for(platform.kind)(instance=platform)
        self.fields |= {name: whole.fields[name] for name in names}
        self.initial = {name: whole.initial.get(name) for name in names} | {**self.initial}

    def clean(self) -> dict[str, Any]:
        """Checked with what is stored: a secret that is left empty stays."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        credentials = CHANNELS[self._platform.kind].credentials
        stored: dict[str, Any] = self._platform.api_config or {}
        others = {name: stored.get(name) for name in credentials.names if name not in self.fields}
        entered = credentials.read({**others, **values}, stored)
        kept = {name: stored[name] for name in credentials.secrets if stored.get(name)}
        try:
            self.config = credentials.check({**kept, **entered})
        except ConfigError as error:
            for name, problem in error.fields.items():
                field = credentials.shown_at.get(name, name)
                text = _("Needed as well.") if problem in ("missing", "empty") else capfirst(problem)
                self.add_error(field if field in self.fields else None, text)
        return values


def _asked(request: HttpRequest, object_id: int) -> tuple[Platform, Consent]:
    """Raises Http404 where there is nothing of the kind for this user, PermissionDenied where he may only look."""
    platform = within(Platform.objects.all(), visible_platforms(request), "pk").filter(pk=object_id).first()
    consent = consent_of(platform) if platform else None
    if platform is None or consent is None:
        raise Http404
    if not request.user.has_perm("platforms.change_platform"):
        raise PermissionDenied
    return platform, consent


def _choices(platform: Platform, consent: Consent) -> list[Choice]:
    fields = CHANNELS[platform.kind].credentials.fields
    return list(choices_of(fields).get(consent.site, ()))


def _back(request: HttpRequest) -> str:
    """The address that is registered for the application."""
    return address_for(request, reverse("admin:platforms_platform_authorised"))


def _page_of(platform: Platform) -> str:
    return reverse("admin:platforms_platform_change", args=[platform.pk])


def _told(error: PlatformError) -> str:
    from_platform = _(" (request id %(id)s)") % {"id": error.request_id} if error.request_id else ""
    return f"{error}{from_platform}"


def _context(request: HttpRequest, text: str) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": _("Not authorised"),
        "opts": Platform._meta,
        "text": text,
    }


def _unseen(response: HttpResponse) -> HttpResponse:
    """The address holds a code or a state: it goes to no other page, and into no cache."""
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response
