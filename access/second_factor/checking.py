"""Whether a code is right. Each is accepted once, and after five wrong ones nobody tries for a quarter of an hour."""

import logging
import time
from datetime import timedelta
from enum import Enum, auto

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from access.second_factor.codes import digest, is_from_app, matching_step, plain
from access.second_factor.models import Factor, RecoveryCode
from audit.recording import record
from audit.summing import record_sum
from core.encryption import Unreadable

logger = logging.getLogger(__name__)

MOST_FAILURES = 5
WAIT = timedelta(minutes=15)


class Outcome(Enum):
    PASSED = auto()
    WRONG = auto()  # or used before
    TOO_MANY = auto()  # the code was not looked at
    UNREADABLE = auto()  # the secret was encrypted with another key; recovery codes still help
    EXPIRED = auto()  # of a passkey: what it signed is no longer waited for


def check_code(factor: Factor, text: str) -> Outcome:
    """Take a code of the app, or a recovery code. Failures are recorded."""
    if not may_try(factor):
        return Outcome.TOO_MANY
    code = plain(text)
    is_totp = is_from_app(code) and factor.has_app
    if is_totp and isinstance(factor.data, Unreadable):
        logger.error("The second factor of user %s cannot be read: %s", factor.user_id, factor.data.reason)
        return Outcome.UNREADABLE
    if _accept_from_app(factor, code) if is_totp else _accept_recovery_code(factor, code):
        succeeded(factor)
        return Outcome.PASSED
    record("factor.failed", factor.user)
    return Outcome.WRONG


def may_try(factor: Factor) -> bool:
    """Counts the attempt before the code is looked at: attempts at the same moment do not get past the limit together.
    What is refused does not count, so the wait ends by itself."""
    now, rows = timezone.now(), Factor.objects.filter(pk=factor.pk)
    rows.filter(failed_at__lte=now - WAIT).update(failures=0, failed_at=None)
    allowed = Q(failures__lt=MOST_FAILURES)
    if rows.filter(allowed).update(failures=F("failures") + 1, failed_at=now):
        return True
    record_sum("factor.refused", factor.user, of=f"factor {factor.pk}")
    return False


def succeeded(factor: Factor) -> None:
    """Forget the failures before."""
    Factor.objects.filter(pk=factor.pk).update(failures=0, failed_at=None)


def _accept_from_app(factor: Factor, code: str) -> bool:
    """Compare-and-set: of two requests with the same code, one passes."""
    step = matching_step(factor.data["secret"], code, time.time())
    if step is None:
        return False
    return bool(Factor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step))


@transaction.atomic
def _accept_recovery_code(factor: Factor, code: str) -> bool:
    used, _by_model = RecoveryCode.objects.filter(factor=factor, digest=digest(code)).delete()
    if used:
        record("factor.code_used", factor.user, changes={"left": factor.recovery_codes.count()})
    return bool(used)
