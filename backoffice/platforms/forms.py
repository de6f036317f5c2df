"""The form of a platform, with a field for each value of its credentials, as its channel describes them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.platforms.widgets import (
    MarksOthers,
    choices_of,
    fact_of,
    form_field,
    help_link,
    hint_line,
    offer,
    own_first,
)
from backoffice.privacy.erasing import KEEP, NOW
from core.encryption import SecretDict, Unreadable
from core.format import Text
from integrations.channel import Channel, Choice, CredentialField, Credentials, Fact, Input
from integrations.errors import ConfigError
from integrations.registry import CHANNELS, channel_label
from integrations.sync.connection_check import known_sites
from integrations.sync.streams import delivered_by
from integrations.sync.streams.states import LONGEST_INTERVAL, attach_states, interval_name, pop_intervals
from platforms.models import Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxInput, Select
    from django.forms import NumberInput as IntegerWidget

    Form = forms.ModelForm[Platform]
else:
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as IntegerWidget
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

    Form = forms.ModelForm

# The end of a secret is shown only where it says nothing about the rest.
LONG, LAST = 20, 4


class PlatformForm(Form):
    """Reads and writes api_config. Secrets are never rendered; an empty secret field keeps the stored value.

    `form_for` makes a subclass for each kind, with the fields that its channel describes; of a kind that is not
    registered, no credentials can be entered. `new_config` is what to store after `is_valid`, None where the
    credentials stay as they are.
    """

    new_kind: str = ""
    channel: Channel | None = None
    # A link to where one confirms that it is oneself, which comes before credentials are changed; "": it was done.
    confirm_first: SafeString | str = ""
    # Form fields that together are the credentials, in the order of the page.
    credentials: tuple[str, ...] = ()

    kind = forms.ChoiceField(label=capfirst(gettext_lazy("kind")), widget=Select())
    remove_credentials = forms.BooleanField(
        label=gettext_lazy("Remove the stored credentials"),
        required=False,
        widget=CheckboxInput(),
        help_text=gettext_lazy(
            "Orders and stock stay; no sync can reach the platform until new ones are entered."
        ),
    )

    stored_buyers = forms.ChoiceField(
        label=gettext_lazy("Buyer data that is stored"),
        required=False,
        widget=Select(),
        choices=[
            ("", gettext_lazy("(choose, where no more is to be stored)")),
            (KEEP, gettext_lazy("keep until its time has come")),
            (NOW, gettext_lazy("erase now")),
        ],
        help_text=gettext_lazy(
            "What happens to it when storing is switched off. What is erased is gone for good."
        ),
    )
    # Whether the user is asked that: set on the class that is made for a request.
    asks_of_buyers = False

    class Meta:
        model = Platform
        fields = ("name", "kind", "display_name", "is_active", "include_pii", "show_pictures")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._add_intervals()
        stored = self.instance.api_config  # an Unreadable is empty, but must not be taken for nothing
        self.stored: SecretDict = SecretDict() if stored is None else stored
        self.new_config: dict[str, Any] | None = None
        if "kind" in self.fields:
            self._offer_kinds()
        if self._shows_credentials:
            self._prepare(self.channel)
        self._explain_pictures()
        if not self.instance.is_configured:
            self.fields.pop("remove_credentials", None)
        if not self.asks_of_buyers:
            self.fields.pop("stored_buyers", None)

    @property
    def erases_buyers(self) -> bool:
        """Whether storing was switched off, and what is stored is to be erased; after `is_valid`."""
        return self.cleaned_data.get("stored_buyers") == NOW and not self.cleaned_data.get("include_pii")

    @property
    def new_intervals(self) -> dict[str, int]:
        """The intervals that were changed, by name of the stream; after `is_valid`."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}
        return pop_intervals(changed)

    def _add_intervals(self) -> None:
        """A field for each stream that the platform's channel delivers."""
        if self.instance.pk:
            attach_states(self.instance)
        for name, stream in delivered_by(self.channel).items():
            field = interval_name(name)
            self.initial[field] = getattr(self.instance, field, stream.default_interval)
            self.fields[field] = forms.IntegerField(
                label=capfirst(_("%(stream)s every") % {"stream": stream.label}),
                help_text=_("Minutes between scheduled syncs; 0: only by hand."),
                min_value=0,
                max_value=LONGEST_INTERVAL,
                widget=IntegerWidget(),
            )

    def _explain_pictures(self) -> None:
        """What it takes to have them; no switch where the platform's channel has none."""
        if self.channel is None or self.channel.pictures is None:
            self.fields.pop("show_pictures", None)
        elif field := self.fields.get("show_pictures"):
            field.help_text = f"{field.help_text} {self.channel.pictures.help}"

    @property
    def _shows_credentials(self) -> bool:
        """Not to users who may only look."""
        return bool(self.credentials) and self.credentials[0] in self.fields

    def _offer_kinds(self) -> None:
        """One: a stored platform keeps its kind, since its orders came from that channel; a new one was asked for."""
        kind = self.instance.kind if self.instance.pk else self.new_kind
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [(kind, channel_label(kind))]
        field.initial = kind
        self.initial["kind"] = kind

    def _prepare(self, channel: Channel | None) -> None:
        """Fill the credentials' fields with what is stored and may be shown."""
        if channel is None:
            return
        shown = channel.credentials.show(self.stored)
        own = set(known_sites(self.instance, channel.credentials.secrets))
        choices = choices_of(channel.credentials.fields)
        if own:
            choices = {name: own_first(offered, own) for name, offered in choices.items()}
        for described in channel.credentials.fields:
            field, value = self.fields[described.name], shown.get(described.name)
            if described.input in (Input.CHOICE, Input.CHOICES):
                values = map(str, value if isinstance(value, list) else [value or ""])
                offer(field, described, choices.get(described.name, ()), values)
                if own and isinstance(field.widget, MarksOthers):
                    offered = {choice.value for choice in choices.get(described.name, ())}
                    field.widget.set_others(offered - own)
            if described.input != Input.SECRET and value:
                self.initial[described.name] = value
            field.help_text = self._help(described, choices)

    def _help(self, described: CredentialField, choices: Mapping[str, Sequence[Choice]]) -> SafeString:
        """What is stored of a secret, where the value is found, and what follows from a choice."""
        parts: list[Any] = [self.secret_state(described.name)] if described.input == Input.SECRET else []
        parts.append(described.help)
        if described.hint is not None:
            fact = described.hint.fact
            parts.append(hint_line(described.hint, fact_of(fact, choices.get(fact.of, ()), self.stored)))
        if (link := described.link) is not None:
            host: Text = ""
            if isinstance(link.host, Fact):
                host = fact_of(link.host, choices.get(link.host.of, ()), self.stored)
            parts.append(help_link(link, host or str(link.host)))
        return format_html_join(" ", "{}", ((part,) for part in parts if part))

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
        is_off = "include_pii" in self.changed_data and not values.get("include_pii")
        if is_off and "stored_buyers" in self.fields and not values.get("stored_buyers"):
            text = _("Buyer data is stored. Say whether it is kept until its time has come, or erased now.")
            self.add_error("stored_buyers", text)
        if values.get("stored_buyers") == NOW and values.get("include_pii"):
            text = _(
                "Nothing was erased: “Store buyer data” is still on. Switch it off as well, or choose nothing."
            )
            self.add_error("stored_buyers", text)
        if any(name in self.errors for name in ("kind", *names)):
            return values
        if values.get("remove_credentials"):
            self._remove(values)
        elif self._shows_credentials and any(name in self.changed_data for name in names):
            self._replace(values)
        if self.new_config is not None and self.confirm_first and not self.errors:
            text = _("Nothing was changed. Enter the credentials again afterwards; secrets are not kept.")
            self.add_error(None, format_html("{}. {}", self.confirm_first, text))
        return values

    def _remove(self, values: dict[str, Any]) -> None:
        if self.channel and any(values.get(name) for name in self.channel.credentials.secrets):
            text = _("Either remove the stored credentials or enter new ones, not both. Nothing was changed.")
            self.add_error("remove_credentials", text)
            return
        self.new_config = {}

    def _replace(self, values: dict[str, Any]) -> None:
        if self.channel is None:
            return
        credentials = self.channel.credentials
        entered = credentials.read({name: values.get(name) for name in credentials.names}, self.stored)
        if not self.stored and not entered:
            return  # nothing stored, nothing entered: an unconfigured platform, or unreadable credentials that stay
        kept = {name: self.stored[name] for name in credentials.secrets if self.stored.get(name)}
        try:
            self.new_config = credentials.check(kept | entered)
        except ConfigError as error:
            self._show(error, credentials)

    def _show(self, error: ConfigError, credentials: Credentials) -> None:
        """Show each problem at its field; problems without a field are shown at the top."""
        for name, problem in error.fields.items():
            field = credentials.shown_at.get(name, name)
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


def form_for(kind: str) -> type[PlatformForm]:
    """The form of a platform of this kind."""
    channel = CHANNELS.get(kind)
    if channel is None:
        return PlatformForm
    fields = {described.name: form_field(described) for described in channel.credentials.fields}
    own = {
        "new_kind": kind,
        "channel": channel,
        "credentials": channel.credentials.names,
        "__module__": __name__,
    }
    return type(f"{kind.capitalize()}Form", (PlatformForm,), fields | own)
