"""API tokens: made and shown once, listed with their use, revoked. Each user sees his own; who may see all sees all."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.confinement import Visible, visible_platforms
from access.models import ApiToken, Scope
from access.tokens import (
    DEFAULT_DAYS,
    DEFAULT_SCOPES,
    MOST_DAYS,
    all_tokens,
    make_token,
    platform_names,
    revoke,
)
from backoffice.base.cells import badge, datetime_cell, stacked
from backoffice.base.choices import platform_choices
from backoffice.base.model_admin import OmsAdmin, OmsChangeList
from backoffice.users.second_factor.confirming import ask_first
from core.encryption import crypter
from core.format import DASH, format_datetime

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxSelectMultiple, NumberInput, Select, SelectMultiple

    Form = forms.ModelForm[ApiToken]
else:
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SelectMultiple
    from unfold.widgets import UnfoldAdminSelectWidget as Select

    Form = forms.ModelForm

OWN, VIEW, DELETE = "access.own_tokens", "knox.view_authtoken", "knox.delete_authtoken"
SHOWN_ONCE = "api_token"  # the name of what a session holds


class TokenForm(Form):
    """Of a new token; one that is made does not change."""

    visible: Visible = None  # of these platforms its maker may see anything

    user = forms.ModelChoiceField(
        label=capfirst(gettext_lazy("user")),
        queryset=User.objects.filter(is_active=True).order_by("username"),
        widget=Select(),
        help_text=gettext_lazy("The token never does more than this user may."),
    )
    scopes = forms.MultipleChoiceField(
        label=capfirst(gettext_lazy("scopes")),
        choices=Scope.choices,
        initial=[scope.value for scope in DEFAULT_SCOPES],
        widget=CheckboxSelectMultiple(),
    )
    platform_ids = forms.TypedMultipleChoiceField(
        label=capfirst(gettext_lazy("platforms")),
        required=False,
        coerce=int,
        widget=SelectMultiple(),
        help_text=gettext_lazy("None chosen: all of them, also those that are added later."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days until it expires"),
        min_value=0,
        max_value=MOST_DAYS,
        initial=DEFAULT_DAYS,
        widget=NumberInput(),
        help_text=gettext_lazy(
            "0: it does not expire. It ends in any case when the user's password changes."
        ),
    )

    class Meta:
        model = ApiToken
        fields = ("name", "scopes", "platform_ids")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "platform_ids" in self.fields:
            platforms: Any = self.fields["platform_ids"]
            platforms.choices = platform_choices(self.visible)


class TokenChangeList(OmsChangeList):
    """Knows the names of the platforms of all its rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = self.model_admin.visible_names(request, self.result_list)
        for details in self.result_list:
            details.names = names


@admin.register(ApiToken)
class TokenAdmin(OmsAdmin):
    form = TokenForm
    list_display = ("name", "username", "scope_badges", "platform_list", "created", "expires", "used")
    search_fields = ("name", "token__user__username")
    search_help_text = gettext_lazy("Name, or user name")
    ordering = ("-pk",)
    platform_column = None
    actions = ("delete_selected",)
    empty_text = gettext_lazy(
        "No program has a token for the API. Add one here, or with: manage.py create_api_token USER"
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return TokenChangeList

    # --- who may

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(VIEW) or self._is_own(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(OWN)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(DELETE) or self._is_own(request, obj)

    @staticmethod
    def _is_own(request: HttpRequest, obj: Any) -> bool:
        return request.user.has_perm(OWN) and (obj is None or obj.token.user_id == request.user.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        queryset: QuerySet[ApiToken] = super().get_queryset(request).select_related("token__user")
        return queryset if request.user.has_perm(VIEW) else queryset.filter(token__user=request.user.pk)

    def visible_names(self, request: HttpRequest, details: Iterable[ApiToken]) -> dict[int, str]:
        """Of the platforms that these tokens are for, as far as this reader may see them."""
        visible = visible_platforms(request)
        names = platform_names(details)
        return {pk: name for pk, name in names.items() if visible is None or pk in visible}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.names = self.visible_names(request, [found])
        return found

    # --- making one

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        asked = ask_first(request) if self.has_add_permission(request) else None
        return asked or super().add_view(request, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Only a superuser makes tokens for others: anybody else would get the rights of somebody else."""
        form = super().get_form(request, obj, change, **kwargs)
        form.visible = visible_platforms(request)  # type: ignore[attr-defined]  # a class of this request's own
        if not request.user.is_superuser:
            form.base_fields.pop("user", None)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        return {"user": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            shown = ("name", "username", "scope_badges", "platform_list", ("created", "expires"), "used")
            return [(None, {"fields": shown})]
        user = ("user",) if request.user.is_superuser else ()
        return [(None, {"fields": ("name", *user, "scopes", "platform_ids", "days")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("username", "scope_badges", "platform_list", "created", "expires", "used") if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        chosen = form.cleaned_data
        made = make_token(
            chosen.get("user", request.user),
            name=chosen["name"],
            scopes=chosen["scopes"],
            platform_ids=chosen["platform_ids"] or None,
            days=chosen["days"],
        )
        obj.pk, obj.token = made.details.pk, made.details.token
        obj.text = made.text  # type: ignore[attr-defined]  # for response_add

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """As with the secret of a webhook: the token waits in the session for the next page, encrypted."""
        request.session[SHOWN_ONCE] = [obj.pk, crypter().encrypt(obj.text.encode()).decode()]
        return redirect("admin:access_apitoken_text", obj.pk)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.text_view)
        return [path("<int:pk>/token/", page, name="access_apitoken_text"), *super().get_urls()]

    def text_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The one answer that holds the token."""
        owner, sealed = request.session.get(SHOWN_ONCE, (None, ""))
        if owner != pk:
            messages.warning(
                request, _("The token is not shown again. If it is lost, revoke it and add another.")
            )
            return redirect("admin:access_apitoken_changelist")
        del request.session[SHOWN_ONCE]
        details = get_object_or_404(all_tokens(), pk=pk)
        context = {
            **self.admin_site.each_context(request),
            "title": details.name,
            "opts": self.opts,
            "token": crypter().decrypt(sealed).decode(),
        }
        response = TemplateResponse(request, "access/token.html", context)
        add_never_cache_headers(response)
        return response

    # --- revoking

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """By their names: the hashes that go with them say nothing to a person."""
        name = str(capfirst(ApiToken._meta.verbose_name_plural))
        refused = {name} if any(not self.has_delete_permission(request, each) for each in objs) else set()
        return [f"{each.name} ({each.user})" for each in objs], {name: len(objs)}, refused, []

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        revoke([obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[ApiToken]) -> None:
        revoke(queryset)

    # --- cells

    @admin.display(description=gettext_lazy("user"), ordering="token__user__username")
    def username(self, obj: ApiToken) -> str:
        return str(obj.user)

    @admin.display(description=gettext_lazy("scopes"))
    def scope_badges(self, obj: ApiToken) -> str:
        return ", ".join(map(str, obj.scopes)) or DASH

    @admin.display(description=gettext_lazy("platforms"))
    def platform_list(self, obj: ApiToken) -> str:
        if obj.platform_ids is None:
            return _("all platforms")
        names = obj.names  # type: ignore[attr-defined]  # of the list, or of get_object
        return ", ".join(names[pk] for pk in obj.platform_ids if pk in names) or DASH

    @admin.display(description=gettext_lazy("created"), ordering="token__created")
    def created(self, obj: ApiToken) -> SafeString:
        return datetime_cell(obj.token.created)

    @admin.display(description=gettext_lazy("expires"), ordering="token__expiry")
    def expires(self, obj: ApiToken) -> SafeString | str:
        if obj.is_expired:
            return badge(_("expired"), "danger")
        return datetime_cell(obj.expires_at) if obj.expires_at else _("never")

    @admin.display(description=gettext_lazy("last used"), ordering="last_used_at")
    def used(self, obj: ApiToken) -> SafeString:
        if obj.last_used_at is None:
            return SafeString(DASH)
        return stacked(format_datetime(obj.last_used_at), obj.last_used_from)
