"""Whether a token of the provider is true: signed by it, for us, now; an id_token also for this very sign-in.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

import time
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from access.oidc import provider
from access.oidc.problems import NotSignedIn, Problem
from core.text import is_storable

# With the provider's own key pair: not "none", nor HS256, for which a public key could be taken as a secret.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
LEEWAY = 60  # seconds that clocks may differ
LONGEST_SUBJECT = 255
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_LOGOUT_AGE = 600  # seconds since it was issued


def claims_of(id_token: str, nonce: str) -> dict[str, Any]:
    """What it says of the user. Raises NotSignedIn."""
    claims = _checked(id_token, "id_token", ("sub", "exp", "iat", "nonce"))
    if not constant_time_compare(str(claims["nonce"]), nonce):
        raise NotSignedIn(Problem.UNTRUSTED, "its id_token is of another sign-in (nonce)")
    if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
        raise NotSignedIn(Problem.UNTRUSTED, "its id_token was issued to another application (azp)")
    if not _is_name(claims["sub"]):
        raise NotSignedIn(Problem.UNTRUSTED, "its id_token has no usable subject (sub)")
    return claims


def logout_claims_of(logout_token: str) -> dict[str, Any]:
    """What it says of who signed out there; an id_token is none of these. Raises NotSignedIn.

    https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation"""
    claims = _checked(logout_token, "logout token", ("iat", "exp", "jti"))
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT), dict):
        raise NotSignedIn(Problem.UNTRUSTED, "its logout token is none (events)")
    if "nonce" in claims:
        raise NotSignedIn(Problem.UNTRUSTED, "its logout token has a nonce, as an id_token has")
    if time.time() - claims["iat"] > LONGEST_LOGOUT_AGE:
        raise NotSignedIn(Problem.UNTRUSTED, "its logout token is too old (iat)")
    named = [claims[name] for name in ("sub", "sid") if name in claims]
    if not named or not all(map(_is_name, [*named, claims["jti"]])):
        raise NotSignedIn(Problem.UNTRUSTED, "its logout token names nobody (sub, sid), or has no usable jti")
    return claims


def _checked(token: str, kind: str, needed: Iterable[str]) -> dict[str, Any]:
    """Its claims, once signature, issuer, audience and times are right. Raises NotSignedIn."""
    try:
        claims = _verified(token)
        rules: dict[str, Any] = {name: {"essential": True} for name in needed}
        rules["iss"] = {"essential": True, "value": settings.OIDC_ISSUER}
        rules["aud"] = {"essential": True, "value": settings.OIDC_CLIENT_ID}
        jwt.JWTClaimsRegistry(leeway=LEEWAY, **rules).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotSignedIn(Problem.UNTRUSTED, f"its {kind}: {type(error).__name__}: {error!s:.200}") from error
    return claims


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_SUBJECT and is_storable(value)


def _verified(id_token: str) -> dict[str, Any]:
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        return jwt.decode(id_token, KeySet.import_key_set(provider.keys()), registry=registry).claims  # type: ignore[arg-type]
    except InvalidKeyIdError:  # a new key
        keys = provider.keys(again=True)
        return jwt.decode(id_token, KeySet.import_key_set(keys), registry=registry).claims  # type: ignore[arg-type]
