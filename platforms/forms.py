"""The form of a platform: one field for each value of its credentials."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.adapters import ADAPTERS
from integrations.amazon.config import SECRET_FIELDS
from integrations.amazon.marketplaces import MARKETPLACES, REGIONS
from integrations.errors import ConfigError
from platforms.fields import SecretDict, Unreadable
from platforms.models import Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxInput, PasswordInput, Select, SelectMultiple, TextInput

    Form = forms.ModelForm[Platform]
else:
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SelectMultiple
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

    Form = forms.ModelForm

Choices = list[tuple[str | Promise, Any]]

CREDENTIALS = (
    "client_id", "client_secret", "refresh_token", "region", "marketplace_id", "additional_marketplace_ids",
)  # fmt: skip
WHERE = {
    "client_secret": gettext_lazy(
        "Seller Central → Apps and Services → Develop Apps → View, beside the client id."
    ),
    "refresh_token": gettext_lazy(
        "Seller Central → Apps and Services → Develop Apps → Authorize app; it begins with Atzr|."
    ),
}
# What password managers of the browser understand: the login's own password must not land in these fields.
NOT_REMEMBERED = {
    "autocomplete": "new-password",
    "spellcheck": "false",
    "data-1p-ignore": "",
    "data-lpignore": "true",
}


def marketplace_choices() -> Choices:
    """By country, grouped by region, with the id: guides and Seller Central speak of both."""
    groups: Choices = []
    for region in dict.fromkeys(each.region for each in MARKETPLACES.values()):
        members = sorted(
            (each for each in MARKETPLACES.values() if each.region == region), key=lambda each: each.country
        )
        groups.append((REGIONS[region], [(each.id, f"{each.country} ({each.id})") for each in members]))
    return groups


class PlatformForm(Form):
    """Reads and writes api_config. Secrets are never rendered; an empty secret field keeps the stored value.

    `new_config` is what to store after `is_valid`, None where the credentials stay as they are.
    """

    client_id = forms.CharField(
        label=gettext_lazy("Client id"),
        required=False,
        widget=TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Seller Central → Apps and Services → Develop Apps → View, at LWA credentials. "
            "It begins with amzn1.application-oa2-client."
        ),
    )
    client_secret = forms.CharField(
        label=gettext_lazy("Client secret"), required=False, widget=PasswordInput(attrs=dict(NOT_REMEMBERED))
    )
    refresh_token = forms.CharField(
        label=gettext_lazy("Refresh token"), required=False, widget=PasswordInput(attrs=dict(NOT_REMEMBERED))
    )
    region = forms.ChoiceField(
        label=gettext_lazy("Region"),
        required=False,
        initial="NA",
        widget=Select(),
        help_text=gettext_lazy(
            "Sandbox asks Amazon for its test data, with credentials of a sandbox application."
        ),
    )
    marketplace_id = forms.ChoiceField(label=gettext_lazy("Marketplace"), required=False, widget=Select())
    additional_marketplace_ids = forms.MultipleChoiceField(
        label=gettext_lazy("More marketplaces"),
        required=False,
        widget=SelectMultiple(),
        help_text=gettext_lazy("Of the same region and the same account; leave empty for one."),
    )
    remove_credentials = forms.BooleanField(
        label=gettext_lazy("Remove the stored credentials"),
        required=False,
        widget=CheckboxInput(),
        help_text=gettext_lazy(
            "Orders and stock stay; no sync can reach the platform until new ones are entered."
        ),
    )

    class Meta:
        model = Platform
        fields = (
            "name", "kind", "display_name", "is_active", "include_pii", "orders_interval", "inventory_interval",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.api_config  # an Unreadable is empty, but must not be taken for nothing
        self.stored: SecretDict = SecretDict() if stored is None else stored
        self.new_config: dict[str, Any] | None = None
        if "client_id" not in self.fields:  # shown to somebody who may only look
            return
        self._offer_choices()
        for name in CREDENTIALS:
            if name not in SECRET_FIELDS and self.stored.get(name):
                self.initial[name] = self.stored[name]
        if str(self.initial.get("region")).upper() in REGIONS:  # "eu" is fine in SQL
            self.initial["region"] = str(self.initial["region"]).upper()
        for name in SECRET_FIELDS:
            self.fields[name].help_text = self._secret_help(name)
        if not self.instance.is_configured:
            del self.fields["remove_credentials"]

    @property
    def is_unreadable(self) -> bool:
        return isinstance(self.stored, Unreadable)

    def _offer_choices(self) -> None:
        """Amazon's regions and marketplaces, and whatever else is stored, so that it is shown and not lost."""
        main, region = str(self.stored.get("marketplace_id") or ""), str(self.stored.get("region") or "")
        more = self.stored.get("additional_marketplace_ids")
        additional = [str(each) for each in more] if isinstance(more, list) else []
        self._choose("region", list(REGIONS.items()), [region])
        self._choose(
            "marketplace_id", [("", _("Select the main marketplace")), *marketplace_choices()], [main]
        )
        self._choose("additional_marketplace_ids", marketplace_choices(), additional)

    def _choose(self, name: str, choices: Choices, stored: Iterable[str]) -> None:
        known = {*MARKETPLACES, *REGIONS, *map(str.lower, REGIONS), ""}
        unknown = [
            (each, _("%(value)s (not known)") % {"value": each[:40]}) for each in stored if each not in known
        ]
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [*choices, *unknown]

    def _secret_help(self, name: str) -> str:
        if self.is_unreadable:
            state = _("The stored value cannot be read; enter it again.")
        elif self.stored.get(name):
            state = _("A value is stored; it is never shown. Leave this empty to keep it.")
        else:
            state = _("Nothing is stored.")
        return f"{state} {WHERE[name]}"

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if "client_id" not in self.fields or any(name in self.errors for name in CREDENTIALS):
            return values
        if values.get("remove_credentials"):
            self._remove(values)
        elif any(name in self.changed_data for name in CREDENTIALS):
            self._replace(values)
        return values

    def _remove(self, values: dict[str, Any]) -> None:
        if any(values.get(name) for name in SECRET_FIELDS):
            text = _("Either remove the stored credentials or enter new ones, not both. Nothing was changed.")
            self.add_error("remove_credentials", text)
            return
        self.new_config = {}

    def _replace(self, values: dict[str, Any]) -> None:
        entered = {name: values.get(name) for name in CREDENTIALS if values.get(name)}
        if not self.stored and not entered.keys() - {"region"}:
            return  # nothing stored, nothing entered: an unconfigured platform, or unreadable credentials that stay
        kept = {name: self.stored[name] for name in SECRET_FIELDS if self.stored.get(name)}
        try:
            self.new_config = ADAPTERS[values.get("kind") or self.instance.kind].check_config(kept | entered)
        except ConfigError as error:
            self._show(error)

    def _show(self, error: ConfigError) -> None:
        """Each problem at its field; what has no field of its own on top."""
        for name, problem in error.fields.items():
            if name not in CREDENTIALS:
                self.add_error(None, f"{name}: {problem}")
            elif problem in ("missing", "empty"):
                self.add_error(name, self._why_missing())
            else:
                self.add_error(name, capfirst(problem))

    def _why_missing(self) -> str:
        if self.is_unreadable:
            return _(
                "Needed as well: the stored credentials cannot be read, so all of them must be entered again."
            )
        if self.stored:
            return _('Needed as well. To remove all credentials, tick "Remove the stored credentials".')
        return _(
            "Needed as well: credentials work only when they are complete. Leave all of them empty for none."
        )

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.new_config is not None and not self.errors:
            self.instance.api_config = SecretDict(self.new_config)
