"""Of which platforms somebody may see anything: the one place that says so.

What belongs to other platforms is not there: it is in no list, count, total, search, file or message, and has no
address of its own. Ids of None stand for all platforms, also those of tomorrow.
"""

from collections.abc import Collection
from typing import Any, TypeVar

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Q, QuerySet

from access.models import ApiToken, Confinement
from audit.recording import record
from platforms.models import Platform

Rows = TypeVar("Rows", bound=QuerySet[Any])
Visible = Collection[int] | None  # ids of platforms; None: all of them

HELD = "_oms_visible_platforms"  # on a user: the answer for this request, as Django keeps his permissions


def visible_platforms(request: Any) -> frozenset[int] | None:
    """Ids of the platforms that whoever sent this request is confined to, in the admin or with a token of the API."""
    of_user = platforms_of(request.user)
    token = getattr(request, "auth", None)
    if not isinstance(token, ApiToken) or token.platform_ids is None:
        return of_user
    of_token = frozenset(token.platform_ids)
    return of_token if of_user is None else of_token & of_user


def platforms_of(user: Any) -> frozenset[int] | None:
    """Ids of the platforms that this user is confined to: all that are named for him and for any of his groups.

    None where none of them is confined, and for a superuser. One query for each instance, none for a superuser.
    """
    if user.is_superuser or user.pk is None:
        return None
    if not hasattr(user, HELD):
        groups = Group.objects.filter(user=user.pk).values("pk")
        named = Confinement.objects.filter(Q(user=user.pk) | Q(group__in=groups))
        lists = list(named.values_list("platform_ids", flat=True))
        setattr(user, HELD, frozenset().union(*lists) if lists else None)
    found: frozenset[int] | None = getattr(user, HELD)
    return found


def who_see(users: Collection[Any], platform_id: int) -> list[Any]:
    """Those of these users who are not confined to other platforms. Two queries for any number."""
    rows = Confinement.objects.filter(Q(user__in=users) | Q(group__user__in=users)).distinct()
    confined: dict[int, bool] = {}  # by user, whether he sees this platform all the same
    members = dict[int, list[int]]()
    for user_id, group_id in User.groups.through.objects.filter(user__in=users).values_list(
        "user_id", "group_id"
    ):
        members.setdefault(group_id, []).append(user_id)
    for user_id, group_id, ids in rows.values_list("user_id", "group_id", "platform_ids"):
        for each in [user_id] if user_id else members.get(group_id, ()):
            confined[each] = confined.get(each, False) or platform_id in ids
    return [user for user in users if user.is_superuser or confined.get(user.pk, True)]


def confined_within(users: Collection[int], platform_ids: Collection[int]) -> list[int]:
    """Of these ids of users, those of people who are confined, and to none but these platforms. Three queries for any
    number."""
    named: dict[int, set[int]] = {}
    rows = Confinement.objects.filter(user__in=users)
    for user_id, ids in rows.values_list("user_id", "platform_ids"):
        named.setdefault(user_id, set()).update(ids)
    of_groups = Confinement.objects.filter(group__user__in=users)
    for user_id, ids in of_groups.values_list("group__user", "platform_ids"):
        named.setdefault(user_id, set()).update(ids)
    whole = set(User.objects.filter(pk__in=users, is_superuser=True).values_list("pk", flat=True))
    return [
        user for user in users if user in named and user not in whole and named[user] <= set(platform_ids)
    ]


def within(rows: Rows, visible: Visible, column: str = "platform") -> Rows:
    """The rows of these platforms, which `column` names."""
    return rows if visible is None else rows.filter(**{f"{column}__in": visible})


def confinement_of(whom: Any) -> list[int]:
    """The ids that are stored for a user or a group; [] where there are none. One query."""
    ids: list[int] | None = _row_of(whom).values_list("platform_ids", flat=True).first()
    return ids or []


def confine(whom: Any, platform_ids: Collection[int]) -> None:
    """Confine a user, or the members of a group, to these platforms; to none of them: to no platform in particular.
    Recorded where it is a change."""
    before, after = confinement_of(whom), sorted(platform_ids)
    if before == after:
        return
    with transaction.atomic():
        if after:
            Confinement.objects.update_or_create(**_key_of(whom), defaults={"platform_ids": after})
        else:
            _row_of(whom).delete()
        names = dict(Platform.objects.filter(pk__in=[*before, *after]).values_list("pk", "name"))
        changes = {"platforms": [_named(before, names), _named(after, names)]}
        record(f"{whom._meta.model_name}.changed", whom, changes=changes)


def _named(ids: Collection[int], names: dict[int, str]) -> list[str] | str:
    return [names.get(pk, str(pk)) for pk in ids] or "all"


def _row_of(whom: Any) -> QuerySet[Confinement]:
    return Confinement.objects.filter(**_key_of(whom))


def _key_of(whom: Any) -> dict[str, Any]:
    return {"group" if isinstance(whom, Group) else "user": whom}
