"""The page that says who a user is at the OpenID Connect provider, for those who may change users."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.invitations import provider_may_raise
from access.models import OidcIdentity
from access.oidc.people import connect, digest, disconnect
from access.oidc.tokens import LONGEST_SUBJECT
from audit.models import AuditEntry
from backoffice.users.oidc import provider_name
from backoffice.users.second_factor.confirming import ask_first

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import TextInput
else:
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

LOOKED_BACK = timedelta(days=7)
MOST_READ, MOST_SHOWN = 200, 10
DISCONNECT = "disconnect"


class SubjectForm(forms.Form):
    subject = forms.CharField(
        label=gettext_lazy("Subject (sub)"),
        max_length=LONGEST_SUBJECT,
        widget=TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "What the provider calls the account for good: neither a name nor an e-mail address."
        ),
    )


def connection_page(model_admin: Any, request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002  as Django names it
    user = model_admin.get_object(request, id)
    if user is None or not (settings.OIDC_ISSUER or _identity(user)):
        raise Http404
    if not model_admin.has_change_permission(request, user) or provider_may_raise(request.user):
        raise PermissionDenied  # who knows the password would have what the provider gives
    if asked := ask_first(request):
        return asked
    form = SubjectForm(request.POST if request.method == "POST" and DISCONNECT not in request.POST else None)
    if DISCONNECT in request.POST:
        _disconnect(request, user)
        return HttpResponseRedirect(request.path)
    if form.is_valid() and _connect(request, user, form):
        return HttpResponseRedirect(request.path)
    context = {
        **admin.site.each_context(request),
        "title": _("Single sign-on of %(user)s") % {"user": user},
        "opts": model_admin.opts,
        "original": user,
        "provider": provider_name(),
        "identity": _identity(user),
        "issuer": settings.OIDC_ISSUER,
        "form": form,
        "refused": _refused_of_late(),
    }
    return TemplateResponse(request, "access/connection.html", context, status=422 if form.errors else 200)


def page_link(actor: Any, user: User) -> dict[str, Any] | None:
    """For the user's page; None where there is no provider, and nothing to disconnect."""
    is_connected = _identity(user) is not None
    if not (settings.OIDC_ISSUER or is_connected) or provider_may_raise(actor):
        return None
    text = _("Connected with %(provider)s") if is_connected else _("Connect with %(provider)s")
    address = reverse("admin:auth_user_connection", args=[user.pk])
    return {"title": text % {"provider": provider_name()}, "url": address, "icon": "link", "away": False}


def _identity(user: User) -> OidcIdentity | None:
    return OidcIdentity.objects.filter(user=user).first()


def _connect(request: HttpRequest, user: User, form: SubjectForm) -> bool:
    subject = form.cleaned_data["subject"]
    try:
        connect(user, subject)
    except IntegrityError:
        if _identity(user):
            form.add_error("subject", _("%(user)s is connected already: disconnect first.") % {"user": user})
        else:
            form.add_error(
                "subject", _("This is another user's account at the provider. Nothing was changed.")
            )
        return False
    text = _("%(user)s signs in with this account at %(provider)s now.")
    messages.success(request, text % {"user": user, "provider": provider_name()})
    return True


def _disconnect(request: HttpRequest, user: User) -> None:
    if disconnect(user):
        text = _("%(user)s is connected to no account at the provider any more, and signed in nowhere.")
        messages.success(request, text % {"user": user})


def _refused_of_late() -> list[dict[str, Any]]:
    """Who signed in at the provider and has no user here, the last one first: the audit has their subjects."""
    failed = AuditEntry.objects.filter(action="login.failed", at__gte=timezone.now() - LOOKED_BACK)
    found: dict[str, dict[str, Any]] = {}
    for entry in failed.filter(changes_json__contains='"subject"').order_by("-id")[:MOST_READ]:
        subject = str(entry.changes.get("subject", ""))
        if subject and subject not in found:
            found[subject] = {"subject": subject, "name": entry.changes.get("name", ""), "at": entry.at}
    digests = {digest(settings.OIDC_ISSUER, subject): subject for subject in found}
    for known in OidcIdentity.objects.filter(digest__in=digests).values_list("digest", flat=True):
        del found[digests[known]]
    return list(found.values())[:MOST_SHOWN]
