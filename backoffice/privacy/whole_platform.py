"""The page that erases the buyer data of a whole platform, in the background."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.privacy.erasing import ERASE, ReasonForm, ask_to_erase
from backoffice.users.second_factor.confirming import ask_first
from core.format import grouped
from orders.models import OrderBuyer
from platforms.models import Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import TextInput
else:
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput


class WholePlatformForm(ReasonForm):
    """Whoever erases that much writes the platform's name."""

    name = forms.CharField(
        label=gettext_lazy("Name of the platform"),
        max_length=64,
        widget=TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("reason", "name")

    def __init__(self, *args: Any, name: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._name = name
        self.fields["name"].help_text = _("Write %(name)s to go on.") % {"name": name}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if name != self._name:
            raise forms.ValidationError(_("That is not its name."))
        return name


def erase_address(request: HttpRequest, platform: Platform) -> str:
    """For the page of the platform; "" where there is nothing to erase, or not for this user."""
    stored = OrderBuyer.objects.filter(order__platform=platform)
    if not request.user.has_perm(ERASE) or not stored.exists():
        return ""
    return reverse("admin:platforms_platform_erase", args=[platform.pk])


def erase_view(model_admin: Any, request: HttpRequest, object_id: int) -> HttpResponse:
    platform = model_admin.get_object(request, str(object_id))
    if platform is None:
        raise Http404
    if not request.user.has_perm(ERASE) or not model_admin.has_view_permission(request, platform):
        raise PermissionDenied
    if asked := ask_first(request):
        return asked
    form = WholePlatformForm(request.POST if request.method == "POST" else None, name=platform.name)
    if form.is_valid():
        erasure = ask_to_erase(request, platform, form.cleaned_data["reason"])
        if request.user.has_perm("orders.view_erasure"):
            return HttpResponseRedirect(reverse("admin:orders_erasure_change", args=[erasure.pk]))
        return HttpResponseRedirect(reverse("admin:platforms_platform_change", args=[platform.pk]))
    count = OrderBuyer.objects.filter(order__platform=platform).count()
    context = {
        **admin.site.each_context(request),
        "title": _("Erase the buyer data of %(platform)s") % {"platform": platform},
        "opts": model_admin.opts,
        "original": platform,
        "form": form,
        "count": count,
        "shown": grouped(count),
    }
    return TemplateResponse(
        request, "platforms/erase_buyers.html", context, status=422 if form.errors else 200
    )
