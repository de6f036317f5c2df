"""What a passkey signs: random, stored here, for one session, one purpose and five minutes, and taken once."""

import secrets
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from access.second_factor.models import PasskeyChallenge
from access.sessions import digest

GOOD_FOR = timedelta(minutes=5)
BYTES = 32


class Purpose(StrEnum):
    ADD = "add"
    SIGN_IN = "sign-in"
    CONFIRM = "confirm"


def new_challenge(request: HttpRequest, user: Any, purpose: Purpose) -> str:
    """In the place of the one that this session had for this purpose."""
    now = timezone.now()
    PasskeyChallenge.objects.filter(made_at__lte=now - GOOD_FOR).delete()
    challenge = secrets.token_urlsafe(BYTES)
    if not request.session.session_key:
        request.session.create()
    PasskeyChallenge.objects.update_or_create(
        session_digest=digest(request.session.session_key or ""),
        purpose=purpose.value,
        defaults={"user": user, "challenge": challenge, "made_at": now},
    )
    return challenge


def take_challenge(request: HttpRequest, user: Any, purpose: Purpose) -> str | None:
    """None where there is none, or it is too old. Of two requests at the same moment, one gets it."""
    rows = PasskeyChallenge.objects.filter(
        session_digest=digest(request.session.session_key or ""),
        purpose=purpose.value,
        user=user.pk,
        made_at__gt=timezone.now() - GOOD_FOR,
    )
    row = rows.first()
    if row is None or not rows.filter(challenge=row.challenge).delete()[0]:
        return None
    return row.challenge
