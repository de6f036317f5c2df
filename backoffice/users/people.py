"""The form of a user: name, e-mail, role, platforms. Superusers who ask for it are shown all that Django knows."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import Group, User
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.invitations import may_give
from backoffice.users.platforms import PlatformsForm

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxSelectMultiple, TextInput

    GroupsField = forms.ModelMultipleChoiceField[Group]
else:
    GroupsField = forms.ModelMultipleChoiceField
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

# What the groups that OMS makes are for (backoffice/migrations).
ROLES: dict[str, Promise] = {
    "Viewer": gettext_lazy("sees orders, stock, platforms and syncs; changes nothing"),
    "Operator": gettext_lazy("also starts syncs, takes care of failures, sets stock thresholds"),
    "Shipper": gettext_lazy("sees orders, picks and packs, and confirms shipments to the platforms"),
    "Manager": gettext_lazy("also connects platforms, and manages webhooks and the users below"),
    "Privacy officer": gettext_lazy("sees orders, and may read and erase the data of buyers"),
}


class RolesField(GroupsField):
    def label_from_instance(self, obj: Any) -> str:
        if obj.name in ROLES:
            return f"{obj.name}: {ROLES[obj.name]}"
        count = getattr(obj, "count", None) or obj.permissions.count()
        text = ngettext("%(n)d permission", "%(n)d permissions", count) % {"n": count}
        return f"{obj.name}: {text}"


class PersonForm(PlatformsForm):
    """`actor`, who fills it in, gives no role that he could not fill himself."""

    actor: Any = None  # set by the admin, on a class of its own for each request

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        required=False,
        widget=TextInput(attrs={"autocomplete": "off"}),
    )
    groups = RolesField(
        label=gettext_lazy("Role"),
        queryset=Group.objects.none(),
        required=False,
        widget=CheckboxSelectMultiple(),
        help_text=gettext_lazy("Several count together. Without any, somebody can sign in nowhere."),
    )

    class Meta:
        model = User
        fields = ("email", "username", "groups", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields and self.instance.pk:
            self.initial["name"] = self.instance.get_full_name()
        if "groups" in self.fields:
            offered = [group.pk for group in Group.objects.order_by("pk") if may_give(self.actor, group)]
            roles: Any = self.fields["groups"]
            roles.queryset = Group.objects.filter(pk__in=offered).order_by("pk")
        if "username" in self.fields:
            self.fields["username"].required = bool(self.instance.pk)
            self.fields["username"].label = _("Signs in as")
            if not self.instance.pk:
                self.fields["username"].help_text = _("Empty: the e-mail address.")

    def clean(self) -> Any:
        values = super().clean() or self.cleaned_data
        if not self.instance.pk and not values.get("username") and "username" not in self.errors:
            values["username"] = self._username(values.get("email") or "")
        return values

    def _username(self, email: str) -> str:
        """The e-mail address, where that can be one."""
        if not email:
            self.add_error("email", _("Give an e-mail address, or say as what this person signs in."))
            return ""
        try:
            User._meta.get_field("username").clean(email, None)
        except forms.ValidationError as error:
            self.add_error("username", error)
        if User.objects.filter(username__iexact=email).exists():
            self.add_error("username", _("Somebody signs in with this e-mail address already."))
        return email

    def save(self, commit: bool = True) -> Any:
        if (
            "name" in self.cleaned_data
            and self.cleaned_data["name"].split() != self.instance.get_full_name().split()
        ):
            first, _space, last = self.cleaned_data["name"].strip().rpartition(" ")
            self.instance.first_name, self.instance.last_name = (first, last) if first else (last, "")
        if not self.instance.pk:
            self.instance.set_unusable_password()
        return super().save(commit)
