"""Which passwords are taken, how long they are good, and which must be changed before anything else is done.

The last PASSWORD_HISTORY hashes of each user are kept (`PasswordRecord`), the newest with its time, whoever sets a
password: a form, a command, a shell. A queryset's `update` goes past that.
"""

import hashlib
from collections.abc import Collection, Iterable
from datetime import timedelta
from io import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user_model
from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ValidationError
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.models import PasswordRecord
from access.oidc.session import is_by_provider

DUE = "password_to_change"  # in a session
SHA1_DIGITS = 40


class SeveralKinds:
    """Small letters, capitals, digits, others: at least three of the four."""

    LEAST = 3

    def validate(self, password: str, user: Any = None) -> None:
        kinds = (
            any(each.islower() for each in password),
            any(each.isupper() for each in password),
            any(each.isdigit() for each in password),
            any(not each.isalnum() for each in password),
        )
        if sum(kinds) < self.LEAST:
            raise ValidationError(self.get_help_text(), code="password_of_few_kinds")

    def get_help_text(self) -> str:
        return _(
            "Your password must have three of these four: small letters, capital letters, digits, other characters."
        )


class NotUsedBefore:
    """None of the last PASSWORD_HISTORY ones, the present one among them."""

    def validate(self, password: str, user: Any = None) -> None:
        if not settings.PASSWORD_HISTORY or user is None or not user.pk:
            return
        if any(check_password(password, encoded) for encoded in _encoded(user)):
            raise ValidationError(self.get_help_text(), code="password_used_before")

    def get_help_text(self) -> str:
        count = settings.PASSWORD_HISTORY
        if not count:
            return ""
        text = ngettext(
            "Your password cannot be the last one that you had.",
            "Your password cannot be one of the last %(n)d that you had.",
            count,
        )
        return text % {"n": count}


def _encoded(user: Any) -> Iterable[str]:
    stored = PasswordRecord.objects.filter(user=user).order_by("-pk").values_list("encoded", flat=True)
    return {user.password, *stored[: settings.PASSWORD_HISTORY]} - {""}


class NotBreached:
    """Where PASSWORD_BREACHED_LIST names a file: lines that begin with the SHA-1 of a password, sorted, as the
    downloader of Have I Been Pwned writes them."""

    def validate(self, password: str, user: Any = None) -> None:
        if not settings.PASSWORD_BREACHED_LIST:
            return
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            with Path(settings.PASSWORD_BREACHED_LIST).open("rb") as file:
                is_listed = _holds(file, digest.encode())
        except OSError as error:
            text = _(
                "The list of breached passwords cannot be read, so no password can be set now. Whoever runs OMS: see "
                "PASSWORD_BREACHED_LIST."
            )
            raise ValidationError(text, code="no_list_of_breached_passwords") from error
        if is_listed:
            text = _(
                "This password is in a list of passwords that were stolen somewhere. Choose another one."
            )
            raise ValidationError(text, code="password_breached")

    def get_help_text(self) -> str:
        return ""


def _holds(file: BinaryIO, digest: bytes) -> bool:
    """Whether a line of this sorted file begins with `digest`. Some forty short reads, however long it is."""
    low, high = 0, file.seek(0, SEEK_END)
    while low < high:
        middle = (low + high) // 2
        line = _line_from(file, middle)
        if line and line[:SHA1_DIGITS].upper() < digest:
            low = middle + 1
        else:
            high = middle
    return _line_from(file, low)[:SHA1_DIGITS].upper() == digest


def _line_from(file: BinaryIO, place: int) -> bytes:
    """The first line that begins at `place` or after it; empty at the end."""
    file.seek(max(place - 1, 0))
    if place:
        file.readline()
    return file.readline()


# --- What is known of them


def keep_password(instance: Any, raw: bool, update_fields: Collection[str] | None, **_signal: Any) -> None:
    """Receiver of post_save of a user."""
    if (
        raw
        or not (update_fields is None or "password" in update_fields)
        or not instance.has_usable_password()
    ):
        return
    newest = _newest(instance)
    if newest is not None and newest.encoded == instance.password:
        return
    if newest is not None and is_same_password(newest.encoded, instance, update_fields):
        PasswordRecord.objects.filter(pk=newest.pk).update(encoded=instance.password)
        return
    PasswordRecord.objects.create(user=instance, encoded=instance.password, set_at=timezone.now())
    if newest is not None:
        _forget_old_ones(instance)


def is_same_password(before: str, user: Any, update_fields: Collection[str] | None) -> bool:
    """Whether a log-in has only hashed the password anew, as a later Django asks for. It says so by having no password
    in hand and by writing nothing else (AbstractBaseUser.check_password)."""
    if user._password is not None or set(update_fields or ()) != {"password"}:
        return False
    try:
        hasher, preferred = identify_hasher(before), get_hasher("default")
    except ValueError:
        return False
    return hasher.algorithm != preferred.algorithm or preferred.must_update(before)


def _forget_old_ones(user: Any) -> None:
    pks = PasswordRecord.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)
    kept = list(pks[: max(settings.PASSWORD_HISTORY, 1)])
    PasswordRecord.objects.filter(user=user, pk__lt=kept[-1]).delete()


def _newest(user: Any) -> PasswordRecord | None:
    return PasswordRecord.objects.filter(user=user.pk).order_by("-pk").first()


# --- How long they are good


def why_due(user: Any) -> str:
    """Why this user's password must be changed now: "temporary", "old", or ""."""
    newest = _newest(user)
    if newest is None:
        if user.has_usable_password():  # of unknown age: it begins today
            PasswordRecord.objects.create(user=user, encoded=user.password, set_at=timezone.now())
        return ""
    if newest.is_temporary:
        return "temporary"
    days = settings.PASSWORD_MAX_AGE_DAYS
    return "old" if days and newest.set_at < timezone.now() - timedelta(days=days) else ""


def days_until_change(user: Any) -> int:
    """After how many days the user may change the password himself; 0: now. Whoever could change it again and again
    would soon have the old one back."""
    newest = _newest(user)
    if newest is None or why_due(user):
        return 0
    good_for = newest.set_at + timedelta(days=settings.PASSWORD_MIN_AGE_DAYS) - timezone.now()
    return max(0, -(-good_for // timedelta(days=1)))


def make_temporary(user: Any) -> None:
    """Somebody else knows the password: it must be changed at the next sign-in."""
    if newest := _newest(user):
        PasswordRecord.objects.filter(pk=newest.pk).update(is_temporary=True)


# --- What a session knows of it


def connect() -> None:
    post_save.connect(keep_password, sender=get_user_model(), dispatch_uid="access.keep_password")
    user_logged_in.connect(_remember, dispatch_uid="access.passwords")


def _remember(request: HttpRequest, user: Any, **_signal: Any) -> None:
    """Beside the hash that Django keeps of the password: with another password, it says nothing any more."""
    request.session.pop(DUE, None)
    if is_by_provider(request.session):  # with no password at all
        return
    if reason := why_due(user):
        request.session[DUE] = [request.session.get(HASH_SESSION_KEY), reason]


def due_in(session: Any) -> str:
    """Why the password must be changed before this session is good for anything else; "": it need not."""
    digest, reason = session.get(DUE) or (None, "")
    return reason if reason and digest == session.get(HASH_SESSION_KEY) else ""
