"""Idempotency-Key: a POST that is sent again with the same key is not done again, but answered as it was.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (draft 07)

1. `claim` makes the key's row, or says why not: done already, at work, or meant for another request.
2. The view does its work.
3. `settle` keeps an answer that did something (2xx), and frees the key after any other.
"""

import hashlib
import json
import logging
import re
from datetime import timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.http import HttpResponse
from django.utils import timezone
from rest_framework import exceptions, status
from rest_framework.request import Request

from access.confinement import visible_platforms
from api.models import IdempotentAnswer
from core.database.retry import DATABASE_ERRORS
from core.encryption import crypter, keyed_digests

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=24)
# How long one who claimed a key and never came back (a killed process) keeps others from it. Beyond that, the work is
# done again: a sync that is still open is found by itself.
LOCKED = timedelta(minutes=15)
LONGEST_KEY = 255
KEY_PATTERN = "^[ -~]*[!#-~][ -~]*$"  # printable ASCII, and not quotes and spaces alone
HEADERS = ("Content-Type", "Location")  # of an answer, kept with it


class KeyInUse(exceptions.APIException):
    """409: the same request is being worked on."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "idempotency_key_in_use"
    default_detail = (
        "A request with this Idempotency-Key is being worked on. Send it again in a moment to get its answer."
    )
    wait = 1  # Retry-After


class KeyReused(exceptions.APIException):
    """422: the key belongs to another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = (
        "This Idempotency-Key was used for another request (address, parameters or body) within 24 hours. Nothing was "
        "done; make a new key for each request, and repeat it only with the request itself."
    )


class Unreadable(exceptions.APIException):
    """409: the answer was encrypted with a key that OMS does not have any more."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "idempotent_answer_unreadable"
    default_detail = (
        "This request was done before, and nothing was done now. "
        "Its answer was kept with an encryption key that is gone: look at what is there."
    )


class AnsweredBefore(Exception):
    """Not an error: the answer to give again."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


def claim(request: Request) -> IdempotentAnswer | None:
    """The row of the request's key, which the caller now owns; None where it has no key.

    Raises AnsweredBefore, KeyInUse, KeyReused, or ValidationError for what cannot be a key.
    """
    key = _key_of(request)
    if key is None:
        return None
    digests = _digests_of(request)
    while True:
        now = timezone.now()
        row, is_new = IdempotentAnswer.objects.get_or_create(
            user_id=int(request.user.pk or 0),
            key_digest=hashlib.sha256(key.encode()).hexdigest(),
            defaults={"request_digest": digests[0], "created_at": now, "locked_until": now + LOCKED},
        )
        if is_new:
            return row
        if row.created_at <= now - KEPT:
            IdempotentAnswer.objects.filter(pk=row.pk, created_at=row.created_at).delete()
            continue
        if row.request_digest not in digests:
            raise KeyReused
        if row.answer:
            raise AnsweredBefore(_response_of(row))
        if row.locked_until > now or not _take_over(row):
            raise KeyInUse
        return row


def settle(row: IdempotentAnswer, response: HttpResponse) -> None:
    """Keep the answer, or free the key where nothing was done. The answer is given whatever the database does here."""
    mine = IdempotentAnswer.objects.filter(pk=row.pk, locked_until=row.locked_until)
    try:
        if status.is_success(response.status_code):
            mine.update(answer=_sealed(response))
        else:
            mine.delete()
    except DATABASE_ERRORS:
        logger.exception("The answer to an idempotent request could not be kept")


def prune_answers() -> None:
    """Delete what is no longer given again. Raises DatabaseError."""
    IdempotentAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()


def _key_of(request: Request) -> str | None:
    """Of `"8e03978e"`, as the draft has it, or of 8e03978e, as most clients send it. Raises ValidationError."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    if len(header) > LONGEST_KEY or not re.fullmatch(KEY_PATTERN, header):
        text = f"It takes 1 to {LONGEST_KEY} printable ASCII characters, such as a UUID. Nothing was done."
        raise exceptions.ValidationError({"Idempotency-Key": text})
    key = header.strip()
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key


def _digests_of(request: Request) -> list[str]:
    """Of all that says what to do; the body may hold secrets. One for each encryption key, the first is to be kept."""
    asked: list[Any] = [str(request.method), request.path.rstrip("/"), request.META.get("QUERY_STRING", "")]
    visible = visible_platforms(request)
    if visible is not None:  # the same request of a token for other platforms is another one
        asked.append(sorted(visible))
    data = json.dumps(asked).encode() + request._request.body
    return keyed_digests(data, purpose="idempotent request")


def _take_over(row: IdempotentAnswer) -> bool:
    before = row.locked_until
    row.locked_until = timezone.now() + LOCKED
    rows = IdempotentAnswer.objects.filter(pk=row.pk, locked_until=before, answer="")
    return bool(rows.update(locked_until=row.locked_until))


def _sealed(response: HttpResponse) -> str:
    kept = {
        "status": response.status_code,
        "headers": {name: response[name] for name in HEADERS if name in response},
        "body": response.content.decode(),
    }
    return crypter().encrypt(json.dumps(kept).encode()).decode()


def _response_of(row: IdempotentAnswer) -> HttpResponse:
    """Raises Unreadable."""
    try:
        kept = json.loads(crypter().decrypt(row.answer))
    except InvalidToken:
        raise Unreadable from None
    headers = kept["headers"] | {"Idempotent-Replayed": "true"}
    return HttpResponse(kept["body"], status=kept["status"], headers=headers)
