"""The way of a browser to the provider and back. What belongs together is kept in the session, and is good once."""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from access.oidc import provider, tokens
from access.oidc.problems import NotSignedIn, Problem

BEGUN = "oidc_begun"
GOOD_FOR = 600  # seconds at the provider's pages


@dataclass(frozen=True, slots=True)
class Arrival:
    claims: dict[str, Any]
    next: str


def begin(request: HttpRequest, redirect_uri: str, following: str, *, again: bool = False) -> str:
    """The provider's address for this browser. `again`: it is to ask for the password, whoever is signed in there.
    Raises NotSignedIn."""
    address = provider.description()["authorization_endpoint"]
    begun = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    request.session[BEGUN] = begun | {"next": following, "at": time.time()}
    asked = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": settings.OIDC_SCOPES,
        "state": begun["state"],
        "nonce": begun["nonce"],
        "code_challenge": _challenge(begun["verifier"]),
        "code_challenge_method": "S256",
    } | ({"prompt": "login", "max_age": "0"} if again else {})
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def arrive(request: HttpRequest, redirect_uri: str) -> Arrival:
    """Who has come back, by what the provider says. Raises NotSignedIn."""
    begun, came = request.session.pop(BEGUN, None), request.GET
    is_ours = begun is not None and constant_time_compare(came.get("state", ""), begun["state"])
    if begun is None or not is_ours or not 0 <= time.time() - begun["at"] < GOOD_FOR:
        raise NotSignedIn(Problem.EXPIRED)
    if "error" in came:
        raise NotSignedIn(Problem.DECLINED, f"{came['error']!r:.100}")
    id_token = provider.id_token_for(came.get("code", ""), begun["verifier"], redirect_uri)
    return Arrival(tokens.claims_of(id_token, begun["nonce"]), begun["next"])


def _challenge(verifier: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc7636#section-4.2"""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
