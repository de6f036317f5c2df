"""Reads OIDC_*: the one provider where people may sign in beside their password here. docs/single-sign-on.md."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from oms.env import switch, text

LOCAL = ("localhost", "127.0.0.1", "::1")
ALWAYS_ASKED = "openid"


def oidc() -> dict[str, Any]:
    """The settings by name; OIDC_ISSUER is "" where there is no provider. Raises ImproperlyConfigured."""
    issuer, client = text("OIDC_ISSUER"), text("OIDC_CLIENT_ID")
    if issuer and not _is_address(issuer):
        raise ImproperlyConfigured(
            f"OIDC_ISSUER is {issuer!r}; write it as the provider names itself, such as "
            "https://id.example/realms/shop: with https:// (http:// is taken for this machine alone), without "
            ".well-known/openid-configuration."
        )
    if bool(issuer) != bool(client):
        raise ImproperlyConfigured("OIDC_ISSUER and OIDC_CLIENT_ID go together; one of them is not set.")
    scopes = text("OIDC_SCOPES").replace(",", " ").split() or ["profile", "email"]
    return {
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": client,
        "OIDC_CLIENT_SECRET": text("OIDC_CLIENT_SECRET"),
        "OIDC_LABEL": text("OIDC_LABEL"),
        "OIDC_SCOPES": " ".join([ALWAYS_ASKED, *(each for each in scopes if each != ALWAYS_ASKED)]),
        "OIDC_USERNAME_CLAIM": text("OIDC_USERNAME_CLAIM") or "preferred_username",
        "OIDC_GROUPS_CLAIM": text("OIDC_GROUPS_CLAIM") or "groups",
        "OIDC_GROUPS": _pairs("OIDC_GROUPS", text("OIDC_GROUPS"), "oms-viewers=Viewer"),
        "OIDC_SUPERUSERS": frozenset(filter(None, map(str.strip, text("OIDC_SUPERUSERS").split(",")))),
        "OIDC_REQUIRE": _pairs("OIDC_REQUIRE", text("OIDC_REQUIRE"), "hd=shop.example"),
        "OIDC_CREATE_USERS": switch("OIDC_CREATE_USERS", default=False),
        "OIDC_SECOND_FACTOR": switch("OIDC_SECOND_FACTOR", default=False),
        "OIDC_LOGOUT": switch("OIDC_LOGOUT", default=False),
    }


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = re.fullmatch(r"[^\s?#]+", url) and parts.hostname
    return bool(is_plain) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
    )


def _pairs(name: str, value: str, example: str) -> list[tuple[str, str]]:
    """ "a=B, c=D". Several values for one name are several pairs."""
    pairs = []
    for item in filter(None, map(str.strip, value.split(","))):
        left, equals, right = item.rpartition("=")
        if not (left.strip() and equals and right.strip()):
            raise ImproperlyConfigured(
                f"{name} is not understood at {item!r}; write pairs with commas between: {example}."
            )
        pairs.append((left.strip(), right.strip()))
    return pairs
