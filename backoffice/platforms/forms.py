"""The form of a platform: one field for each value of its credentials. A subclass per adapter names the fields."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.encryption import SecretDict, Unreadable
from integrations.errors import ConfigError
from integrations.registry import ADAPTERS
from platforms.models import Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxInput

    Form = forms.ModelForm[Platform]
else:
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

    Form = forms.ModelForm

# The end of a secret is shown only where it says nothing about the rest.
LONG, LAST = 20, 4


class PlatformForm(Form):
    """Reads and writes api_config. Secrets are never rendered; an empty secret field keeps the stored value.

    `new_config` is what to store after `is_valid`, None where the credentials stay as they are.
    """

    credentials: tuple[
        str, ...
    ] = ()  # form fields that together are the credentials, in the order of the page
    secrets: frozenset[str] = frozenset()

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
        if self.credentials[0] not in self.fields:  # shown to somebody who may only look
            return
        self.prepare()
        if not self.instance.is_configured:
            del self.fields["remove_credentials"]

    def prepare(self) -> None:
        """Fill the credentials' fields with what is stored and may be shown."""
        raise NotImplementedError

    def entered(self, values: dict[str, Any]) -> dict[str, Any]:
        """The part of api_config that was entered; empty where nothing was."""
        raise NotImplementedError

    def field_of(self, name: str) -> str:
        """The form field that shows what is wrong with this value of api_config."""
        return name

    @property
    def is_unreadable(self) -> bool:
        return isinstance(self.stored, Unreadable)

    def secret_state(self, name: str) -> SafeString | str:
        """Whether a secret is stored, since when, and its last characters where it is long."""
        value = self.stored.get(name)
        if self.is_unreadable:
            return _("The stored value cannot be read; enter it again.")
        if not value:
            return _("Nothing is stored.")
        facts = [_("Stored, never shown.")]
        moment = parse_datetime(str(self.instance.credentials_set_at.get(name) or ""))
        end = f"…{value[-LAST:]}" if isinstance(value, str) and len(value) >= LONG else ""
        if moment:
            day = date_format(localtime(moment), "DATE_FORMAT")
            facts = [_("Set on %(day)s.") % {"day": day}]
        shown = format_html("{} <code>{}</code>.", _("Ends in"), end) if end else ""
        keep = _("Leave this empty to keep it.")
        return format_html('<span class="oms-secret">{} {}</span> {}', " ".join(facts), shown, keep)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        names = self.credentials
        if names[0] not in self.fields or any(name in self.errors for name in names):
            return values
        if values.get("remove_credentials"):
            self._remove(values)
        elif any(name in self.changed_data for name in names):
            self._replace(values)
        return values

    def _remove(self, values: dict[str, Any]) -> None:
        if any(values.get(name) for name in self.secrets):
            text = _("Either remove the stored credentials or enter new ones, not both. Nothing was changed.")
            self.add_error("remove_credentials", text)
            return
        self.new_config = {}

    def _replace(self, values: dict[str, Any]) -> None:
        entered = self.entered(values)
        if not self.stored and not entered:
            return  # nothing stored, nothing entered: an unconfigured platform, or unreadable credentials that stay
        kept = {name: self.stored[name] for name in self.secrets if self.stored.get(name)}
        try:
            self.new_config = ADAPTERS[values.get("kind") or self.instance.kind].check_config(kept | entered)
        except ConfigError as error:
            self._show(error)

    def _show(self, error: ConfigError) -> None:
        """Each problem at its field; what has no field of its own on top."""
        for name, problem in error.fields.items():
            field = self.field_of(name)
            if field not in self.credentials:
                self.add_error(None, f"{name}: {problem}")
            elif problem in ("missing", "empty"):
                self.add_error(field, self._why_missing())
            else:
                self.add_error(field, capfirst(problem))

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
            self.instance.replace_config(self.new_config)
