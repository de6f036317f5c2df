"""Whose account somebody has here who is signed in at the provider: by issuer and subject, which never change and are
never given to anybody else. A name or an e-mail address connects nobody: at many providers people choose these."""

import hashlib
import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from access.models import OidcIdentity
from access.oidc.problems import NotSignedIn, Problem
from access.signed_in import end_all_of
from audit.recording import record
from core.text import storable_text

logger = logging.getLogger(__name__)


def user_for(claims: dict[str, Any]) -> User:
    """The user, made where OIDC_CREATE_USERS allows it, with the groups that the claims say. Raises NotSignedIn."""
    _require(claims)
    values = values_of(claims, settings.OIDC_GROUPS_CLAIM)
    user = _connected(claims)
    if user is not None and not user.is_active:
        raise NotSignedIn(Problem.INACTIVE, user=user)
    if user is not None:
        _set_rights(user, values)
    if settings.OIDC_GROUPS and not _is_mapped(values):
        raise NotSignedIn(Problem.NO_GROUP, user=user, subject=claims["sub"])
    if user is not None and not user.is_staff:  # who only uses the API
        raise NotSignedIn(Problem.INACTIVE, user=user)
    return user or _make(claims, values)


def _require(claims: dict[str, Any]) -> None:
    """Each claim of OIDC_REQUIRE has one of the values that are named for it."""
    wanted: dict[str, set[str]] = {}
    for name, value in settings.OIDC_REQUIRE:
        wanted.setdefault(name, set()).add(value)
    for name, allowed in wanted.items():
        if not allowed & values_of(claims, name):
            raise NotSignedIn(Problem.NOT_ALLOWED, name, subject=claims["sub"])


def values_of(claims: dict[str, Any], name: str) -> set[str]:
    """The texts of a claim, one or a list; `realm_access.roles` is also one within another."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    listed = found if isinstance(found, list) else [found]
    return {str(each) for each in listed if isinstance(each, str | int)}


def _is_mapped(values: set[str]) -> bool:
    return bool(values & ({value for value, _group in settings.OIDC_GROUPS} | settings.OIDC_SUPERUSERS))


def digest(issuer: str, subject: str) -> str:
    """Upper and lower case differ, whatever a database makes of them."""
    return hashlib.sha256(f"{issuer}\n{subject}".encode("utf-8", "surrogatepass")).hexdigest()


def _connected(claims: dict[str, Any]) -> User | None:
    row = (
        OidcIdentity.objects.select_related("user__second_factor")
        .filter(digest=digest(settings.OIDC_ISSUER, claims["sub"]))
        .first()
    )
    return row.user if row else None


def is_connected(user: Any) -> bool:
    """Whether this user signs in at the provider of today."""
    return (
        bool(settings.OIDC_ISSUER)
        and OidcIdentity.objects.filter(user=user.pk, issuer=settings.OIDC_ISSUER).exists()
    )


def connect(user: User, subject: str) -> OidcIdentity:
    """From now on, whoever the provider calls `subject` is this user. Raises IntegrityError where he is another one, or
    the user has somebody."""
    with transaction.atomic():
        identity = OidcIdentity.objects.create(
            user=user,
            issuer=settings.OIDC_ISSUER,
            subject=subject,
            digest=digest(settings.OIDC_ISSUER, subject),
        )
        record("oidc.connected", user, changes={"issuer": settings.OIDC_ISSUER, "subject": subject})
    return identity


def disconnect(user: User) -> bool:
    """From now on, nobody signs in at the provider as this user, and all sessions of the user end. False where there
    was nothing to disconnect."""
    with transaction.atomic():
        count, _by_model = OidcIdentity.objects.filter(user=user).delete()
        if count:
            record("oidc.disconnected", user)
            end_all_of(user.pk)
    return bool(count)


def _make(claims: dict[str, Any], values: set[str]) -> User:
    """A user without a password, who may sign in to the admin."""
    name, subject = _name(claims), claims["sub"]
    if not settings.OIDC_CREATE_USERS:
        raise NotSignedIn(Problem.UNKNOWN, subject=subject, name=name)
    if User.objects.filter(username__iexact=name).exists():
        raise NotSignedIn(Problem.NAME_TAKEN, subject=subject, name=name)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                name,
                email=_text(claims, "email", 254),
                is_staff=True,
                first_name=_text(claims, "given_name", 150),
                last_name=_text(claims, "family_name", 150),
            )
            connect(user, subject)
            _set_rights(user, values)
    except IntegrityError as error:  # at the same moment
        raise NotSignedIn(Problem.NAME_TAKEN, subject=subject, name=name) from error
    return user


def _name(claims: dict[str, Any]) -> str:
    for claim in (settings.OIDC_USERNAME_CLAIM, "email"):
        name = _text(claims, claim, 150)
        try:
            User._meta.get_field("username").clean(name, None)
        except ValidationError:
            continue
        return name
    return f"oidc-{digest(settings.OIDC_ISSUER, claims['sub'])[:12]}"


def _text(claims: dict[str, Any], name: str, longest: int) -> str:
    found = claims.get(name)
    return storable_text(found).strip()[:longest] if isinstance(found, str) else ""


def _set_rights(user: User, values: set[str]) -> None:
    """Groups that OIDC_GROUPS names are those of the claims; others stay as they are. Who is a superuser changes only
    where OIDC_SUPERUSERS says who is one."""
    if settings.OIDC_GROUPS:
        mapped = _groups({group for _value, group in settings.OIDC_GROUPS})
        wanted = {group for value, group in settings.OIDC_GROUPS if value in values}
        has = set(user.groups.filter(pk__in=[group.pk for group in mapped]).values_list("name", flat=True))
        if more := [group for group in mapped if group.name in wanted - has]:
            user.groups.add(*more)
        if fewer := [group for group in mapped if group.name in has - wanted]:
            user.groups.remove(*fewer)
    is_superuser = bool(values & settings.OIDC_SUPERUSERS)
    if settings.OIDC_SUPERUSERS and user.is_superuser != is_superuser:
        user.is_superuser = is_superuser
        user.save(update_fields=["is_superuser"])


def _groups(names: Iterable[str]) -> list[Group]:
    names = set(names)
    found = list(Group.objects.filter(name__in=names))
    if missing := sorted(names - {group.name for group in found}):
        logger.warning(
            "OIDC_GROUPS names groups that are not there: %s. Nobody joins them.", ", ".join(missing)
        )
    return found
