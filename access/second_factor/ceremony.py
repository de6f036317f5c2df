"""The only module that touches the library of WebAuthn: what a browser is asked, and what its answer proves. Knows no
database. The library is imported where it is used: it takes over a tenth of a second, and most processes never need it.

https://www.w3.org/TR/webauthn-2/
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from access.second_factor.relying_party import NAME, RelyingParty

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

TIMEOUT = 120_000  # milliseconds that a browser waits for its user
TRANSPORTS = ("usb", "nfc", "ble", "smart-card", "internal", "cable", "hybrid")


class NotProven(Exception):
    """The answer does not show what it should; its text says why, and may have words that the browser sent."""


@dataclass(frozen=True, slots=True)
class Known:
    """A passkey that is stored."""

    credential_id: str
    transports: Iterable[str]


@dataclass(frozen=True, slots=True)
class Registered:
    credential_id: str
    public_key: str
    transports: list[str]
    sign_count: int


def creation_options(
    party: RelyingParty, challenge: str, user_handle: bytes, user_name: str, known: Iterable[Known]
) -> str:
    """What `navigator.credentials.create` takes, as JSON.

    The device asks for its PIN or a fingerprint where it can; a key that has none is taken too, beside the password. It
    is used after a name and a password, so it takes no room on a security key that has little.
    """
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=party.domain,
        rp_name=NAME,
        user_id=user_handle,
        user_name=user_name,
        challenge=_bytes(challenge),
        timeout=TIMEOUT,
        exclude_credentials=list(map(_described, known)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    return options_to_json(options)


def request_options(party: RelyingParty, challenge: str, known: Iterable[Known]) -> str:
    """What `navigator.credentials.get` takes, as JSON."""
    from webauthn import generate_authentication_options, options_to_json

    options = generate_authentication_options(
        rp_id=party.domain,
        challenge=_bytes(challenge),
        timeout=TIMEOUT,
        allow_credentials=list(map(_described, known)),
    )
    return options_to_json(options)


def registered(party: RelyingParty, challenge: str, answer: str) -> Registered:
    """The new passkey in a browser's answer. Raises NotProven."""
    from webauthn import verify_registration_response

    credential = _read(answer)
    try:
        found = verify_registration_response(
            credential=credential,
            expected_challenge=_bytes(challenge),
            expected_rp_id=party.domain,
            expected_origin=party.origin,
        )
    except Exception as error:  # of any kind: the library reads bytes that anybody may have sent
        raise NotProven(_why(error)) from error
    return Registered(
        _text(found.credential_id),
        _text(found.credential_public_key),
        _transports(credential),
        found.sign_count,
    )


def asserted(party: RelyingParty, challenge: str, answer: str, public_key: str, sign_count: int) -> int:
    """How often the passkey says that it was used. Raises NotProven, also where that is not more than `sign_count`."""
    from webauthn import verify_authentication_response

    try:
        found = verify_authentication_response(
            credential=_read(answer),
            expected_challenge=_bytes(challenge),
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            credential_public_key=_bytes(public_key),
            credential_current_sign_count=sign_count,
        )
    except Exception as error:
        raise NotProven(_why(error)) from error
    return found.new_sign_count


def credential_id_in(answer: str) -> str:
    """Of which passkey an answer is, by its own account; ""."""
    found = _read(answer).get("id")
    return found if isinstance(found, str) else ""


def _read(answer: str) -> dict[str, Any]:
    try:
        read = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise NotProven("It is no JSON.") from error
    if not isinstance(read, dict):
        raise NotProven("It is no JSON object.")
    return read


def _transports(credential: dict[str, Any]) -> list[str]:
    """How the browser says that it reaches the device; what is not known is left out."""
    response = credential.get("response")
    listed = response.get("transports") if isinstance(response, dict) else None
    return [each for each in listed if each in TRANSPORTS] if isinstance(listed, list) else []


def _described(known: Known) -> "PublicKeyCredentialDescriptor":
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    transports = [AuthenticatorTransport(each) for each in known.transports if each in TRANSPORTS]
    return PublicKeyCredentialDescriptor(id=_bytes(known.credential_id), transports=transports)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _bytes(base64url: str) -> bytes:
    return urlsafe_b64decode(base64url + "=" * (-len(base64url) % 4))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
