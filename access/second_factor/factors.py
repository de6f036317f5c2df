"""Adding and removing the factor of a user. Each is recorded in its transaction."""

import time
from typing import Any

from django.db import transaction

from access.second_factor.codes import digest, matching_step, new_recovery_codes, plain
from access.second_factor.models import Factor, RecoveryCode
from audit.recording import record


def factor_of(user: Any) -> Factor | None:
    found: Factor | None = getattr(user, "second_factor", None)
    return found


@transaction.atomic
def add_factor(user: Any, secret: str, code: str) -> list[str] | None:
    """Store the secret once the user's app has shown that it knows it. Returns the recovery codes, which are stored as
    hashes alone; None where the code is wrong. Raises IntegrityError where the user has a factor."""
    step = matching_step(secret, plain(code), time.time())
    if step is None:
        return None
    factor = Factor.objects.create(user=user, data={"secret": secret}, last_step=step)
    user.second_factor = factor
    record("factor.added", user)
    return _replace_codes(factor)


@transaction.atomic
def renew_codes(factor: Factor) -> list[str]:
    """The recovery codes that there were no longer help."""
    record("factor.codes_renewed", factor.user)
    return _replace_codes(factor)


def _replace_codes(factor: Factor) -> list[str]:
    factor.recovery_codes.all().delete()
    codes = new_recovery_codes()
    RecoveryCode.objects.bulk_create(RecoveryCode(factor=factor, digest=digest(code)) for code in codes)
    return codes


@transaction.atomic
def remove_factor(user: Any, *, action: str = "factor.removed") -> bool:
    """Whether there was one. The user signs in with the password alone, and sets another one up where it is needed."""
    removed, _by_model = Factor.objects.filter(user=user).delete()
    if removed:
        record(action, user)
        user._state.fields_cache.pop("second_factor", None)
    return bool(removed)
