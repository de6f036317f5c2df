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
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from access.lockout import locked, unlock
from access.models import LoginFailures
from access.passwords import make_temporary
from access.second_factor.models import Factor
from backoffice.base.cells import badge
from backoffice.base.offered import OfferedLists
from backoffice.users.connecting import connection_page, page_link
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
class UserAdmin(ConfinedAdmin, DjangoUserAdmin[User], UnfoldAdmin):
    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    change_form_template = "access/user_page.html"
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), (gettext_lazy("Platforms"), {"fields": (FIELD,)}))
    list_display = ("username", "email", "first_name", "last_name", "is_staff", "has_factor", "signing_in")
    actions = ("unlock",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        failures = LoginFailures.objects.filter(locked(), user=OuterRef("pk"))
        users: QuerySet[User] = super().get_queryset(request)
        factors = Factor.objects.filter(user=OuterRef("pk"))
        return users.annotate(is_locked=Exists(failures), has_one=Exists(factors))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(partial(connection_page, self))
        return [path("<id>/single-sign-on/", page, name="auth_user_connection"), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user = context.get("original")
        may_change = user is not None and self.has_change_permission(request, user)
        context["connection"] = page_link(user) if may_change else None
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
        users = list(queryset)
        unlock(users)
        names = ", ".join(map(str, users))
        messages.success(
            request, _("Failed attempts to sign in are forgotten for: %(users)s") % {"users": names}
        )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            make_temporary(obj)

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
