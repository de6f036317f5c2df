"""The form of an Amazon platform, and which form belongs to which kind of platform."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.platforms.forms import PlatformForm
from backoffice.platforms.widgets import (
    Choices,
    MarketplaceSelect,
    marketplace_choices,
    region_hint,
    seller_central_link,
)
from integrations.amazon.config import SECRET_FIELDS
from integrations.amazon.marketplaces import MARKETPLACES
from platforms.models import Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxInput, PasswordInput, SelectMultiple, TextInput
else:
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SelectMultiple
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

SANDBOX = "SANDBOX"
WHERE = {
    "client_id": gettext_lazy("At View, under LWA credentials. It begins with amzn1.application-oa2-client."),
    "client_secret": gettext_lazy("At View, under LWA credentials, beside the client id."),
    "refresh_token": gettext_lazy("At Authorize app in the app's menu. It begins with Atzr|."),
}
# What password managers of the browser understand: the login's own password must not land in these fields.
NOT_REMEMBERED = {
    "autocomplete": "new-password",
    "spellcheck": "false",
    "data-1p-ignore": "",
    "data-lpignore": "true",
}


class AmazonForm(PlatformForm):
    """The region is not asked for: it follows from the marketplace, unless Amazon's sandbox is meant."""

    credentials = (
        "client_id", "client_secret", "refresh_token", "marketplace_id", "additional_marketplace_ids", "sandbox",
    )  # fmt: skip
    secrets = SECRET_FIELDS

    client_id = forms.CharField(
        label=gettext_lazy("Client id"),
        required=False,
        widget=TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    client_secret = forms.CharField(
        label=gettext_lazy("Client secret"), required=False, widget=PasswordInput(attrs=dict(NOT_REMEMBERED))
    )
    refresh_token = forms.CharField(
        label=gettext_lazy("Refresh token"), required=False, widget=PasswordInput(attrs=dict(NOT_REMEMBERED))
    )
    marketplace_id = forms.ChoiceField(
        label=gettext_lazy("Marketplace"), required=False, widget=MarketplaceSelect()
    )
    additional_marketplace_ids = forms.MultipleChoiceField(
        label=gettext_lazy("More marketplaces"),
        required=False,
        widget=SelectMultiple(),
        help_text=gettext_lazy("Of the same region and the same account; leave empty for one."),
    )
    sandbox = forms.BooleanField(
        label=gettext_lazy("Use Amazon's sandbox"),
        required=False,
        widget=CheckboxInput(),
        help_text=gettext_lazy("Asks Amazon for its test data, with credentials of a sandbox application."),
    )

    def prepare(self) -> None:
        self._offer_choices()
        for name in ("client_id", "marketplace_id", "additional_marketplace_ids"):
            if self.stored.get(name):
                self.initial[name] = self.stored[name]
        self.initial["sandbox"] = self._stored_region == SANDBOX
        marketplace_id = str(self.stored.get("marketplace_id") or "")
        self.fields["marketplace_id"].help_text = region_hint(marketplace_id)
        link = seller_central_link(marketplace_id)
        for name, where in WHERE.items():
            state = self.secret_state(name) if name in SECRET_FIELDS else ""
            self.fields[name].help_text = format_html("{} {} {}", state, where, link)

    def entered(self, values: dict[str, Any]) -> dict[str, Any]:
        texts = {name: values.get(name) for name in self.credentials if name != "sandbox"}
        entered = {name: value for name, value in texts.items() if value}
        if not entered and not self.stored:
            return {}
        return entered | {"region": SANDBOX if values.get("sandbox") else self._region(entered)}

    def field_of(self, name: str) -> str:
        return "sandbox" if name == "region" else name

    @property
    def _stored_region(self) -> str:
        return str(self.stored.get("region") or "").upper()  # "eu" is fine in SQL

    def _region(self, entered: dict[str, Any]) -> str:
        """Of the marketplace; where nobody knows that, what is stored."""
        known = MARKETPLACES.get(str(entered.get("marketplace_id")))
        if known is not None:
            return known.region
        return self._stored_region if self._stored_region != SANDBOX else "NA"

    def _offer_choices(self) -> None:
        """Amazon's marketplaces, and whatever else is stored, so that it is shown and not lost."""
        main = str(self.stored.get("marketplace_id") or "")
        more = self.stored.get("additional_marketplace_ids")
        additional = [str(each) for each in more] if isinstance(more, list) else []
        nothing = ("", _("Select the main marketplace"))
        self._choose("marketplace_id", [nothing, *marketplace_choices()], [main])
        self._choose("additional_marketplace_ids", marketplace_choices(), additional)

    def _choose(self, name: str, choices: Choices, stored: Iterable[str]) -> None:
        unknown = [
            (each, _("%(value)s (not known)") % {"value": each[:40]})
            for each in stored
            if each and each not in MARKETPLACES
        ]
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [*choices, *unknown]


FORMS: dict[str, type[PlatformForm]] = {Platform.Kind.AMAZON: AmazonForm}
