"""Receipts of erasures, and the page that erases what is stored of a person, found by e-mail address."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from access.confinement import visible_platforms
from backoffice.base.cells import badge, datetime_cell, display_of, lines_cell, shortened
from backoffice.base.model_admin import ReadOnlyAdmin
from backoffice.privacy.erasing import ERASE, ReasonForm, tell
from backoffice.users.second_factor.confirming import ask_first
from core.format import DASH
from orders.buyers import normal_email
from orders.erasing import Preview, erase_of_email, erasures_within, preview_of_email
from orders.models import Erasure
from platforms.models import Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import TextInput
else:
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

LONGEST_EMAIL = 320


class PersonForm(ReasonForm):
    # Not an EmailField: platforms send addresses that it does not take, such as those with other letters than ASCII.
    email = forms.CharField(
        label=gettext_lazy("E-mail address"),
        max_length=LONGEST_EMAIL,
        widget=TextInput(attrs={"autocomplete": "off", "inputmode": "email", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "As the platform gives it, often one of its own that stands for the buyer's. Capital and small letters are "
            "the same. OMS keeps it nowhere."
        ),
    )
    field_order = ("email", "reason")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if "@" not in email:
            raise forms.ValidationError(_("This is no e-mail address."))
        return email


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("receipt", "what", "state", "orders", "held", "reason_given", "made_by", "begun")
    search_fields = ("=number", "=about")
    search_help_text = gettext_lazy("Complete number of a receipt, order id, or name of a platform")
    empty_text = gettext_lazy(
        "Nothing was erased on request yet. Erase what is stored of a person here, or of an order on its page."
    )
    change_list_template = "orders/erasures.html"
    fields = (
        "number", "what", "platforms", "state", ("orders", "held", "not_searched"), "reason", "made_by",
        ("begun", "ended"),
    )  # fmt: skip
    readonly_fields = ("what", "platforms", "state", "begun", "ended")

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return rows.filter(pk__in=erasures_within(ids))

    def get_urls(self) -> list[URLPattern]:
        page = sensitive_post_parameters("email")(never_cache(self.person_view))
        wrapped = self.admin_site.admin_view(page)
        return [path("by-email/", wrapped, name="orders_erasure_by_email"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"may_erase": request.user.has_perm(ERASE), **(extra_context or {})}
        return super().changelist_view(request, context)

    def person_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for an address, says how many orders have it, and erases what is stored of their buyer once that was
        confirmed. Shows no stored data, and keeps the address nowhere."""
        if not request.user.has_perm(ERASE) or not self.has_view_permission(request):
            raise PermissionDenied
        if asked := ask_first(request):
            return asked
        form = PersonForm(request.POST if request.method == "POST" else None)
        preview, seen = None, ""
        if request.method == "POST" and form.is_valid():
            address, within = form.cleaned_data["email"], visible_platforms(request)
            preview = preview_of_email(address, within=within)
            seen = _seal(address, preview)
            if preview.orders and constant_time_compare(request.POST.get("seen", ""), seen):
                receipt = erase_of_email(address, reason=form.cleaned_data["reason"], within=within)
                tell(request, receipt)
                return HttpResponseRedirect(reverse("admin:orders_erasure_change", args=[receipt.stored.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Erase what is stored of a person"),
            "opts": self.opts,
            "form": form,
            "preview": preview,
            "seen": seen,
        }
        return TemplateResponse(request, "orders/erase_person.html", context)

    @admin.display(description=gettext_lazy("receipt"))
    def receipt(self, obj: Erasure) -> str:
        """Not as a number, which would stand on the right."""
        return obj.number

    @admin.display(description=gettext_lazy("erased"))
    def what(self, obj: Erasure) -> str:
        of = display_of(obj, "scope")
        return f"{of}: {obj.about}" if obj.about else of

    @admin.display(description=gettext_lazy("platforms searched"))
    def platforms(self, obj: Erasure) -> str:
        if obj.platform_ids is None:
            return _("all platforms")
        names = Platform.objects.filter(pk__in=obj.platform_ids).order_by("name")
        return ", ".join(names.values_list("name", flat=True)) or DASH

    @admin.display(description=gettext_lazy("state"))
    def state(self, obj: Erasure) -> SafeString:
        if obj.finished_at is None and obj.in_background:
            text = _("It goes on in the background. What is counted here is erased.")
            return badge(_("in progress"), "info", title=text)
        if obj.finished_at is None:
            text = _("It stopped before its end. What is counted here is erased; erase again to go on.")
            return badge(_("interrupted"), "danger", title=text)
        if obj.held or obj.not_searched:
            text = _("A legal hold keeps some, or no key decrypts it.")
            return badge(_("erased in part"), "warning", title=text)
        return badge(_("erased"), "success") if obj.orders else badge(_("nothing was stored"))

    @admin.display(description=gettext_lazy("reason"))
    def reason_given(self, obj: Erasure) -> SafeString:
        return lines_cell(shortened(obj.reason))

    @admin.display(description=gettext_lazy("begun"), ordering="id")
    def begun(self, obj: Erasure) -> SafeString:
        return datetime_cell(obj.started_at)

    @admin.display(description=gettext_lazy("finished"))
    def ended(self, obj: Erasure) -> SafeString:
        return datetime_cell(obj.finished_at)


def _seal(address: str, preview: Preview) -> str:
    """Says what the page has shown: whoever confirms another address, or other figures, is shown these first."""
    shown = f"{preview.orders} {preview.held} {preview.not_searched} {normal_email(address)}"
    return salted_hmac("oms.erase_person", shown, algorithm="sha256").hexdigest()
