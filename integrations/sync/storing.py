"""Stores one page: all of it in one transaction; if the database refuses it, everything except the bad records."""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, transaction

from core.outcome import Outcome
from integrations.models import SyncFailure, SyncLog
from integrations.protocol import RecordFailure

logger = logging.getLogger(__name__)

Record = TypeVar("Record")

# What databases and their drivers raise for a value that does not fit: too long, out of range, not encodable.
REFUSED = (DataError, IntegrityError, OverflowError, ValueError)


def store_bisecting(
    records: Sequence[Record], store: Callable[[Sequence[Record]], Outcome], id_of: Callable[[Record], str]
) -> tuple[Outcome, list[RecordFailure]]:
    """Give `records` to `store`; a refused batch is halved until each bad record is alone.

    Must run inside a transaction; each attempt is a savepoint. Other database errors (connection lost, deadlock)
    are not about a record and pass through.
    """
    if not records:
        return Outcome(), []
    try:
        with transaction.atomic():
            return store(records), []
    except REFUSED as error:
        if len(records) == 1:
            return Outcome(), [_failure(records[0], error, id_of)]
    middle = len(records) // 2
    outcome, failures = store_bisecting(records[:middle], store, id_of)
    more, other_failures = store_bisecting(records[middle:], store, id_of)
    outcome.add(more)
    return outcome, failures + other_failures


def _failure(record: Record, error: Exception, id_of: Callable[[Record], str]) -> RecordFailure:
    # The driver's message may repeat the value; its class says enough.
    record_id = storable_text(id_of(record))
    logger.warning("The database refused record %s: %s", record_id, type(error).__name__)
    return RecordFailure(
        external_id=record_id,
        code="not_storable",
        message=f"The database refused a value of this record ({type(error).__name__}); it was not stored.",
    )


def unstored(log: SyncLog, failure: RecordFailure) -> SyncFailure:
    """The SyncFailure (not saved yet) of a record that could not be stored."""
    return SyncFailure(
        log=log,
        platform=log.platform,
        kind=log.kind,
        external_id=storable_text(failure.external_id)[:255],
        error_code=failure.code,
        error_message=storable_text(failure.message),
        payload=storable_json(failure.payload),
    )


def storable_text(text: str) -> str:
    """The text with "?" in the place of half surrogate pairs, which no database accepts."""
    return text.encode("utf-8", "replace").decode()


def storable_json(value: Any) -> Any:
    """The JSON value in a form that every database accepts: failures are kept even if the record itself is the problem.

    NaN and Infinity, which Python reads although they are no JSON, become text.
    """
    return json.loads(storable_text(json.dumps(value, ensure_ascii=False)), parse_constant=str)
