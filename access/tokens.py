"""Making, finding and ending tokens of the REST API."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import CONSTANTS

from access.models import ApiToken, Scope
from core.database.retry import DATABASE_ERRORS
from core.text import is_storable
from platforms.models import Platform

logger = logging.getLogger(__name__)

DEFAULT_SCOPES = (Scope.READ, Scope.SYNC, Scope.MANAGE)  # buyer data only where it is asked for
DEFAULT_DAYS = 90
MOST_DAYS = 3650
NOTED_EVERY = 60  # seconds between two notes of a token's use
EXPIRED_KEPT = timedelta(days=30)
MOST_REMEMBERED = 10_000  # tokens whose last note a process remembers

_noted: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class NewToken:
    """`text` is what a program sends. It is stored nowhere."""

    details: ApiToken
    text: str


@transaction.atomic
def make_token(
    user: Any,
    *,
    name: str,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    platform_ids: Iterable[int] | None = None,
    days: int = DEFAULT_DAYS,
) -> NewToken:
    """A token of `user` that ends after `days`; 0: it does not. Without `platform_ids`, it is for all platforms."""
    stored, text = AuthToken.objects.create(user, expiry=timedelta(days=days) if days else None)
    details = ApiToken.objects.create(
        token=stored,
        name=name,
        scopes=[scope.value for scope in Scope if scope in set(scopes)],
        platform_ids=None if platform_ids is None else sorted(set(platform_ids)),
    )
    return NewToken(details, text)


def find_token(text: str) -> ApiToken | None:
    """The token that a program sent, expired or not; None where there is none."""
    return all_tokens().filter(token=hash_token(text)).first()


def begins_like(text: str) -> ApiToken | None:
    """A token whose beginning this has, all of what knox keeps of it in clear: nobody has that by chance (60 bits)."""
    beginning = text[: CONSTANTS.TOKEN_KEY_LENGTH]
    if len(beginning) < CONSTANTS.TOKEN_KEY_LENGTH or not is_storable(beginning):
        return None
    return all_tokens().filter(token__token_key=beginning).first()


def all_tokens() -> QuerySet[ApiToken]:
    return ApiToken.objects.select_related("token__user")


def revoke(details: Iterable[ApiToken]) -> int:
    """End these tokens at once. Returns how many there were."""
    _count, by_model = AuthToken.objects.filter(pk__in=[each.token_id for each in details]).delete()
    return int(by_model.get(AuthToken._meta.label, 0))


def revoke_all_of(user_id: int) -> None:
    AuthToken.objects.filter(user=user_id).delete()


def prune_expired() -> None:
    """Delete tokens that ended a while ago; until then, whoever sends one is told that it has expired. Raises
    DatabaseError."""
    AuthToken.objects.filter(expiry__lt=timezone.now() - EXPIRED_KEPT).delete()


def note_use(details: ApiToken, address: str) -> None:
    """Remember when and from where a token was used: at most one write in a minute for each token.

    A process tries that once a minute, whatever comes of it: a database that takes no writes now, or lets them wait,
    must not slow every reader down. A request is answered without the note, too.
    """
    now, moment = time.monotonic(), timezone.now()
    before = _noted.get(details.token_id)
    if (before is not None and now - before < NOTED_EVERY) or not _is_due(details.last_used_at, moment):
        return
    if len(_noted) >= MOST_REMEMBERED:
        _noted.clear()
    _noted[details.token_id] = now
    due = Q(last_used_at=None) | Q(last_used_at__lte=moment - timedelta(seconds=NOTED_EVERY))
    try:
        ApiToken.objects.filter(due, pk=details.pk).update(last_used_at=moment, last_used_from=address)
    except DATABASE_ERRORS as error:
        logger.warning("The use of the API token %s could not be noted: %s", details.pk, error)


def _is_due(last: datetime | None, now: datetime) -> bool:
    return last is None or now - last >= timedelta(seconds=NOTED_EVERY)


def platform_names(details: Iterable[ApiToken]) -> dict[int, str]:
    """The names of the platforms that these tokens are confined to, by id. At most one query."""
    ids = {pk for each in details for pk in each.platform_ids or ()}
    return dict(Platform.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def as_json(details: ApiToken, names: dict[int, str]) -> dict[str, Any]:
    """What is known of a token, without it. `names` are those of `platform_names`."""
    of = details.platform_ids
    return {
        "id": details.pk,
        "name": details.name,
        "user": details.user.get_username(),
        "scopes": details.scopes,
        "platforms": None if of is None else [names[pk] for pk in of if pk in names],
        "created_at": _text(details.token.created),
        "expires_at": _text(details.expires_at),
        "is_expired": details.is_expired,
        "last_used_at": _text(details.last_used_at),
        "last_used_from": details.last_used_from,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
