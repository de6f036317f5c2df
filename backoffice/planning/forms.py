"""What people set for one SKU, on its page in the planning."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import LONGEST_DAYS, PlannedSku, SkuSettings

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import NumberInput, TextInput
    from django.forms import NumberInput as DecimalInput
else:
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as DecimalInput
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

# Fields of the form, and of the settings that they are. A planned SKU has days of its own, those that count.
NAMES = {
    "own_lead_days": "lead_days", "own_target_days": "target_days", "unit_cost": "unit_cost",
    "cost_currency": "cost_currency", "bin": "bin",
}  # fmt: skip


def _days_field(label: Any, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=LONGEST_DAYS, required=False, widget=NumberInput(), help_text=help_text
    )  # fmt: skip


class DaysForm(forms.Form):
    """Days for many SKUs at once; a field that is left empty changes nothing."""

    lead_days = _days_field(
        gettext_lazy("Lead time"),
        gettext_lazy("Days from an order at your supplier until the units can be sold."),
    )
    target_days = _days_field(
        gettext_lazy("Target cover"),
        gettext_lazy("For how many more days the stock should last when a delivery arrives."),
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not self.given():
            raise forms.ValidationError(_("Enter at least one number of days."))
        return given

    def given(self) -> dict[str, int]:
        return {name: days for name, days in self.cleaned_data.items() if days is not None}


class SettingsForm(forms.ModelForm[PlannedSku]):
    own_lead_days = _days_field(gettext_lazy("Lead time"))
    own_target_days = _days_field(gettext_lazy("Target cover"))
    unit_cost = forms.DecimalField(
        label=gettext_lazy("Unit cost"),
        min_value=0,
        max_digits=12,
        decimal_places=4,
        required=False,
        widget=DecimalInput(attrs={"step": "any"}),
    )
    cost_currency = forms.CharField(
        label=gettext_lazy("Currency of the cost"),
        max_length=3,
        required=False,
        widget=TextInput(),
        validators=[
            RegexValidator("^[A-Z]{3}$", message=gettext_lazy("Three capital letters, such as EUR."))
        ],
    )
    bin = forms.CharField(
        label=gettext_lazy("Bin"),
        max_length=64,
        required=False,
        widget=TextInput(),
        help_text=gettext_lazy("Where it lies; pick lists go by it."),
    )

    class Meta:
        model = PlannedSku
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        of = {"platform": self.instance.platform_id, "sku": self.instance.sku}
        stored = SkuSettings.objects.filter(**of).first() or SkuSettings()
        for name, column in NAMES.items():
            if name in self.fields:  # none, for those who may only look
                self.initial[name] = getattr(stored, column)
        texts = {
            "own_lead_days": (
                gettext_lazy("Days from an order at your supplier until the units can be sold. Empty: %(days)d."),
                settings.PLANNING_LEAD_DAYS,
            ),
            "own_target_days": (
                gettext_lazy("For how many more days the stock should last when a delivery arrives. Empty: %(days)d."),
                settings.PLANNING_TARGET_DAYS,
            ),
        }  # fmt: skip
        for name, (text, days) in texts.items():
            if name in self.fields:
                self.fields[name].help_text = text % {"days": days}

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("unit_cost") is None:
            given["cost_currency"] = ""
        elif not given.get("cost_currency") and "cost_currency" not in self.errors:
            self.add_error("cost_currency", _("A cost needs a currency."))
        return given

    def settings(self) -> dict[str, Any]:
        """The values that were given, by the columns of SkuSettings."""
        return {
            column: self.cleaned_data[name] for name, column in NAMES.items() if name in self.cleaned_data
        }
