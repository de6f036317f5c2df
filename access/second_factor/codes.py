"""Codes: how they are made and compared. Knows no database."""

import hashlib
import secrets
from base64 import b32decode, b32encode

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

ISSUER = "OMS"
DIGITS, STEP = 6, 30  # what every app takes; seconds
TOLERANCE = 1  # steps that a clock may be off
SECRET_BYTES = 20  # https://www.rfc-editor.org/rfc/rfc4226#section-4
RECOVERY_CODES, RECOVERY_BYTES = 10, 10


def new_secret() -> str:
    """In base32, as a person types it into an app."""
    return b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address_for_apps(secret: str, account: str) -> str:
    """What the QR code says: otpauth://totp/…"""
    return _totp(secret).get_provisioning_uri(account, ISSUER)


def matching_step(secret: str, code: str, now: float) -> int | None:
    """The time step of which this is the code, the current one or one beside it; None where it is wrong."""
    totp, current, found = _totp(secret), int(now) // STEP, None
    for step in range(current - TOLERANCE, current + TOLERANCE + 1):
        if bytes_eq(totp.generate(step * STEP), code.encode()):
            found = step
    return found


def _totp(secret: str) -> TOTP:
    # SHA-1 is what apps support; HMAC does not depend on its resistance to collisions.
    return TOTP(b32decode(secret), DIGITS, SHA1(), STEP)  # noqa: S303


def is_from_app(text: str) -> bool:
    """Whether it looks like a code of an app, and not like a recovery code."""
    return text.isascii() and text.isdecimal() and len(text) == DIGITS


def plain(text: str) -> str:
    """A code without what people and apps put between its parts."""
    return "".join(text.split()).replace("-", "").upper()


def new_recovery_codes() -> list[str]:
    texts = (b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _count in range(RECOVERY_CODES))
    return ["-".join(text[start : start + 4] for start in range(0, len(text), 4)) for text in texts]


def digest(recovery_code: str) -> str:
    return hashlib.sha256(plain(recovery_code).encode()).hexdigest()
