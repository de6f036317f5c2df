"""The field "Platforms" on the pages of users and groups: to which ones they are confined (access/confinement.py)."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from access.confinement import confine, confinement_of, visible_platforms
from backoffice.base.choices import platform_choices, with_gone
from backoffice.base.offered import OfferedLists
from backoffice.users.second_factor.confirming import ask_first

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import SelectMultiple

    Form = forms.ModelForm[Any]
else:
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SelectMultiple

    Form = forms.ModelForm

FIELD = "platforms"


class PlatformsForm(Form):
    """In front of the form of a user or a group."""

    platforms = forms.TypedMultipleChoiceField(
        label=capfirst(gettext_lazy("platforms")),
        required=False,
        coerce=int,
        widget=SelectMultiple(),
        help_text=gettext_lazy(
            "None chosen: no limit from here. Otherwise nothing of other platforms is shown anywhere. What is chosen "
            "for a user and for all groups of the user counts together. Superusers see everything."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if FIELD not in self.fields:
            return
        stored = confinement_of(self.instance) if self.instance.pk else []
        field: Any = self.fields[FIELD]
        # Without one that was deleted, the user would see all platforms.
        field.choices = with_gone(platform_choices(), stored)
        self.initial[FIELD] = stored


class ConfinedAdmin(OfferedLists):
    """What decides who sees what. Somebody who is confined to platforms could free himself, and may only look at it.
    Who may change it has shown of late that it is he."""

    platform_column = None

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        asked = ask_first(request) if request.method == "POST" else None
        return asked or super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        may = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        asked = ask_first(request) if may else None
        return asked or super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        asked = ask_first(request) if self.has_delete_permission(request) else None
        return asked or super().delete_view(request, object_id, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return visible_platforms(request) is None and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return visible_platforms(request) is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return visible_platforms(request) is None and super().has_delete_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The platforms for those who may change them: somebody who is confined must not read the names of others."""
        if self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != FIELD]})
            for title, options in super().get_fieldsets(request, obj)
            if list(options["fields"]) != [FIELD]
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if FIELD in form.cleaned_data:
            confine(form.instance, form.cleaned_data[FIELD])
