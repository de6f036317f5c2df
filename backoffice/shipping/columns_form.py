"""Which column of a carrier's file says what, and what holds for all of its rows."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.shipping.forms import INPUT
from backoffice.shipping.presentation import carrier_label
from core.spreadsheets import Table
from integrations.shipping.importing.columns import FIELDS, LABELS, REQUIRED, Columns
from integrations.shipping.overview import recent_carriers
from integrations.shipping.rules import LONGEST
from platforms.models import Platform

COLUMN = "column-"
OF_ALL_ROWS = tuple(each.name for each in fields(Columns) if each.name != "headings")


class ColumnsForm(forms.Form):
    """`table` is the file; `data`: what somebody said, or `said_by` the columns that are known."""

    carrier = forms.CharField(
        label=gettext_lazy("Carrier"),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput({**INPUT, "list": "oms-carriers"}),
        help_text=gettext_lazy("Of rows that do not name one."),
    )
    carrier_name = forms.CharField(
        label=gettext_lazy("Name of the carrier"),
        max_length=LONGEST,
        required=False,
        widget=forms.TextInput(INPUT),
    )
    service = forms.CharField(
        label=gettext_lazy("Service"), max_length=LONGEST, required=False, widget=forms.TextInput(INPUT)
    )
    zone = forms.CharField(
        label=gettext_lazy("Time zone of the file"),
        max_length=64,
        required=False,
        widget=forms.TextInput(INPUT),
    )
    date_order = forms.ChoiceField(
        label=gettext_lazy("03/04/2026 is"),
        choices=[
            ("", gettext_lazy("told from the rows")),
            ("dmy", gettext_lazy("3 April: the day first")),
            ("mdy", gettext_lazy("4 March: the month first")),
        ],
        required=False,
        widget=forms.Select({"class": "oms-input"}),
    )

    def __init__(self, data: Any, *, table: Table) -> None:
        super().__init__(data)
        self.fields["zone"].widget.attrs["placeholder"] = timezone.get_default_timezone_name()
        choices = [("", _("none")), *((heading, heading) for heading in table.headings)]
        for name in FIELDS:
            self.fields[f"{COLUMN}{name}"] = forms.ChoiceField(
                label=capfirst(str(LABELS[name])),
                choices=choices,
                required=name in REQUIRED,
                widget=forms.Select({"class": "oms-input"}),
                error_messages={"required": _("Say which column it is.")},
            )

    @property
    def columns_fields(self) -> list[forms.BoundField]:
        return [self[f"{COLUMN}{name}"] for name in FIELDS]

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"].strip()
        if zone and zone not in available_timezones():
            raise forms.ValidationError(_("There is no such time zone. Write it like Europe/Berlin."))
        return zone

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get(f"{COLUMN}quantity") and not (
            values.get(f"{COLUMN}sku") or values.get(f"{COLUMN}item_id")
        ):
            text = _("A quantity needs a column with the SKU or the item id beside it.")
            self.add_error(f"{COLUMN}quantity", text)
        return values

    def columns(self) -> Columns:
        """Of valid data."""
        values = self.cleaned_data
        headings = {name: values[f"{COLUMN}{name}"] for name in FIELDS if values[f"{COLUMN}{name}"]}
        return Columns(headings=headings, **{name: values[name].strip() for name in OF_ALL_ROWS})


def said_by(columns: Columns, platform: Platform) -> Mapping[str, str]:
    """The data of a form that says the same. Where no column names the carrier, it is the one that was used last."""
    said = {f"{COLUMN}{name}": heading for name, heading in columns.headings.items()}
    said |= {name: getattr(columns, name) for name in OF_ALL_ROWS}
    if "carrier" not in columns.headings and not columns.carrier:
        for code, name, service in recent_carriers(platform.pk)[:1]:
            carrier = carrier_label(platform.kind, code)
            said |= {"carrier": carrier, "carrier_name": name, "service": columns.service or service}
    return said
