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

from access.oidc.people import is_connected
from audit.models import AuditEntry
from audit.recording import record

INVITED, ASKED = "user.invited", "user.reset_asked"
AGAIN_AFTER = timedelta(minutes=5)  # one e-mail to the same user
DAY, MOST_A_DAY = timedelta(days=1), 10  # so that nobody fills another one's mailbox


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

    Not users without a password, who were invited or sign in elsewhere; nor one who was sent an e-mail just now, or
    many of them today.
    """
    found = User.objects.filter(email__iexact=address, is_active=True)
    chosen = []
    for user in found:
        if user.has_usable_password() and not _was_asked_lately(user):
            record(ASKED, user)
            chosen.append(user)
    return chosen


def _was_asked_lately(user: User) -> bool:
    now = timezone.now()
    asked = AuditEntry.objects.filter(
        action=ASKED, object_kind="auth.user", object_id=str(user.pk), at__gte=now - DAY
    )
    times = list(asked.order_by("-at").values_list("at", flat=True)[:MOST_A_DAY])
    return len(times) == MOST_A_DAY or any(at >= now - AGAIN_AFTER for at in times)


# --- Who may manage whom


def may_manage(actor: Any, user: User) -> bool:
    """A superuser everybody; others those below them: who may do less than they, and nothing that they may not, also
    once an account that is off is on again, or its owner has signed in at the provider."""
    if actor.is_superuser:
        return True
    given = Permission.objects.filter(Q(user=user) | Q(group__user=user))
    is_below = not user.is_superuser and user.pk != actor.pk and _names(given) < actor.get_all_permissions()
    return is_below and not (is_connected(user) and provider_may_raise(actor))


def may_give(actor: Any, group: Group) -> bool:
    """Whether the actor may put others into this group."""
    return bool(actor.is_superuser) or _names(group.permissions.all()) < actor.get_all_permissions()


def provider_may_raise(actor: Any) -> bool:
    """Whether signing in at the provider may give users more than the actor may give them."""
    if actor.is_superuser:
        return False
    groups = Group.objects.filter(name__in={group for _value, group in settings.OIDC_GROUPS})
    return bool(settings.OIDC_SUPERUSERS) or not all(may_give(actor, group) for group in groups)


def _names(permissions: QuerySet[Permission]) -> set[str]:
    rows = permissions.order_by().values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}
