"""Users and groups, in the style of the rest of the admin."""

from collections.abc import Collection
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tasks_db.admin import DBTaskResultAdmin as DjangoTaskAdmin
from django_tasks_db.models import DBTaskResult
from knox.models import AuthToken
from unfold.forms import AdminPasswordChangeForm, UserChangeForm

from access.invitations import may_manage
from access.lockout import locked, unlock
from access.models import LoginFailures
from access.passwords import make_temporary
from access.second_factor.models import Factor
from backoffice.base.cells import badge
from backoffice.base.model_admin import DayRangeFilter, OmsAdmin
from backoffice.base.offered import OfferedLists
from backoffice.users.connecting import connection_page, page_link
from backoffice.users.inviting import invite_page, show_link
from backoffice.users.people import PersonForm
from backoffice.users.platforms import FIELD, ConfinedAdmin, PlatformsForm
from backoffice.users.second_factor.confirming import ask_first

if TYPE_CHECKING:

    class UnfoldAdmin:
        pass

else:
    from unfold.admin import ModelAdmin as UnfoldAdmin

for model in (User, Group, AuthToken, DBTaskResult):
    admin.site.unregister(model)


class UserForm(PlatformsForm, UserChangeForm):  # type: ignore[misc]  # unfold has no annotations
    pass


class GroupForm(PlatformsForm):
    class Meta:
        model = Group
        fields = ("name", "permissions")


@admin.register(User)
class UserAdmin(ConfinedAdmin, DjangoUserAdmin[User], OmsAdmin):  # type: ignore[misc]  # Django's asks OmsAdmin too
    form = add_form = PersonForm
    change_password_form = AdminPasswordChangeForm
    change_form_template = "access/user_page.html"
    add_form_template = None  # Django's own asks for a password
    fieldsets = ((None, {"fields": ("name", "email", "username", "groups", FIELD, "is_active")}),)
    add_fieldsets = ((None, {"fields": ("name", "email", "username", "groups", FIELD)}),)
    every_field = (*(DjangoUserAdmin.fieldsets or ()), (gettext_lazy("Platforms"), {"fields": (FIELD,)}))
    filter_horizontal = ("user_permissions",)
    list_display = ("username", "full_name", "email", "roles", "is_active", "has_factor", "signing_in")
    list_filter = ("is_active", "groups", "is_superuser", ("last_login", DayRangeFilter))
    platform_column = None
    actions = ("unlock",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        failures = LoginFailures.objects.filter(locked(), user=OuterRef("pk"))
        users: QuerySet[User] = super().get_queryset(request)
        factors = Factor.objects.filter(user=OuterRef("pk"))
        return users.annotate(is_locked=Exists(failures), has_one=Exists(factors)).prefetch_related("groups")

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(partial(connection_page, self))
        link = self.admin_site.admin_view(partial(invite_page, self))
        return [
            path("<id>/single-sign-on/", page, name="auth_user_connection"),
            path("<id>/link/", link, name="auth_user_link"),
            *super().get_urls(),
        ]

    # --- Who may change whom, and what

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers everybody; others whoever may do less than they, and nothing that they may not."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or may_manage(request.user, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Also by the action over several rows."""
        deleted, counts, missing, kept = super().get_deleted_objects(objs, request)
        if not all(may_manage(request.user, user) for user in objs):
            missing = {*missing, str(User._meta.verbose_name)}
        return deleted, counts, missing, kept

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        if not shows_all(request, obj):
            return shown
        return self.every_field

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A class for this request, which knows who fills it in."""
        if shows_all(request, obj):
            return super().get_form(request, obj, **{**kwargs, "change": change, "form": UserForm})
        base = type("PersonForm", (PersonForm,), {"actor": request.user})
        return super().get_form(request, obj, **{**kwargs, "change": change, "form": base})

    @admin.display(description=gettext_lazy("name"), ordering="first_name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description=gettext_lazy("role"))
    def roles(self, user: User) -> str:
        if user.is_superuser:
            return _("superuser: may do everything")
        return ", ".join(sorted(group.name for group in user.groups.all()))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user = context.get("original")
        may_change = user is not None and self.has_change_permission(request, user)
        context["connection"] = page_link(request.user, user) if may_change else None
        context["may_link"] = may_change and user.is_active
        context["is_superuser"] = request.user.is_superuser and user is not None
        context["shows_all"] = shows_all(request, user)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("Second factor"), boolean=True)
    def has_factor(self, user: User) -> bool:
        return bool(getattr(user, "has_one", False))

    @admin.display(description=gettext_lazy("signing in"))
    def signing_in(self, user: User) -> SafeString | str:
        """After too many failed attempts."""
        return badge(_("locked"), "danger") if getattr(user, "is_locked", False) else ""

    @admin.action(description=gettext_lazy("Let them try to sign in again"), permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = [user for user in queryset if may_manage(request.user, user)]
        unlock(users)
        names = ", ".join(map(str, users))
        messages.success(
            request, _("Failed attempts to sign in are forgotten for: %(users)s") % {"users": names}
        )

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The link with which the new user chooses a password."""
        return show_link(request, self.opts, obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """What one person gives another one is good for one sign-in."""
        if self.has_change_permission(request) and (asked := ask_first(request)):
            return asked
        response: HttpResponse = super().user_change_password(request, id, form_url)
        user = self.get_object(request, unquote(id))
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND and user != request.user:
            make_temporary(user)
        return response

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Says so where a group brought the staff status along (staff.py)."""
        was_staff = form.instance.is_staff
        super().save_related(request, form, formsets, change)
        if form.instance.is_staff and not was_staff:
            text = _(
                "%(user)s can sign in to the admin now, as a member of a group. For somebody who only uses the API, "
                "take the staff status away again."
            )
            messages.info(request, text % {"user": form.instance})


def shows_all(request: HttpRequest, user: User | None) -> bool:
    """Whether every field of an account is shown: to superusers who ask for it."""
    return user is not None and request.user.is_superuser and "all" in request.GET


@admin.register(Group)
class GroupAdmin(ConfinedAdmin, DjangoGroupAdmin, UnfoldAdmin):
    form = GroupForm
    fieldsets = ((None, {"fields": ("name", "permissions", FIELD)}),)


@admin.register(DBTaskResult)
class TaskAdmin(OfferedLists, DjangoTaskAdmin, UnfoldAdmin):
    """The queue itself, for those who look after the workers. Messages tell no platform, and the confined see none."""

    empty_text: Any = gettext_lazy("The queue is empty.")

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return rows.none()
