""" "My alerts": what each user is told of, and what is so now. Everybody who may sign in edits his own."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views import View

from access.confinement import platforms_of
from backoffice.alerts.conditions import PERMISSIONS, evaluate
from backoffice.alerts.readers import wants
from backoffice.base.choices import platform_choices
from backoffice.base.locality import zone_of
from backoffice.models import AlertSubscription

HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


class AlertsForm(forms.Form):
    """`user` decides which kinds are offered: those that he may see."""

    by_email = forms.BooleanField(label=gettext_lazy("Tell me by e-mail"), required=False)
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Tell me of"), widget=forms.CheckboxSelectMultiple, required=False
    )
    platforms = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Platforms"), widget=forms.CheckboxSelectMultiple, required=False, coerce=int
    )
    digest = forms.BooleanField(
        label=gettext_lazy("Once a day, a summary of what is still so"), required=False
    )
    digest_hour = forms.TypedChoiceField(label=gettext_lazy("Summary at"), choices=HOURS, coerce=int)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)

    def __init__(self, *args: Any, user: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kinds: Any = self.fields["kinds"]
        kinds.choices = [
            (kind.value, kind.label) for kind, permission in PERMISSIONS.items() if user.has_perm(permission)
        ]
        platforms: Any = self.fields["platforms"]
        platforms.choices = platform_choices(platforms_of(user))
        for name in ("digest_hour", "language"):
            self.fields[name].widget.attrs["class"] = "oms-input"


class MyAlerts(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        subscription = _subscription_of(request)
        initial = {
            "by_email": subscription.by_email,
            "kinds": subscription.kinds,
            "platforms": subscription.platform_ids,
            "digest": subscription.digest,
            "digest_hour": subscription.digest_hour,
            "language": subscription.language,
        }
        return _page(request, AlertsForm(initial=initial, user=request.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AlertsForm(request.POST, user=request.user)
        if not form.is_valid():
            return _page(request, form)
        _store(_subscription_of(request), form.cleaned_data, request)
        messages.success(request, _("Your alerts are stored."))
        return HttpResponseRedirect(reverse("my-alerts"))


def _subscription_of(request: HttpRequest) -> AlertSubscription:
    """The stored one, or one that is not stored and has the defaults."""
    found = AlertSubscription.objects.filter(user=request.user.pk).first()
    return found or AlertSubscription(user_id=_user_id(request), language=get_language() or "en")


def _user_id(request: HttpRequest) -> Any:
    """Of somebody who is signed in: the admin lets nobody else come here."""
    return request.user.pk


def _store(subscription: AlertSubscription, values: dict[str, Any], request: HttpRequest) -> None:
    """In the zone of the browser. A summary whose hour has passed today comes tomorrow."""
    zone = zone_of(request)
    hour, local = values["digest_hour"], timezone.now().astimezone(zone)
    chosen = {
        "by_email": values["by_email"],
        "kinds": values["kinds"],
        "platform_ids": values["platforms"],
        "digest": values["digest"],
        "digest_hour": hour,
        "digest_on": local.date() if local.hour >= hour else subscription.digest_on,
        "language": values["language"],
        "time_zone": zone.key,
    }
    AlertSubscription.objects.update_or_create(user_id=subscription.user_id, defaults=chosen)


def _page(request: HttpRequest, form: AlertsForm) -> HttpResponse:
    # What he may see, whatever he chose to be told of.
    everything = AlertSubscription(user_id=_user_id(request))
    everything.user = request.user  # type: ignore[assignment]  # nobody anonymous gets here
    now = [each.shown() for each in evaluate() if wants(everything, each.kind, each.platform_id, each.key)]
    context = {
        **admin.site.each_context(request),
        "title": _("My alerts"),
        "form": form,
        "email_is_on": settings.EMAIL_IS_ON,
        "address": getattr(request.user, "email", ""),
        "zone": zone_of(request).key,
        "now": now,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "oms/my_alerts.html", context, status=status)
