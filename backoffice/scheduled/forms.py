"""The form of a scheduled export."""

import re
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.scheduled import catalogue
from backoffice.scheduled.calendar import Every
from backoffice.scheduled.catalogue import Item
from backoffice.scheduled.destinations import FOLDER_NAME, is_allowed, offered
from backoffice.scheduled.models import ScheduledExport

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxInput, NumberInput, Select, Textarea, TextInput
    from django.forms import Select as Select2
    from django.forms import SelectMultiple as Select2Multiple

    Form = forms.ModelForm[ScheduledExport]
else:
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as Select2Multiple
    from unfold.widgets import UnfoldAdminSelect2Widget as Select2
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanSwitchWidget as CheckboxInput

    Form = forms.ModelForm

To = ScheduledExport.To
MOST_ADDRESSES = 20
LONGEST_QUERY = 4000
STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]
# Not of places on earth: the clocks of systems.
NO_PLACES = ("Etc/", "SystemV/", "posix/", "right/", "localtime", "Factory")


def _text(label: Any, help_text: Any = "", **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=options.pop("required", False), widget=TextInput(), **options
    )  # fmt: skip


def _tick(label: Any, help_text: Any = "", *, initial: bool = False) -> forms.BooleanField:
    return forms.BooleanField(
        label=label, help_text=help_text, required=False, initial=initial, widget=CheckboxInput()
    )  # fmt: skip


def _choice(label: Any, choices: Any = (), help_text: Any = "", **options: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label, choices=choices, help_text=help_text, widget=options.pop("widget", Select)(), **options
    )  # fmt: skip


class ScheduledExportForm(Form):
    """`item` is what is exported; `user` who fills the form in, and whose eyes judge the filter."""

    user: User
    item: Item

    name = _text(capfirst(gettext_lazy("name")), required=True, max_length=80)
    days = _choice(
        gettext_lazy("Days"),
        help_text=gettext_lazy("They move with the time: yesterday is the day before the file is due."),
        required=False,
    )
    query = forms.CharField(
        label=capfirst(gettext_lazy("filter")),
        required=False,
        max_length=LONGEST_QUERY,
        widget=Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy("What follows the ? in the address of the list, as you have filtered it."),
    )
    columns = forms.MultipleChoiceField(
        label=capfirst(gettext_lazy("columns")),
        required=False,
        widget=Select2Multiple(),
        help_text=gettext_lazy("None chosen: all of them."),
    )
    format = _choice(capfirst(gettext_lazy("format")), ScheduledExport.Format.choices)
    language = _choice(
        capfirst(gettext_lazy("language")),
        settings.LANGUAGES,
        gettext_lazy("Of the headings and of the e-mail."),
    )
    every = _choice(capfirst(gettext_lazy("how often")), Every.choices)
    weekday = _choice(
        capfirst(gettext_lazy("day of the week")),
        list(WEEKDAYS.items()),
        coerce=int,
        required=False,
        empty_value=0,
    )
    month_day = forms.IntegerField(
        label=capfirst(gettext_lazy("day of the month")),
        min_value=1,
        max_value=31,
        required=False,
        widget=NumberInput(),
        help_text=gettext_lazy("In a month that is shorter, its last day."),
    )
    hour = _choice(capfirst(gettext_lazy("hour")), HOURS, coerce=int)
    time_zone = _choice(
        capfirst(gettext_lazy("time zone")),
        help_text=gettext_lazy("Of the hour, of the days, and of the times in the file."),
        widget=Select2,
    )
    destination = _choice(capfirst(gettext_lazy("where to")))
    recipients = forms.CharField(
        label=capfirst(gettext_lazy("e-mail addresses")),
        required=False,
        widget=Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy("With commas between them, or one a line."),
    )
    folder = _text(
        capfirst(gettext_lazy("folder")), gettext_lazy("Below the one that is set up, such as shop-de/orders."),
        max_length=200,
    )  # fmt: skip
    file_stem = _text(
        capfirst(gettext_lazy("name of the files")),
        gettext_lazy("Letters, digits, dots and hyphens. Empty: made of the name above."),
        max_length=80,
    )
    is_stamped = _tick(
        capfirst(gettext_lazy("with date and time")),
        gettext_lazy("Otherwise each file takes the place of the one before."),
        initial=True,
    )
    skips_empty = _tick(
        capfirst(gettext_lazy("nothing without rows")), gettext_lazy("A file without rows is not sent.")
    )
    is_active = _tick(capfirst(gettext_lazy("active")), initial=True)

    class Meta:
        model = ScheduledExport
        fields = (
            "name", "query", "columns", "format", "language", "every", "weekday", "month_day", "hour", "time_zone",
            "destination", "recipients", "folder", "file_stem", "is_stamped", "skips_empty", "is_active",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.pk is not None
        query = str(self.initial.get("query") or "")
        self.initial["query"], self.initial["days"] = catalogue.split(self.user, self.item, query)
        self.initial["recipients"] = ", ".join(self.instance.recipients) or self.initial.get("recipients", "")
        self._offer("days", [("", _("as the filter says")), *catalogue.day_choices(self.user, self.item)])
        self._offer("columns", catalogue.column_choices(self.item))
        zones = sorted(zone for zone in available_timezones() if not zone.startswith(NO_PLACES))
        self._offer("time_zone", [(zone, zone) for zone in zones], self.instance.time_zone if stored else "")
        there = [(to, To(to).label) for to, is_there in offered().items() if is_there]
        self._offer("destination", there, self.instance.destination if stored else "")
        if not self.fields["columns"].choices:  # type: ignore[attr-defined]
            del self.fields["columns"]

    def _offer(self, name: str, choices: list[Any], stored: str = "") -> None:
        """These, and what is stored although it is not offered any more."""
        field: Any = self.fields[name]
        known = {value for value, _label in choices}
        more = [(stored, _("%(value)s (gone)") % {"value": stored})] if stored and stored not in known else []
        field.choices = [*choices, *more]

    def clean_recipients(self) -> list[str]:
        text = self.cleaned_data["recipients"]
        addresses = list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", text))))
        if len(addresses) > MOST_ADDRESSES:
            raise ValidationError(_("At most %(most)d addresses.") % {"most": MOST_ADDRESSES})
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(
                    _("“%(address)s” is no e-mail address.") % {"address": address}
                ) from None
            if not is_allowed(address):
                text = _(
                    "“%(address)s” is in none of the domains that EXPORTS_EMAIL_DOMAINS allows: %(domains)s."
                )
                words = {"address": address, "domains": ", ".join(settings.EXPORTS_EMAIL_DOMAINS)}
                raise ValidationError(text % words)
        return addresses

    def clean_folder(self) -> str:
        folder = str(self.cleaned_data["folder"]).strip("/")
        if folder and not FOLDER_NAME.fullmatch(folder):
            raise ValidationError(
                _(
                    "Names of folders with / between them: of letters, digits, dots and hyphens, the first no dot."
                )
            )
        return folder

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self._clean_query(values)
            if values["destination"] == To.EMAIL and not values["recipients"]:
                self.add_error("recipients", _("Enter at least one address."))
            if values["every"] == Every.MONTHLY and not values.get("month_day"):
                self.add_error("month_day", _("Choose a day, 1 to 31."))
        values["month_day"] = values.get("month_day") or 1
        return values

    def _clean_query(self, values: dict[str, Any]) -> None:
        values["query"] = catalogue.joined(self.user, self.item, values["query"], values.get("days", ""))
        if problems := catalogue.problems_of(self.user, self.item, values["query"]):
            self.add_error("query", problems)

    def clean_file_stem(self) -> str:
        """Unique, so that no export writes over the files of another one."""
        name = str(self.cleaned_data.get("name", ""))
        stem = self.cleaned_data["file_stem"].strip() or slugify(name)[:60] or self.item.name
        if not STEM.fullmatch(stem):
            raise ValidationError(
                _("Letters, digits, dots, hyphens and underlines, the first a letter or a digit.")
            )
        if ScheduledExport.objects.filter(file_stem=stem).exclude(pk=self.instance.pk).exists():
            text = _("Another scheduled export has files of the name “%(name)s”. Choose another one.")
            raise ValidationError(text % {"name": stem})
        return str(stem)
