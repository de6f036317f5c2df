"""Who has to have a second factor: SECOND_FACTOR says it."""

from typing import Any

from django.conf import settings

OPTIONAL, PRIVILEGED, ALL = CHOICES = ("optional", "privileged", "all")

# Who may read personal data, hold credentials, or give himself the right to.
PERMISSIONS = (
    "orders.view_orderbuyer",
    "platforms.add_platform",
    "platforms.change_platform",
    "auth.add_user",
    "auth.change_user",
    "auth.change_group",
)


def is_required(user: Any) -> bool:
    if settings.SECOND_FACTOR == PRIVILEGED:
        return any(map(user.has_perm, PERMISSIONS))
    return bool(settings.SECOND_FACTOR == ALL)
