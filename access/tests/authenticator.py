"""A device with passkeys, and a browser around it: what both send to a site, by the standard."""

import hashlib
import html
import json
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, NEW_KEY = 0x01, 0x04, 0x40  # https://www.w3.org/TR/webauthn-2/#authdata-flags


def offered(page: str) -> dict[str, Any]:
    """The options that a page has for the browser."""
    found = re.search(r'data-options="([^"]+)"', page)
    assert found is not None, "The page asks for no passkey."
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


class Device:
    """With one passkey. `counts=False`: as the devices that always say 0."""

    def __init__(self, origin: str = "http://localhost", *, counts: bool = True) -> None:
        self.origin, self.counts, self.uses = origin, counts, 0
        self.id = secrets.token_bytes(32)
        self._key = generate_private_key(SECP256R1())

    def create(self, options: dict[str, Any], **instead: Any) -> str:
        data = self._data(options["rp"]["id"], NEW_KEY, self._attested())
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        said = self._said("webauthn.create", options["challenge"], **instead)
        return self._answer(clientDataJSON=said, attestationObject=cbor2.dumps(attestation))

    def sign(self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED, **instead: Any) -> str:
        self.uses += self.counts
        data = self._data(options["rpId"], 0, b"", flags)
        said = self._said("webauthn.get", options["challenge"], **instead)
        signature = self._key.sign(data + hashlib.sha256(said).digest(), ECDSA(SHA256()))
        return self._answer(clientDataJSON=said, authenticatorData=data, signature=signature)

    def _answer(self, **response: bytes) -> str:
        parts = {name: text(value) for name, value in response.items()}
        known = {"id": text(self.id), "rawId": text(self.id), "type": "public-key"}
        return json.dumps(known | {"response": parts | {"transports": ["internal", "of tomorrow"]}})

    def _said(self, kind: str, challenge: str, /, **instead: Any) -> bytes:
        """What the browser says that it was asked, and by which page."""
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | instead).encode()

    def _data(self, domain: str, more: int, rest: bytes, flags: int = PRESENT | VERIFIED) -> bytes:
        hashed = hashlib.sha256(domain.encode()).digest()
        return hashed + bytes([flags | more]) + self.uses.to_bytes(4, "big") + rest

    def _attested(self) -> bytes:
        point = self._key.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        return bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(key)
