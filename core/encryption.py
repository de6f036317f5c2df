"""Encrypted JSON in one text column.

Such a column can hold three kinds of text, and all three must be safe:

1. What we encrypted (a Fernet token).
2. Plain JSON that somebody wrote with SQL. It is read like any other value, and encrypted at the next save.
3. What we cannot read: a token of a key that is no longer configured, or text that is no JSON object. It is
   kept as it is, never shown, and never overwritten by a save that did not replace it on purpose.
"""

import hashlib
import json
from base64 import urlsafe_b64decode
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

if TYPE_CHECKING:
    from django.db.models import TextField

    EncryptedTextField = TextField[object, "SecretDict"]
else:
    from encrypted_model_fields.fields import EncryptedTextField

FERNET_PREFIX = "gAAAA"  # version byte 0x80 and the high bytes of a time stamp: every Fernet token until 2106


class SecretDict(dict[str, Any]):
    """A dict whose repr shows its keys alone, so that no traceback or debug page prints a secret.

    `was_plain` is true where the column held unencrypted JSON.
    """

    was_plain = False

    def __repr__(self) -> str:
        return f"<SecretDict with {', '.join(sorted(map(str, self))) or 'nothing'}>"

    __str__ = __repr__


class Unreadable(SecretDict):
    """The value of a column that could not be read: an empty dict that remembers what to write back."""

    def __init__(self, stored: str, reason: str) -> None:
        super().__init__()
        self.stored = stored
        self.reason = reason


@lru_cache(maxsize=8)
def _crypter(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def crypter() -> MultiFernet:
    """The first of FIELD_ENCRYPTION_KEY encrypts, all of them decrypt."""
    return _crypter(tuple(settings.FIELD_ENCRYPTION_KEY))


def keyed_digests(data: bytes, *, purpose: str) -> list[str]:
    """Tells one secret from another without revealing it, and without letting anybody check a guess.

    One digest for each key of FIELD_ENCRYPTION_KEY, in their order: the first is the one to keep, the others are what
    was kept before that key became the first. Digests of two purposes have nothing in common.
    """
    return [
        hashlib.blake2b(data, digest_size=32, key=_digest_key(key, purpose)).hexdigest()
        for key in settings.FIELD_ENCRYPTION_KEY
    ]


def keyed_digest(data: bytes, *, purpose: str) -> str:
    """The digest with the first key: the first of `keyed_digests`."""
    key = _digest_key(settings.FIELD_ENCRYPTION_KEY[0], purpose)
    return hashlib.blake2b(data, digest_size=32, key=key).hexdigest()


@lru_cache(maxsize=32)
def _digest_key(key: str, purpose: str) -> bytes:
    """A separate key, from which the encryption key cannot be derived. https://www.rfc-editor.org/rfc/rfc5869"""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"oms digest {purpose}".encode())
    return derive.derive(urlsafe_b64decode(key))


def read_stored(stored: str | None) -> SecretDict:
    """What a column means: its dict, or `Unreadable`. Never raises, so that lists of rows can be shown."""
    if not stored:
        return SecretDict()
    text = stored
    if stored.startswith(FERNET_PREFIX):
        try:
            text = crypter().decrypt(stored.encode()).decode()
        except InvalidToken:
            return Unreadable(stored, "it was encrypted with a key that is not in FIELD_ENCRYPTION_KEY")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Unreadable(stored, "it is neither encrypted nor JSON")
    if not isinstance(value, dict):
        return Unreadable(stored, "it is JSON, but not a JSON object ({…})")
    secret = SecretDict(value)
    secret.was_plain = text is stored
    return secret


class SecretAttribute(DeferredAttribute):
    """Turns every dict that is assigned into a SecretDict at once, so that it hides its values even before it is
    saved."""

    def __set__(self, instance: Any, value: Any) -> None:
        name: str = self.field.attname
        instance.__dict__[name] = SecretDict(value) if type(value) is dict else value


class EncryptedJSONField(EncryptedTextField):
    """A dict, stored as encrypted JSON text. See the module's docstring for what the column may hold."""

    descriptor_class = SecretAttribute

    def from_db_value(self, value: str | None, *args: Any, **kwargs: Any) -> SecretDict:
        return read_stored(value)

    def to_python(self, value: Any) -> SecretDict:
        if value is None:
            return SecretDict()
        if isinstance(value, SecretDict):
            return value
        if isinstance(value, dict):
            return SecretDict(value)
        raise ValidationError("It must be a JSON object ({…}).", code="invalid")

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> str:
        value = self.to_python(value)
        if isinstance(value, Unreadable):
            return value.stored
        text = json.dumps(value, ensure_ascii=False)
        return crypter().encrypt(text.encode()).decode()

    def get_lookup(self, lookup_name: str) -> Any:
        """NULL alone can be asked for: Django raises FieldError for any other lookup.

        A column may hold plain JSON for a while, and each answer to `contains` would tell a letter of it.
        """
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_transform(self, lookup_name: str) -> None:
        return None

    def value_to_string(self, obj: Any) -> str:
        raise TypeError("Encrypted values are never serialised: dump the database instead.")
