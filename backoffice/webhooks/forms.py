"""The form of a webhook."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import User
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.confinement import Visible
from backoffice.base.choices import platform_choices, with_gone
from webhooks.addresses import LONGEST_URL, BadUrl, checked_url
from webhooks.endpoints import missing_permissions
from webhooks.events import event_names
from webhooks.models import Endpoint

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import SelectMultiple, TextInput

    Form = forms.ModelForm[Endpoint]
else:
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SelectMultiple
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

    Form = forms.ModelForm


class EndpointForm(Form):
    """None chosen means all, of events and of platforms; a stored choice is kept where none of it is left.

    It sends back what it showed, so that only what a person changed is written: not what was changed meanwhile.
    """

    user: User  # who fills it in
    visible: Visible = None  # of these platforms he may see anything

    url = forms.CharField(
        label="URL",
        max_length=LONGEST_URL,
        widget=TextInput(),
        help_text=gettext_lazy(
            "Where events are sent, e.g. https://shop.example/webhooks. Requests are signed."
        ),
    )
    events = forms.MultipleChoiceField(
        label=capfirst(gettext_lazy("events")),
        required=False,
        widget=SelectMultiple(),
        help_text=gettext_lazy("None chosen: all of them."),
    )
    platform_ids = forms.TypedMultipleChoiceField(
        label=capfirst(gettext_lazy("platforms")),
        required=False,
        coerce=int,
        widget=SelectMultiple(),
        help_text=gettext_lazy("None chosen: all of them, also those that are added later."),
    )

    class Meta:
        model = Endpoint
        fields = ("name", "url", "events", "platform_ids", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = self.instance.pk is not None
        if "events" in self.fields:
            self._offer("events", [(name, name) for name in event_names()])
            self._offer("platform_ids", platform_choices(self.visible))

    def _offer(self, name: str, choices: list[tuple[Any, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  for the type checker
        field.choices = with_gone(choices, getattr(self.instance, name) or [])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        changed = {name: values[name] for name in self.changed_data if name in values}
        stored = self.instance if self.instance.pk else None
        missing = missing_permissions(self.user, changed, stored)
        if missing and not self.errors:
            text = _(
                "It would be told of what you may not see yourself. Choose other events, or ask an administrator for: "
                "%(permissions)s."
            )
            self.add_error("events", text % {"permissions": ", ".join(missing)})
        return values

    def clean_url(self) -> str:
        try:
            return checked_url(self.cleaned_data["url"])
        except BadUrl as error:
            raise forms.ValidationError(str(error)) from None

    def clean_events(self) -> Any:
        return self._chosen("events")

    def clean_platform_ids(self) -> Any:
        """Who may see some platforms alone has nobody told of all."""
        chosen = self._chosen("platform_ids")
        if chosen is None and self.visible is not None:
            raise forms.ValidationError(
                _("Choose platforms: you may see some of them alone, and so may the webhook.")
            )
        return chosen

    def _chosen(self, name: str) -> Any:
        """A webhook whose platforms were all deleted is not turned into one of all platforms by another change."""
        return self.cleaned_data[name] or ([] if getattr(self.instance, name) == [] else None)
