"""A link with which a user chooses a password: for who was invited, and for who has forgotten it.

It works once and for PASSWORD_RESET_TIMEOUT: Django derives it from the password, the last sign-in and the e-mail
address, and stores nothing (https://docs.djangoproject.com/en/5.2/topics/auth/default/#django.contrib.auth.views.PasswordResetView).
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.tokens import default_token_generator
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from audit.models import AuditEntry
from audit.recording import record

INVITED, ASKED = "user.invited", "user.reset_asked"
AGAIN_AFTER = timedelta(minutes=5)  # one e-mail to the same user


def link_parts(user: User) -> dict[str, str]:
    """For the address of the page behind the link."""
    return {
        "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
        "token": default_token_generator.make_token(user),
    }


def days_of_link() -> int:
    return max(1, settings.PASSWORD_RESET_TIMEOUT // 86400)


def invite(user: User) -> dict[str, str]:
    """Somebody who manages users makes a link for this one. Returns the parts of its address."""
    record(INVITED, user)
    return link_parts(user)


def users_with_address(address: str) -> list[User]:
    """Those who may have an e-mail with a link sent to this address now, each to his own. Recorded.

    Not users without a password, who were invited or sign in elsewhere; nor one who was sent an e-mail just now.
    """
    long_ago = timezone.now() - AGAIN_AFTER
    found = User.objects.filter(email__iexact=address, is_active=True)
    chosen = []
    for user in found:
        lately = AuditEntry.objects.filter(
            action=ASKED, object_kind="auth.user", object_id=str(user.pk), at__gte=long_ago
        )
        if user.has_usable_password() and not lately.exists():
            record(ASKED, user)
            chosen.append(user)
    return chosen


# --- Who may manage whom


def may_manage(actor: Any, user: User) -> bool:
    """A superuser everybody; others those below them: who may do less than they, and nothing that they may not, also
    once an account that is off is on again."""
    if actor.is_superuser:
        return True
    given = Permission.objects.filter(Q(user=user) | Q(group__user=user))
    return not user.is_superuser and user.pk != actor.pk and _names(given) < actor.get_all_permissions()


def may_give(actor: Any, group: Group) -> bool:
    """Whether the actor may put others into this group."""
    return bool(actor.is_superuser) or _names(group.permissions.all()) < actor.get_all_permissions()


def _names(permissions: QuerySet[Permission]) -> set[str]:
    rows = permissions.order_by().values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}
