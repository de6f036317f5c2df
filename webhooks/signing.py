"""Secrets of endpoints, and the signatures that a receiver checks with them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from core.encryption import SecretDict, Unreadable
from webhooks.models import SIGNING_SECRETS, Endpoint

PREFIX = "whsec_"
BYTES = 32  # the specification asks for 24 to 64
OVERLAP = timedelta(days=1)  # for which an earlier secret still signs


class UnreadableSecret(Exception):
    """What is stored was encrypted with a key that is not in FIELD_ENCRYPTION_KEY, or is no secret."""


def new_secret() -> str:
    return PREFIX + b64encode(secrets.token_bytes(BYTES)).decode()


def first_secret() -> tuple[str, SecretDict]:
    """A new secret, and what a new endpoint stores of it."""
    secret = new_secret()
    return secret, _stored([{"secret": secret, "until": None}])


def rotated(stored: Any, now: datetime) -> tuple[str, SecretDict]:
    """A new secret, and what to store: it comes first, and those before sign for another day.

    What cannot be read is replaced: no receiver can be told by it any more.
    """
    secret = new_secret()
    until = (now + OVERLAP).isoformat()
    before = [
        {"secret": kept["secret"], "until": kept["until"] or until}
        for kept in ([] if isinstance(stored, Unreadable) else (stored or {}).get(SIGNING_SECRETS, ()))
        if not _has_ended(kept, now)
    ]
    return secret, _stored([{"secret": secret, "until": None}, *before])


def valid_secrets(endpoint: Endpoint, now: datetime) -> list[str]:
    """Those that sign now, the current one first. Raises UnreadableSecret where there is none to be read."""
    stored: Any = endpoint.signing_secrets or {}
    found = [kept["secret"] for kept in stored.get(SIGNING_SECRETS, ()) if not _has_ended(kept, now)]
    if not found:
        raise UnreadableSecret
    return found


def signed_headers(signing: Iterable[str], message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers of the specification. `now` is the time of the attempt, which receivers compare with theirs."""
    timestamp = str(int(now.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = (f"v1,{b64encode(_hmac(secret, content)).decode()}" for secret in signing)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def _hmac(secret: str, content: bytes) -> bytes:
    return hmac.digest(b64decode(secret.removeprefix(PREFIX)), content, hashlib.sha256)


def _has_ended(kept: dict[str, Any], now: datetime) -> bool:
    return kept["until"] is not None and datetime.fromisoformat(kept["until"]) <= now


def _stored(kept: list[dict[str, Any]]) -> SecretDict:
    return SecretDict({SIGNING_SECRETS: kept})
