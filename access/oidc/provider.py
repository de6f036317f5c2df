"""What is asked of the provider: its description, its keys, and a token for a code. Redirects are not followed, answers
are read up to a limit and within a time."""

import hashlib
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from django.conf import settings
from django.core.cache import cache

from access.oidc.problems import NotSignedIn, Problem

STEP, TOTAL = 5.0, 15.0  # seconds
MOST_BYTES = 1_000_000
KEPT = 3600  # seconds that description and keys are kept in a process
KEYS_AGAIN = 60  # seconds before keys are read again for one that is not known
OK = 200


def description() -> dict[str, Any]:
    """https://openid.net/specs/openid-connect-discovery-1_0.html. Raises NotSignedIn."""
    key = _key("description")
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        address = f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration"
        found = _asked("GET", address)
        _check(found)
        cache.set(key, found, KEPT)
    return found


def _key(of: str) -> str:
    return hashlib.sha256(f"oidc {of} {settings.OIDC_ISSUER}".encode()).hexdigest()


def _check(found: dict[str, Any]) -> None:
    if found.get("issuer") != settings.OIDC_ISSUER:
        raise NotSignedIn(
            Problem.UNREACHABLE, f"it calls itself {found.get('issuer')!r:.200}, not OIDC_ISSUER"
        )
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = found.get(name)
        if not isinstance(address, str) or not _is_usable(address):
            raise NotSignedIn(Problem.UNREACHABLE, f"its description has no usable {name}")


def _is_usable(address: str) -> bool:
    return _scheme(address) in ("https", _scheme(settings.OIDC_ISSUER))


def _scheme(address: str) -> str:
    try:
        return urlsplit(address).scheme
    except ValueError:
        return ""


def keys(*, again: bool = False) -> dict[str, Any]:
    """Its public keys (JWK Set); `again`: one of them was not known, so they are read anew, at most once a minute."""
    key = _key("keys")
    found: dict[str, Any] | None = cache.get(key)
    if found is None or (again and cache.add(_key("keys again"), True, KEYS_AGAIN)):
        found = _asked("GET", description()["jwks_uri"])
        if not isinstance(found.get("keys"), list):
            raise NotSignedIn(Problem.UNREACHABLE, "its keys are no JWK Set")
        cache.set(key, found, KEPT)
    return found


def logout_address(back: str) -> str:
    """Where a browser signs out there and comes `back`; "" where the provider has no such page. Raises NotSignedIn.

    By OMS's client id: an id_token, which says whose browser it is, would have to be kept for as long as the session.
    https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout"""
    address = description().get("end_session_endpoint")
    if not isinstance(address, str) or not _is_usable(address):
        return ""
    asked = urlencode({"client_id": settings.OIDC_CLIENT_ID, "post_logout_redirect_uri": back})
    return f"{address}{'&' if '?' in address else '?'}{asked}"


def id_token_for(code: str, verifier: str, redirect_uri: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3. Raises NotSignedIn."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
        "client_id": settings.OIDC_CLIENT_ID,
    }
    auth, secret = None, settings.OIDC_CLIENT_SECRET
    if secret and "client_secret_post" in description().get("token_endpoint_auth_methods_supported", ()):
        form["client_secret"] = secret
    elif secret:
        auth = httpx.BasicAuth(settings.OIDC_CLIENT_ID, secret)
    found = _asked("POST", description()["token_endpoint"], data=form, auth=auth).get("id_token")
    if not isinstance(found, str):
        raise NotSignedIn(Problem.UNTRUSTED, "it sent no id_token")
    return found


def _asked(method: str, address: str, **options: Any) -> dict[str, Any]:
    """The JSON object that it answers. Raises NotSignedIn: a code or secret that is refused is not to be trusted."""
    ends = time.monotonic() + TOTAL
    try:
        with (
            httpx.Client(timeout=STEP, headers={"Accept": "application/json"}) as client,
            client.stream(method, address, **options) as answer,
        ):
            body = bytearray()
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES or time.monotonic() > ends:
                    raise NotSignedIn(Problem.UNREACHABLE, "its answer is too long, or takes too long")
            found = json.loads(bytes(body)) if body else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        raise NotSignedIn(Problem.UNREACHABLE, type(error).__name__) from error
    if answer.status_code == OK and isinstance(found, dict):
        return found
    is_refused = method == "POST" and answer.is_client_error
    said = found.get("error") if isinstance(found, dict) else None
    why = f"status {answer.status_code}" + (f", {said!r:.100}" if said else "")
    raise NotSignedIn(Problem.UNTRUSTED if is_refused else Problem.UNREACHABLE, why)
