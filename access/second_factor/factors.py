"""Adding and removing the factor of a user: an app, passkeys, recovery codes. Each is recorded in its transaction."""

import time
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from access.second_factor.codes import digest, matching_step, new_recovery_codes, plain
from access.second_factor.models import Factor, RecoveryCode
from audit.recording import record

LONGEST_ID = 18  # digits of a key, as every database takes it


def factor_of(user: Any) -> Factor | None:
    found: Factor | None = getattr(user, "second_factor", None)
    return found


@transaction.atomic
def add_factor(user: Any, secret: str, code: str) -> list[str] | None:
    """Store the secret once the user's app has shown that it knows it. Returns the recovery codes, which are stored as
    hashes alone: none where the user has some from a passkey before. None where the code is wrong. Raises
    IntegrityError where the user has an app."""
    step = matching_step(secret, plain(code), time.time())
    if step is None:
        return None
    factor, codes = factor_for(user)
    rows = Factor.objects.filter(pk=factor.pk, has_app=False)
    if not rows.update(data={"secret": secret}, has_app=True, last_step=step):
        raise IntegrityError("The user has an app.")
    factor.refresh_from_db()
    user.second_factor = factor
    record("factor.added", user)
    return codes


def factor_for(user: Any) -> tuple[Factor, list[str]]:
    """The factor of a user, to which an app or a passkey is added now; with the recovery codes, where it is new."""
    factor = factor_of(user)
    if factor is not None:
        return factor, []
    factor = Factor.objects.create(user=user, has_app=False)
    user.second_factor = factor
    return factor, _replace_codes(factor)


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
def remove_app(factor: Factor) -> bool:
    """Whether there was one. What is left of the factor are passkeys; without any, it is gone."""
    removed = Factor.objects.filter(pk=factor.pk, has_app=True).update(data={}, has_app=False, last_step=0)
    if removed:
        record("factor.app_removed", factor.user)
        _remove_where_empty(factor)
    return bool(removed)


@transaction.atomic
def remove_passkey(factor: Factor, pk: str) -> bool:
    """Whether the user had this one."""
    passkey = factor.passkeys.filter(pk=pk).first() if pk.isdecimal() and len(pk) <= LONGEST_ID else None
    if passkey is None:
        return False
    passkey.delete()
    record("passkey.removed", factor.user, changes={"name": passkey.name})
    _remove_where_empty(factor)
    return True


def _remove_where_empty(factor: Factor) -> None:
    if not Factor.objects.filter(Q(has_app=True) | Q(passkeys__isnull=False), pk=factor.pk).exists():
        remove_factor(factor.user)


@transaction.atomic
def remove_factor(user: Any, *, action: str = "factor.removed") -> bool:
    """Whether there was one. The user signs in with the password alone, and sets another one up where it is needed."""
    removed, _by_model = Factor.objects.filter(user=user).delete()
    if removed:
        record(action, user)
        user._state.fields_cache.pop("second_factor", None)
    return bool(removed)
