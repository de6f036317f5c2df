"""Who joins a group that has permissions may sign in to the admin.

Django lets only users with *staff status* sign in, which its form leaves off: a colleague who was put into a group
could not get in. Staff status is set when somebody joins, however that happens (the user's form, a shell, a script),
and taken from nobody: a user who leaves a group keeps it, and one from whom it was taken does not get it back by being
saved.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models.signals import m2m_changed

from audit.recording import record_each


def set_staff_status(
    instance: User | Group, action: str, reverse: bool, pk_set: Iterable[int] | None, **_facts: Any
) -> None:
    """Receiver of m2m_changed. `reverse`: the group was given users; otherwise a user was given groups.
    https://docs.djangoproject.com/en/5.2/ref/signals/#m2m-changed"""
    if action != "post_add" or not pk_set:
        return
    users, groups = (pk_set, [instance.pk]) if reverse else ([instance.pk], pk_set)
    if not Group.objects.filter(pk__in=groups, permissions__isnull=False).exists():
        return
    joining = list(User.objects.filter(pk__in=users, is_staff=False).order_by("pk"))
    User.objects.filter(pk__in=[user.pk for user in joining]).update(is_staff=True)
    record_each("user.changed", [(user, {"is_staff": [False, True]}) for user in joining])
    if isinstance(instance, User):
        instance.is_staff = True  # whoever saves it afterwards must not take it back


def connect() -> None:
    m2m_changed.connect(set_staff_status, sender=User.groups.through, dispatch_uid="oms.staff_status")
