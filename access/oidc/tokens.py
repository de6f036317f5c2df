"""Whether an id_token is true: signed by the provider, for us, now, and for this very sign-in.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

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
NEEDED = ("sub", "exp", "iat", "nonce")


def claims_of(id_token: str, nonce: str) -> dict[str, Any]:
    """What it says of the user. Raises NotSignedIn."""
    try:
        claims = _verified(id_token)
        rules: dict[str, Any] = {name: {"essential": True} for name in NEEDED}
        rules["iss"] = {"essential": True, "value": settings.OIDC_ISSUER}
        rules["aud"] = {"essential": True, "value": settings.OIDC_CLIENT_ID}
        jwt.JWTClaimsRegistry(leeway=LEEWAY, **rules).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotSignedIn(
            Problem.UNTRUSTED, f"its id_token: {type(error).__name__}: {error!s:.200}"
        ) from error
    if not constant_time_compare(str(claims["nonce"]), nonce):
        raise NotSignedIn(Problem.UNTRUSTED, "its id_token is of another sign-in (nonce)")
    if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
        raise NotSignedIn(Problem.UNTRUSTED, "its id_token was issued to another application (azp)")
    if not (claims["sub"] and is_storable(claims["sub"]) and len(claims["sub"]) <= LONGEST_SUBJECT):
        raise NotSignedIn(Problem.UNTRUSTED, "its id_token has no usable subject (sub)")
    return claims


def _verified(id_token: str) -> dict[str, Any]:
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        return jwt.decode(id_token, KeySet.import_key_set(provider.keys()), registry=registry).claims  # type: ignore[arg-type]
    except InvalidKeyIdError:  # a new key
        keys = provider.keys(again=True)
        return jwt.decode(id_token, KeySet.import_key_set(keys), registry=registry).claims  # type: ignore[arg-type]
