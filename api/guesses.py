"""Finds the token that a program sent, unless its address guesses tokens (access/lockout.py).

Who guesses must not shut out a program that works behind the same address: a token that this process has found valid is
always taken, and so is one that was used last from this address.
"""

import logging
import math

from django.http import HttpRequest
from django.utils import timezone

from access.lockout import Refused, count_wrong_token, token_refusal
from access.models import ApiToken
from access.tokens import begins_like, find_token
from api.throttling import TooManyFailures, refuse_flood, was_valid
from audit.summing import record_first, record_sum
from core.addresses import client_network, network_of
from core.database.retry import DATABASE_ERRORS

logger = logging.getLogger(__name__)


def find_unless_guessed(request: HttpRequest, token: str) -> ApiToken | None:
    """The token, expired or not; None where there is none. Raises TooManyFailures."""
    refused = None
    if not was_valid(token):
        refuse_flood(request)
        refused = token_refusal(request)
    found = find_token(token)
    if refused and not (found and _is_used_from(found, request)):
        _note_refusal(refused)
        raise TooManyFailures(_seconds_until(refused))
    if found is None:
        _note_wrong(request, token)
    return found


def _is_used_from(found: ApiToken, request: HttpRequest) -> bool:
    return bool(found.last_used_from) and network_of(found.last_used_from) == client_network(request)


def _seconds_until(refused: Refused) -> int:
    return max(1, math.ceil((refused.until - timezone.now()).total_seconds()))


def _note_refusal(refused: Refused) -> None:
    try:
        record_sum("token.refused", of=refused.key)
    except DATABASE_ERRORS as error:
        logger.warning("That a token was refused could not be recorded: %s", error)


def _note_wrong(request: HttpRequest, token: str) -> None:
    """Nobody is kept out where the database takes no writes. Whose token begins like this one is in the audit: somebody
    knows a part of it."""
    try:
        count_wrong_token(request, token)
        if known := begins_like(token):
            record_first("token.guessed", known, of=f"{known.pk}")
    except DATABASE_ERRORS as error:
        logger.warning("A wrong token could not be counted: %s", error)
