"""Whether somebody tries to get in: what the audit says of the last hour, in numbers and in sentences without names."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.models import AuditEntry

SPAN = timedelta(hours=1)
FAILED = Q(action__in=("login.failed", "factor.failed"))
LOCKED = Q(action="login.locked")
REFUSED = Q(action="token.locked")
GUESSED = Q(action="token.guessed")


@dataclass(frozen=True, slots=True)
class Attempts:
    """`failed`: sign-ins with a wrong name, password or code. `locks`: how often an account or an address was
    locked, in `accounts` users' accounts. `addresses`: from how many the API took no more tokens to try."""

    failed: int
    locks: int
    accounts: int
    addresses: int
    tokens: int  # whose beginning somebody knows


def attempts_before(now: datetime) -> Attempts:
    """Those of the hour before. One query. Raises DatabaseError."""
    # By the time alone: SQLite would rather read all failures of two years by the index of actions than one hour.
    recent = AuditEntry.objects.filter(at__gt=now - SPAN).order_by()
    return Attempts(
        **recent.aggregate(
            failed=Count("pk", filter=FAILED),
            locks=Count("pk", filter=LOCKED),
            accounts=Count("object_id", filter=LOCKED & ~Q(object_id=""), distinct=True),
            addresses=Count("address", filter=REFUSED, distinct=True),
            tokens=Count("object_id", filter=GUESSED, distinct=True),
        )
    )


def locked_line(found: Attempts) -> str:
    text = ngettext(
        "In the last hour, an account or address was locked %(count)s time after too many failed sign-ins.",
        "In the last hour, accounts or addresses were locked %(count)s times after too many failed sign-ins.",
        found.locks,
    ) % {"count": number_format(found.locks)}
    if not found.accounts:
        nobody = _("No account of a user is among them.")
        return f"{text} {nobody}"
    whose = ngettext("%(count)s user is concerned.", "%(count)s users are concerned.", found.accounts)
    return f"{text} {whose % {'count': number_format(found.accounts)}}"


def failed_line(found: Attempts) -> str:
    text = ngettext(
        "In the last hour, %(count)s attempt to sign in has failed. The audit says whose and from where.",
        "In the last hour, %(count)s attempts to sign in have failed. The audit says whose and from where.",
        found.failed,
    )
    return text % {"count": number_format(found.failed)}


def refused_line(found: Attempts) -> str:
    text = ngettext(
        "In the last hour, the API refused %(count)s address after too many requests without a valid token. Somebody "
        "guesses tokens, or a program uses one that has ended.",
        "In the last hour, the API refused %(count)s addresses after too many requests without a valid token. Somebody "
        "guesses tokens, or a program uses one that has ended.",
        found.addresses,
    )
    return text % {"count": number_format(found.addresses)}


def administrators_line(count: int) -> str:
    text = ngettext(
        "In the last day, %(count)s user has become an administrator: a superuser, or somebody who may change users or "
        "groups. The audit says who. If you did not expect it, deactivate the user.",
        "In the last day, %(count)s users have become administrators: superusers, or people who may change users or "
        "groups. The audit says who. If you did not expect it, deactivate them.",
        count,
    )
    return text % {"count": number_format(count)}


def guessed_line(found: Attempts) -> str:
    text = ngettext(
        "In the last hour, a wrong token was sent to the API that begins like %(count)s of yours: somebody knows a "
        "part of it. It works still. The audit says which one; revoke it, and make another.",
        "In the last hour, wrong tokens were sent to the API that begin like %(count)s of yours: somebody knows parts "
        "of them. They work still. The audit says which ones; revoke them, and make others.",
        found.tokens,
    )
    return text % {"count": number_format(found.tokens)}
