"""Legal holds: what is not deleted until they end."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import badge, datetime_cell, lines_cell
from backoffice.base.model_admin import FIRST_YEAR, LAST_YEAR, OmsAdmin
from orders.models import LegalHold, Order

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import TextInput

    Form = forms.ModelForm[LegalHold]
else:
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

    Form = forms.ModelForm


class HoldForm(Form):
    """The order by the id that people know."""

    order_number = forms.CharField(
        label=capfirst(gettext_lazy("order id")),
        required=False,
        widget=TextInput(),
        help_text=gettext_lazy("Empty for all orders of the platform."),
    )

    class Meta:
        model = LegalHold
        fields = ("platform", "reason", "until")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.order and "order_number" in self.fields:
            self.initial["order_number"] = self.instance.order.external_id

    def clean_until(self) -> datetime:
        """Not every time zone and database has the first and the last days there are."""
        until: datetime = self.cleaned_data["until"]
        if not FIRST_YEAR <= until.year <= LAST_YEAR:
            raise forms.ValidationError(_("Enter a valid date."))
        if self.instance.pk is None and until <= timezone.now():
            raise forms.ValidationError(_("This is over already, so nothing would be held."))
        return until

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        number, platform = values.get("order_number", "").strip(), values.get("platform")
        self.instance.order = None
        if number and platform:
            self.instance.order = Order.objects.filter(platform=platform, external_id=number).first()
            if self.instance.order is None:
                self.add_error("order_number", _("No order of this platform has this id."))
        return values


@admin.register(LegalHold)
class HoldAdmin(OmsAdmin):
    form = HoldForm
    list_display = ("title", "platform", "state", "why", "ends", "made_by")
    list_select_related = ("platform", "order")
    search_fields = ("order__external_id", "reason")
    search_help_text = gettext_lazy("Order id, or words of the reason")
    empty_text = gettext_lazy("Nothing is held: buyer data is deleted in time, and old orders by setting.")
    fields = ("platform", "order_number", "reason", "until", "made_by", "made_at")
    readonly_fields = ("made_by", "made_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """For those who may only look, the order is no field of a form."""
        if obj is not None and not self.has_change_permission(request, obj):
            return (*super().get_readonly_fields(request, obj), "title")
        return super().get_readonly_fields(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return ["title" if name == "order_number" else name for name in self.fields or ()]
        return super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: LegalHold, form: Any, change: bool) -> None:
        if not change:
            obj.made_by = request.user.get_username()
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("holds"))
    def title(self, obj: LegalHold) -> str:
        return str(obj.order) if obj.order else _("all orders")

    @admin.display(description=gettext_lazy("state"))
    def state(self, obj: LegalHold) -> SafeString:
        return badge(_("holds"), "warning") if obj.until > timezone.now() else badge(_("ended"))

    @admin.display(description=gettext_lazy("reason"))
    def why(self, obj: LegalHold) -> SafeString:
        return lines_cell(obj.reason)

    @admin.display(description=gettext_lazy("until"), ordering="until")
    def ends(self, obj: LegalHold) -> SafeString:
        return datetime_cell(obj.until)
