"""From the fields that a channel describes (integrations/channel.py) to fields, hints and links of a form."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.format import Text
from integrations.channel import Choice, CredentialField, Fact, Hint, Input, Link

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxInput, PasswordInput, Select, SelectMultiple, TextInput
else:
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SelectMultiple
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

NOT_COMPLETED = {"autocomplete": "off", "spellcheck": "false"}
# What password managers of the browser understand: the login's own password must not land in these fields.
NOT_REMEMBERED = {
    "autocomplete": "new-password",
    "spellcheck": "false",
    "data-1p-ignore": "",
    "data-lpignore": "true",
}


class MarksOthers:
    """A select whose options are marked that are none of the account's own: admin.js shows them on request. Without
    the script, all are shown."""

    attrs: dict[str, Any]
    others: Collection[str] = ()

    def set_others(self, others: Collection[str]) -> None:
        self.others = others
        self.attrs["data-oms-show-all"] = _("Show all marketplaces")

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)  # type: ignore[misc]
        if str(value) in self.others:
            option["attrs"]["data-oms-other"] = ""
        return option


class FactsSelect(MarksOthers, Select):
    """Each option carries the facts that follow from it, for admin.js, which shows them."""

    facts: Mapping[str, Mapping[str, Text]] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["attrs"] |= {f"data-{fact}": text for fact, text in self.facts.get(str(value), {}).items()}
        return option


class OthersSelectMultiple(MarksOthers, SelectMultiple):
    pass


def form_field(described: CredentialField) -> forms.Field:
    """The empty form field. Nothing is required: without credentials a platform has none of them."""
    options: dict[str, Any] = {"label": described.label, "required": False}
    match described.input:
        case Input.SECRET:
            return forms.CharField(widget=PasswordInput(attrs=dict(NOT_REMEMBERED)), **options)
        case Input.CHOICE:
            return forms.ChoiceField(widget=FactsSelect(), **options)
        case Input.CHOICES:
            return forms.MultipleChoiceField(widget=OthersSelectMultiple(), **options)
        case Input.SWITCH:
            return forms.BooleanField(widget=CheckboxInput(), **options)
    return forms.CharField(widget=TextInput(attrs=dict(NOT_COMPLETED)), **options)


def choices_of(fields: Iterable[CredentialField]) -> dict[str, Sequence[Choice]]:
    """What each field offers, in the reader's language; fields that offer the same share it."""
    sources = {field.name: field.choices for field in fields if field.choices}
    made = {source: source() for source in set(sources.values())}
    return {name: made[source] for name, source in sources.items()}


def own_first(choices: Sequence[Choice], own: Collection[str]) -> list[Choice]:
    """Those of the account in a group of their own, before all others."""
    title = _("The account takes part in")
    mine = [replace(choice, group=title) for choice in choices if choice.value in own]
    return [*mine, *(choice for choice in choices if choice.value not in own)]


def offer(
    field: forms.Field, described: CredentialField, choices: Sequence[Choice], stored: Iterable[str]
) -> None:
    """Put the choices into a field of the form, and whatever else is stored, so that it is shown and not lost."""
    assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
    known = {choice.value for choice in choices}
    unknown = [
        (value, _("%(value)s (not known)") % {"value": value[:40]})
        for value in stored
        if value and value not in known
    ]
    nothing = [("", described.nothing)] if described.input == Input.CHOICE else []
    field.choices = [*nothing, *_grouped(choices), *unknown]
    if isinstance(field.widget, FactsSelect):
        field.widget.facts = {choice.value: choice.facts for choice in choices}


def _grouped(choices: Iterable[Choice]) -> list[tuple[Text, Any]]:
    """As Django takes them: those of a group under its name, the others by themselves."""
    grouped: list[tuple[Text, Any]] = []
    for choice in choices:
        option = (choice.value, choice.label)
        if not choice.group:
            grouped.append(option)
        elif grouped and grouped[-1][0] == choice.group:
            grouped[-1][1].append(option)
        else:
            grouped.append((choice.group, [option]))
    return grouped


def fact_of(fact: Fact, choices: Sequence[Choice], stored: Mapping[str, Any]) -> Text:
    """The fact as it follows from what is stored in a field with these choices."""
    value = str(stored.get(fact.of) or "")
    chosen = next((choice for choice in choices if choice.value == value), None)
    return chosen.facts.get(fact.name, fact.otherwise) if chosen else fact.otherwise


def hint_line(hint: Hint, now: Text) -> SafeString:
    """The fact with its label; admin.js keeps it to what is chosen."""
    text = '{} <output data-oms-follows="{}" data-oms-fact="{}" for="id_{}">{}</output>'
    return format_html(text, hint.label, hint.fact.of, hint.fact.name, hint.fact.of, now)


def help_link(link: Link, host: Text) -> SafeString:
    """A link that opens a new tab; where its host is a fact, admin.js follows the choice."""
    follows: str | SafeString = ""
    if isinstance(link.host, Fact):
        text = ' data-oms-follows="{}" data-oms-fact="{}"'
        follows = format_html(text, link.host.of, link.host.name)
    text = (
        '<a class="oms-link"{} href="https://{}/{}" target="_blank" rel="noreferrer">{}'
        '<span class="material-symbols-outlined oms-inline-icon" aria-hidden="true">open_in_new</span>'
        '<span class="oms-unseen">{}</span></a>'
    )
    return format_html(text, follows, host, link.path, link.text, _("(opens a new tab)"))
