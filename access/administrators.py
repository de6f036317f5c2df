"""Who may give rights to anybody: superusers, and who may change users or groups. One who is new among them is told of,
whoever made him one, and by whichever way, SQL included.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from access.models import Administrator
from audit.origin import OF_SERVICE
from audit.recording import record

RIGHTS = ("add_user", "change_user", "change_group")
NEW_FOR = timedelta(days=1)


def administrators() -> QuerySet[Any]:
    names = {"content_type__app_label": "auth", "codename__in": RIGHTS}
    own = Q(**{f"user_permissions__{name}": value for name, value in names.items()})
    of_group = Q(**{f"groups__permissions__{name}": value for name, value in names.items()})
    users = get_user_model()._default_manager.filter(is_active=True)
    return users.filter(Q(is_superuser=True) | own | of_group).distinct()


def note_administrators() -> None:
    """Remember who is one now, and record who is new. Two queries where nobody is. Raises DatabaseError.

    The first ones of an installation are not new: somebody has just set it up.
    """
    known = set(Administrator.objects.values_list("user", flat=True))
    users = {user.pk: user for user in administrators()}
    if known == set(users):
        return
    with transaction.atomic():
        Administrator.objects.filter(user__in=known - set(users)).delete()
        for pk in sorted(set(users) - known):
            since = timezone.now() if known else None
            _row, is_new = Administrator.objects.get_or_create(user_id=pk, defaults={"since": since})
            if is_new and known:
                record("administrator.appeared", users[pk], by=OF_SERVICE)


def new_ones() -> QuerySet[Administrator]:
    return Administrator.objects.filter(since__gt=timezone.now() - NEW_FOR)
