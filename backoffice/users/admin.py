"""Users and groups, in the style of the rest of the admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tasks_db.admin import DBTaskResultAdmin as DjangoTaskAdmin
from django_tasks_db.models import DBTaskResult
from knox.models import AuthToken
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from backoffice.base.offered import OfferedLists

if TYPE_CHECKING:

    class UnfoldAdmin:
        pass

else:
    from unfold.admin import ModelAdmin as UnfoldAdmin

for model in (User, Group, AuthToken, DBTaskResult):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(OfferedLists, DjangoUserAdmin[User], UnfoldAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

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
class GroupAdmin(OfferedLists, DjangoGroupAdmin, UnfoldAdmin):
    pass


@admin.register(DBTaskResult)
class TaskAdmin(OfferedLists, DjangoTaskAdmin, UnfoldAdmin):
    """The queue itself, for those who look after the workers."""

    empty_text: Any = gettext_lazy("The queue is empty.")
