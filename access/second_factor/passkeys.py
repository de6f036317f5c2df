"""Passkeys of a user: made, asked for, and checked. What the browser gets and sends is JSON in a field of a form."""

import hashlib
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from access.second_factor import ceremony
from access.second_factor.challenges import Purpose, new_challenge, take_challenge
from access.second_factor.checking import Outcome, may_try, succeeded
from access.second_factor.factors import factor_for, factor_of
from access.second_factor.models import LONGEST_NAME, Factor, Passkey
from access.second_factor.relying_party import relying_party
from audit.recording import record
from core.text import storable_text

MOST = 20  # of one user
LONGEST_ANSWER = 20_000  # characters; an attestation with certificates has some thousand


def offer_new(request: HttpRequest, user: Any) -> str:
    """What the browser is to make: options as JSON; "" where it cannot, or the user has MOST of them."""
    party, factor = relying_party(request), factor_of(user)
    known = list(factor.passkeys.all()) if factor else []
    if party is None or len(known) >= MOST:
        return ""
    challenge = new_challenge(request, user, Purpose.ADD)
    handle = salted_hmac(__name__, str(user.pk), algorithm="sha256").digest()  # says nothing of the user
    here = [each for each in known if each.domain == party.domain]
    return ceremony.creation_options(party, challenge, handle, user.get_username(), map(_known, here))


def offer(request: HttpRequest, factor: Factor, purpose: Purpose) -> str:
    """What the browser is to sign: options as JSON; "" where the user has no passkey for this domain."""
    party = relying_party(request)
    passkeys = list(factor.passkeys.filter(domain=party.domain)) if party else []
    if party is None or not passkeys:
        return ""
    challenge = new_challenge(request, factor.user, purpose)
    return ceremony.request_options(party, challenge, map(_known, passkeys))


def add_passkey(request: HttpRequest, user: Any, answer: str, name: str) -> tuple[Outcome, list[str]]:
    """Store the passkey that the browser has made. With the first factor of a user come recovery codes."""
    party, challenge = relying_party(request), take_challenge(request, user, Purpose.ADD)
    if party is None or challenge is None:
        return Outcome.EXPIRED, []
    try:
        found = ceremony.registered(party, challenge, answer[:LONGEST_ANSWER])
        with transaction.atomic():
            factor, codes = factor_for(user)
            Passkey.objects.create(
                factor=factor,
                name=storable_text(name).strip()[:LONGEST_NAME] or "Passkey",
                domain=party.domain,
                credential_id=found.credential_id,
                credential_digest=_digest(found.credential_id),
                public_key=found.public_key,
                transports=found.transports,
                sign_count=found.sign_count,
            )
            record("passkey.added", user, changes={"name": name})
    except (ceremony.NotProven, IntegrityError):  # or somebody has this one already
        user._state.fields_cache.pop("second_factor", None)
        return Outcome.WRONG, []
    return Outcome.PASSED, codes


def check_passkey(request: HttpRequest, factor: Factor, answer: str, purpose: Purpose) -> Outcome:
    """Take a browser's answer to what `offer` asked. Failures are recorded, and count like wrong codes."""
    party, challenge = relying_party(request), take_challenge(request, factor.user, purpose)
    if party is None or challenge is None:
        return Outcome.EXPIRED
    if not may_try(factor):
        return Outcome.TOO_MANY
    answer = answer[:LONGEST_ANSWER]
    try:
        named = _digest(ceremony.credential_id_in(answer))
        passkey = factor.passkeys.filter(credential_digest=named, domain=party.domain).first()
        if passkey is None:
            raise ceremony.NotProven("It is no passkey of this user.")
        count = ceremony.asserted(party, challenge, answer, passkey.public_key, passkey.sign_count)
        _use(passkey, count)
    except ceremony.NotProven as error:
        record("factor.failed", factor.user, changes={"passkey": str(error)})
        return Outcome.WRONG
    succeeded(factor)
    return Outcome.PASSED


def _use(passkey: Passkey, count: int) -> None:
    """Compare-and-set: a device whose count was used meanwhile is refused as one that counts backwards."""
    rows = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count)
    if not rows.update(sign_count=count, last_used_at=timezone.now()):
        raise ceremony.NotProven("It was used at the same moment.")


def _known(passkey: Passkey) -> Any:
    return ceremony.Known(passkey.credential_id, passkey.transports)


def _digest(credential_id: str) -> str:
    return hashlib.sha256(credential_id.encode("utf-8", "surrogatepass")).hexdigest()
