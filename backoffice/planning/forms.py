"""What people set for one SKU, on its page in the planning."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import LONGEST_DAYS, LONGEST_TAG, PlannedSku, SkuSettings
from inventory.planning import days_of, tags_by_name

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import NumberInput, RadioSelect, TextInput
    from django.forms import NumberInput as DecimalInput
else:
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as DecimalInput
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminRadioSelectWidget as RadioSelect
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

# Fields of the form, and of the settings that they are. A planned SKU has days of its own, those that count.
NAMES = {
    "own_lead_days": "lead_days",
    "own_target_days": "target_days",
    "unit_cost": "unit_cost",
    "cost_currency": "cost_currency",
    "bin": "bin",
    "tag": "tag",
}
SKUS, TAG = "skus", "tag"  # for whom days are set  # fmt: skip


def _days_field(label: Any, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=LONGEST_DAYS, required=False, widget=NumberInput(), help_text=help_text
    )  # fmt: skip


def _tag_field(help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Tag"), max_length=LONGEST_TAG, required=False, widget=TextInput(), help_text=help_text
    )  # fmt: skip


class DaysForm(forms.Form):
    """Tag and days for many SKUs at once, or days for their tag. A field that is left empty changes nothing of SKUs; of
    a tag, it means that it has no such days."""

    tag = _tag_field(gettext_lazy("The SKUs that are selected get it. Such as their supplier."))
    scope = forms.ChoiceField(
        label=gettext_lazy("Days for"),
        choices=(
            (SKUS, gettext_lazy("the SKUs that are selected")),
            (TAG, gettext_lazy("all SKUs of their tag")),
        ),
        initial=SKUS,
        widget=RadioSelect(),
        help_text=gettext_lazy("Of the tag, also those that get it later. Days of a SKU's own go first."),
    )
    lead_days = _days_field(
        gettext_lazy("Lead time"),
        gettext_lazy("Days from an order at your supplier until the units can be sold."),
    )
    target_days = _days_field(
        gettext_lazy("Target cover"),
        gettext_lazy("For how many more days the stock should last when a delivery arrives."),
    )

    def __init__(self, data: Any, *, tags: Collection[tuple[int, str]]) -> None:
        """`tags` are those of the SKUs that were selected, each with the id of its platform."""
        super().__init__(data)
        self._tags = tags

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return given
        if given["scope"] == TAG and not given["tag"] and not self._tags:
            raise forms.ValidationError(_("None of these SKUs has a tag. Enter one."))
        if given["scope"] == SKUS and not self.of_skus():
            raise forms.ValidationError(_("Enter a tag, or at least one number of days."))
        return given

    def of_skus(self) -> dict[str, Any]:
        """What each of the SKUs gets, by the columns of SkuSettings."""
        given = {"tag": self.cleaned_data["tag"]} if self.cleaned_data["tag"] else {}
        if self.cleaned_data["scope"] == TAG:
            return given
        return given | {name: days for name, days in self.of_tag().items() if days is not None}

    def of_tag(self) -> dict[str, int | None]:
        return {name: self.cleaned_data[name] for name in ("lead_days", "target_days")}


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
    tag = _tag_field(
        gettext_lazy("Such as its supplier. In the list, days can be set for all SKUs of a tag.")
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
        tags = tags_by_name(self.instance.platform_id) if self.fields else {}
        lead, target = days_of(SkuSettings(tag=stored.tag), tags)
        texts = {
            "own_lead_days": (
                gettext_lazy("Days from an order at your supplier until the units can be sold. Empty: %(days)d."),
                lead,
            ),
            "own_target_days": (
                gettext_lazy("For how many more days the stock should last when a delivery arrives. Empty: %(days)d."),
                target,
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
