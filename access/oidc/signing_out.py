"""Back-channel logout: the provider says, server to server, that somebody signed out there, or was taken out.

https://openid.net/specs/openid-connect-backchannel-1_0.html
"""

import hashlib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from access.models import LogoutToken, OidcIdentity, UserSession
from access.oidc.people import digest
from access.oidc.problems import NotSignedIn, Problem
from access.oidc.session import NAMELESS, session_digest
from access.oidc.tokens import logout_claims_of
from access.signed_in import end
from audit.recording import record

KEPT = timedelta(days=1)  # far longer than a token is taken


@transaction.atomic
def end_sessions(logout_token: str) -> int:
    """End the sessions that it names. Returns how many there were. Raises NotSignedIn, where the token is not true or
    was heeded before."""
    claims = logout_claims_of(logout_token)
    said = f"{settings.OIDC_ISSUER}\n{claims['jti']}".encode("utf-8", "surrogatepass")
    _row, is_new = LogoutToken.objects.get_or_create(digest=hashlib.sha256(said).hexdigest())
    if not is_new:
        raise NotSignedIn(Problem.UNTRUSTED, "its logout token was sent before (jti)")
    ended = 0
    for user in {row.user for row in _named(claims).select_related("user")}:
        count = end(_named(claims).filter(user=user))
        record("session.ended", user, changes={"sessions": count, "by": "oidc"})
        ended += count
    return ended


def _named(claims: dict[str, Any]) -> Any:
    """One session at the provider, or all of somebody: those with a password here, too."""
    rows = UserSession.objects.all()
    if "sub" in claims:
        known = OidcIdentity.objects.filter(digest=digest(settings.OIDC_ISSUER, claims["sub"]))
        rows = rows.filter(user__in=known.values("user"))
    if "sid" in claims:
        came = Q(provider_session=session_digest(claims["sid"]))
        # Of a session that has no name, nobody can say that it is another one.
        rows = rows.filter(came | Q(provider_session=NAMELESS) if "sub" in claims else came)
    return rows


def prune_logout_tokens() -> None:
    """Raises DatabaseError."""
    LogoutToken.objects.filter(at__lt=timezone.now() - KEPT).delete()
