"""The pages of a link with which somebody chooses a password: made by who manages users, or asked for by e-mail."""

import logging
import smtplib
import threading
import time
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import PermissionDenied
from django.core.mail import send_mail
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache

from access.invitations import days_of_link, invite, link_parts, users_with_address
from backoffice.users.second_factor.confirming import ask_first
from core.addresses import address_for

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import EmailInput, PasswordInput

    PasswordForm = SetPasswordForm[User]
else:
    PasswordForm = SetPasswordForm
    from unfold.widgets import UnfoldAdminEmailInputWidget as EmailInput
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput

logger = logging.getLogger(__name__)
SAME_TIME = 0.2  # seconds that an answer takes, whether or not somebody has the address


class AddressForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=EmailInput(attrs={"autocomplete": "email"}),
    )


class ChoosePasswordForm(PasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = PasswordInput(attrs={"autocomplete": "new-password"})


def can_be_mailed() -> bool:
    """Whether a link that nobody sees but the reader can be sent: the address in it must not be the request's."""
    return bool(settings.EMAIL_IS_ON and settings.PUBLIC_URL)


# --- By who manages users


def invite_page(model_admin: Any, request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002  as Django names it
    """POST makes a link, shows it once, and sends it where e-mail is set."""
    user = model_admin.get_object(request, id)
    if user is None:
        raise Http404
    if not model_admin.has_change_permission(request, user):
        raise PermissionDenied
    if asked := ask_first(request):
        return asked
    if request.method != "POST":
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))
    return show_link(request, model_admin.opts, user)


def show_link(request: HttpRequest, opts: Any, user: User) -> HttpResponse:
    link = _address(request, invite(user))
    sent = _send(user, link, invited=True) if user.email and can_be_mailed() else None
    context = {
        **admin.site.each_context(request),
        "title": _("A link for %(user)s") % {"user": user.get_full_name() or user},
        "opts": opts,
        "original": user,
        "link": link,
        "days": days_of_link(),
        "address": user.email,
        "sent": sent,
    }
    response = TemplateResponse(request, "access/invited.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _address(request: HttpRequest, parts: dict[str, str]) -> str:
    return address_for(request, reverse("choose-password", kwargs=parts))


def _send(user: User, link: str, *, invited: bool) -> bool:
    """Whether the mail server took it."""
    words = {"user": user.get_username(), "link": link, "days": days_of_link()}
    if invited:
        subject = _("Your access to OMS")
        text = _(
            "You can sign in to OMS as %(user)s. Choose a password first:\n\n%(link)s\n\n"
            "The link works once, for %(days)d days. If you did not expect this, do nothing."
        )
    else:
        subject = _("Another password for OMS")
        text = _(
            "Somebody, probably you, asked for another password of %(user)s. Choose it here:\n\n%(link)s\n\n"
            "The link works once, for %(days)d days. If it was not you, do nothing: your password stays as it is."
        )
    try:
        send_mail(subject, text % words, settings.DEFAULT_FROM_EMAIL, [user.email])
    except (smtplib.SMTPException, OSError, ValueError) as error:
        logger.error("An e-mail with a link could not be sent: %s.", type(error).__name__)
        return False
    return True


# --- By who has forgotten the password


@method_decorator(never_cache, name="dispatch")
class ForgottenPassword(View):
    """Where e-mail is set. It answers the same whether or not somebody has this address, and after the same time."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not can_be_mailed():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return _page(request, AddressForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddressForm(request.POST)
        if not form.is_valid():
            return _page(request, form)
        began = time.monotonic()
        users = users_with_address(form.cleaned_data["email"])
        letters = [(user, _address(request, link_parts(user))) for user in users]
        threading.Thread(target=_send_all, args=(letters,), name="password e-mail").start()
        time.sleep(max(0, began + SAME_TIME - time.monotonic()))
        return _page(request, None)


def _send_all(letters: list[tuple[User, str]]) -> None:
    for user, link in letters:
        _send(user, link, invited=False)


def _page(request: HttpRequest, form: AddressForm | None) -> HttpResponse:
    """Without a form once it was sent."""
    context = {**admin.site.each_context(request), "title": _("Forgotten your password?"), "form": form}
    return TemplateResponse(request, "access/forgotten.html", context)


# --- Behind the link


class ChoosePassword(PasswordResetConfirmView):
    form_class = ChoosePasswordForm
    template_name = "access/choose_password.html"
    success_url = reverse_lazy("admin:login")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _("Your password is set. Sign in as %(user)s.") % {"user": self.user})
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {**admin.site.each_context(self.request), "title": _("Choose a password")}
        return super().get_context_data(**kwargs) | own
