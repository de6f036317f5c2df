"""Guessing of passwords and tokens: attempts to sign in are counted by account and by address, wrong tokens of the API
by address, slowed down, and locked.

An attempt is counted before its password is looked at, and taken back where it was right: attempts at the same moment,
in whatever processes, do not get past the limit together. Half of what is allowed is free; after that each failure
makes the next attempt wait for twice as long (1, 2, 4, … seconds); at the limit nobody signs in for LOGIN_LOCK_MINUTES.
What is refused does not count, so a lock ends by itself, also where somebody goes on trying.

A name that nobody has is counted like an account, so that nobody learns which names there are. Of it and of an address,
only a keyed hash is stored.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from access.models import LoginFailures
from audit.recording import record
from core.addresses import client_network
from core.text import is_storable

logger = logging.getLogger(__name__)

KEPT = timedelta(days=1)
TOKENS = "tokens"  # the beginning of the key of an address that sends wrong ones to the API


class Refused(Exception):
    """No password is looked at before `until`; `is_locked`: it is more than a short wait. `key`: of the count that says
    so, "" where this attempt was looked at; `user`: whose account that count is of."""

    def __init__(self, until: datetime, *, is_locked: bool, key: str = "", user: Any = None) -> None:
        super().__init__(until)
        self.until, self.is_locked, self.key, self.user = until, is_locked, key, user


@dataclass(frozen=True, slots=True)
class _Counted:
    """One attempt in one count: the attempt's time, and that of the one before it."""

    key: str
    limit: int
    count: int
    at: datetime
    before: datetime


class Attempt:
    """To sign in as `name`; None where that is not known before, so that the address alone is counted. Raises Refused
    where it is too early; otherwise `failed` or `succeeded` follows."""

    def __init__(self, request: HttpRequest | None, name: str | None) -> None:
        self._user = _user_called(name or "")
        address = client_network(request) if request is not None else ""
        counts = []
        if name is not None:
            account = f"user {self._user.pk}" if self._user else _hidden("name", name.strip().casefold())
            counts.append((account, settings.LOGIN_FAILURES))
        if address:  # over a socket file there is none
            counts.append((_hidden("address", address), settings.LOGIN_FAILURES_PER_ADDRESS))
        self._counted: list[_Counted] = []
        try:
            for key, limit in counts:
                if limit:
                    user = self._user if key.startswith("user ") else None
                    self._counted.append(_count(key, limit, user=user))
        except Refused:
            self._take_back()
            raise

    def failed(self) -> datetime | None:
        """Returns until when nobody may try again, where this failure was one too many."""
        reached = [each for each in self._counted if each.count >= each.limit]
        for each in reached:
            self._record(each)
        return max((each.at + lock_span() for each in reached), default=None)

    def _record(self, counted: _Counted) -> None:
        """What was typed for a name may be a password, so only names of users are written down."""
        is_address = counted.key.startswith("address ")
        facts = {"by": "address" if is_address else "account", "minutes": settings.LOGIN_LOCK_MINUTES}
        record("login.locked", None if is_address else self._user, changes=facts)
        who = "an address" if is_address else f"user {self._user.pk}" if self._user else "an unknown name"
        logger.warning(
            "Signing in is locked for %s for %s minutes, after %s failures.",
            who,
            settings.LOGIN_LOCK_MINUTES,
            counted.count,
        )

    def succeeded(self) -> None:
        """Failures of the account are forgotten; of the address, only this attempt is taken back: others sit there."""
        if self._user:
            LoginFailures.objects.filter(key=f"user {self._user.pk}").delete()
        self._take_back()

    def _take_back(self) -> None:
        for each in self._counted:
            rows = LoginFailures.objects.filter(key=each.key)
            rows.filter(count__gt=0).update(count=F("count") - 1)
            rows.filter(last_at=each.at).update(last_at=each.before)


def _count(key: str, limit: int, *, user: Any = None, last_tried: str = "") -> _Counted:
    """Raises Refused, where it is too early."""
    now = timezone.now()
    row = LoginFailures(key=key, user=user, count=0, last_at=now)
    with transaction.atomic():
        LoginFailures.objects.bulk_create([row], ignore_conflicts=True)
        row = LoginFailures.objects.select_for_update().get(key=key)
        if refused := _refusal(row, limit, now):
            raise refused
        count = _still_counted(row, now) + 1
        LoginFailures.objects.filter(key=key).update(count=count, last_at=now, last_tried=last_tried)
    return _Counted(key, limit, count, now, row.last_at)


def _still_counted(row: LoginFailures, now: datetime) -> int:
    return 0 if row.last_at <= now - lock_span() else row.count


def _refusal(row: LoginFailures, limit: int, now: datetime) -> Refused | None:
    count = _still_counted(row, now)
    until = row.last_at + _wait(count, limit)
    if not count or until <= now:
        return None
    return Refused(until, is_locked=count >= limit, key=row.key, user=row.user)


# --- Tokens of the API


def token_refusal(request: HttpRequest) -> Refused | None:
    """Where so many wrong tokens came from this address that it is too early for another one. One query."""
    limit, key = settings.LOGIN_FAILURES_PER_ADDRESS, _tokens_of(request)
    row = LoginFailures.objects.filter(key=key).first() if limit and key else None
    return _refusal(row, limit, timezone.now()) if row else None


def count_wrong_token(request: HttpRequest, token: str) -> None:
    """A token that is none was sent. The same one again is no guess: a program goes on with one that was revoked."""
    limit, key = settings.LOGIN_FAILURES_PER_ADDRESS, _tokens_of(request)
    if not (limit and key):
        return
    tried = salted_hmac(__name__, token, algorithm="sha256").hexdigest()
    if LoginFailures.objects.filter(key=key, last_tried=tried).exists():
        return
    try:
        counted = _count(key, limit, last_tried=tried)
    except Refused:
        return  # at the same moment; none of them was right
    if counted.count >= limit:
        record("token.locked", changes={"by": "address", "minutes": settings.LOGIN_LOCK_MINUTES})
        logger.warning(
            "The API takes no tokens of an address for %s minutes, after %s wrong ones.",
            settings.LOGIN_LOCK_MINUTES,
            counted.count,
        )


def _tokens_of(request: HttpRequest) -> str:
    """Apart from sign-ins: a program with a wrong token must not lock out the people behind the same address."""
    network = client_network(request)
    return _hidden(TOKENS, network) if network else ""


def lock_span() -> timedelta:
    return timedelta(minutes=settings.LOGIN_LOCK_MINUTES)


def _wait(count: int, limit: int) -> timedelta:
    """After `count` failures, until the next attempt."""
    if count >= limit:
        return lock_span()
    above = count - max(1, limit // 2)
    return min(timedelta(seconds=2 ** min(above, 20)), lock_span()) if above >= 0 else timedelta()


def _user_called(name: str) -> Any:
    """As the database compares names, which may pass over case and accents."""
    model = get_user_model()
    if not name or not is_storable(name):
        return None
    return (
        model._default_manager.filter(**{model.USERNAME_FIELD: name}).only("pk", model.USERNAME_FIELD).first()
    )


def _hidden(kind: str, text: str) -> str:
    return f"{kind} {salted_hmac(__name__, text).hexdigest()}"


def locked() -> Q:
    """Of LoginFailures: accounts of users that are locked now."""
    limit = settings.LOGIN_FAILURES
    return Q(user__isnull=False, count__gte=limit or 1, last_at__gt=timezone.now() - lock_span())


def unlock(users: list[Any], *, addresses: bool = False) -> int:
    """These users may try at once, and, with `addresses`, everybody from every address. Returns how many counts of
    failures were forgotten."""
    which = Q(user__in=users)
    if addresses:
        which |= Q(key__startswith="address ") | Q(key__startswith=f"{TOKENS} ")
    with transaction.atomic():
        forgotten, _by_model = LoginFailures.objects.filter(which).delete()
        for user in users:
            record("login.unlocked", user)
    return forgotten


def prune_failures() -> None:
    """Delete counts of which nothing follows any more. Raises DatabaseError."""
    LoginFailures.objects.filter(last_at__lt=timezone.now() - max(KEPT, lock_span())).delete()
