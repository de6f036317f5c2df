"""Stores one page: all of it in one transaction; if the database refuses it, everything except the bad records.

What could not be stored is kept as a SyncFailure with what is storable of it: the place for what is wrong must not
refuse what is wrong.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.db import DatabaseError, transaction

from core.database.bulk import DoesNotFit
from core.database.errors import is_about_values
from core.database.packets import packets_of
from core.database.retry import DATABASE_ERRORS
from core.outcome import ROUNDED, Adjustment, Outcome
from core.text import REPLACEMENT, storable, storable_text
from feed.models import Change
from feed.recording import Changed, add_changes
from integrations.models import SyncFailure, SyncLog
from integrations.protocol import Note, RecordFailure
from integrations.sync.streams.base import Stream

logger = logging.getLogger(__name__)

Record = TypeVar("Record")

# What our own code raises about a value that it did not expect.
MISTAKES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
# Characters of JSON. An order has a few thousand; every server takes statements of this size.
MOST_EVIDENCE = 100_000
MOST_OF_A_STATEMENT = 2 * MOST_EVIDENCE
SHOWN = 60  # characters of a value in a sentence


def store_bisecting(
    records: Sequence[Record], store: Callable[[Sequence[Record]], Outcome], stream: Stream[Record, Any]
) -> tuple[Outcome, list[RecordFailure]]:
    """Give `records` to `store`; a batch that fails is halved until each bad record is alone.

    Must run inside a transaction; each attempt is a savepoint. Database errors that are not about a value (connection
    lost, deadlock) are not about a record and pass through.
    """
    if not records:
        return Outcome(), []
    try:
        with transaction.atomic():
            return store(records), []
    except DATABASE_ERRORS as error:
        if not is_about_values(error):
            raise
        problem: Exception = error
    except MISTAKES as error:
        problem = error
    if len(records) == 1:
        return Outcome(), [_failure(records[0], problem, stream)]
    middle = len(records) // 2
    outcome, failures = store_bisecting(records[:middle], store, stream)
    more, other_failures = store_bisecting(records[middle:], store, stream)
    outcome.add(more)
    return outcome, failures + other_failures


def _failure(record: Record, error: Exception, stream: Stream[Record, Any]) -> RecordFailure:
    record_id = storable_text(stream.id_of(record))
    if is_about_values(error):
        logger.warning("The database refused record %s: %s", record_id, type(error).__name__)
        code, message = "not_storable", _refusal(error)
    else:
        logger.error("Storing record %s broke", record_id, exc_info=error)
        code, message = "internal", MISTAKE.format(type(error).__name__)
    return RecordFailure(
        external_id=record_id, code=code, message=message, payload=stream.evidence_of(record)
    )


MISTAKE = (
    "OMS itself made a mistake with this record ({}), and stored nothing of it. The log of the worker has the details: "
    "report it, and replay the record with a release that mends it."
)


def _refusal(error: Exception) -> str:
    if isinstance(error, DoesNotFit):
        return (
            f"{error.column} has room for {error.room}, and the platform reports {_shown(error.value)}. Nothing of the "
            "record was stored; its payload has what the platform reported."
        )
    # The text of a driver may repeat any value; its number and class say enough.
    number = error.args[0] if error.args and isinstance(error.args[0], int) else ""
    kind = f"{type(error).__name__} {number}".strip()
    return f"The database refused a value of this record ({kind}); nothing of the record was stored."


def _shown(value: Any) -> str:
    text = str(value)
    if len(text) <= SHOWN:
        return repr(text) if isinstance(value, str) else text
    return f"{text[:SHOWN]!r}… ({len(text):,} characters)"


def adjustments(outcome: Outcome, log: SyncLog) -> list[Note]:
    """What a person should know of records that were stored not quite as they came: once a run, with an example."""
    known = {note["code"] for note in log.notes}
    return [
        Note(kind, _adjusted(adjustment))
        for kind, adjustment in outcome.adjusted.items()
        if kind not in known
    ]


def _adjusted(adjustment: Adjustment) -> str:
    record = " ".join(filter(None, adjustment.key))
    if adjustment.kind == ROUNDED:
        return (
            f"The platform reports amounts with more decimal places than OMS stores: {adjustment.field} is "
            f"{_shown(adjustment.given)} in {record}, for one. They are stored rounded; the payload has them as "
            "they came."
        )
    return (
        "The platform reports text with U+0000 or half of a character in it, which databases do not store: in "
        f"{record}, for one. {REPLACEMENT} stands in its place."
    )


# --- failures


def keep_failures(log: SyncLog, failures: Sequence[RecordFailure]) -> None:
    """Store a SyncFailure for each. Must run inside a transaction."""
    for rows in _statements([_unstored(log, failure) for failure in map(storable_failure, failures)]):
        try:
            with transaction.atomic(), packets_of().sending(sum(map(_size, rows)), len(rows)):
                SyncFailure.objects.bulk_create(rows)
        except DatabaseError as error:
            if not is_about_values(error):
                raise
            for row in rows:
                _keep(log, row)
    if failures:
        # Asked for, since MySQL does not say which ids it gave. Nobody else stores failures of this run meanwhile.
        newest = SyncFailure.objects.filter(log=log).order_by("-pk")[: len(failures)]
        kept = sorted(newest.values_list("pk", "external_id"))
        add_changes(Change.Kind.FAILURE_OPENED, log.platform_id, [Changed(pk, name) for pk, name in kept])


def _keep(log: SyncLog, row: SyncFailure) -> None:
    failure = RecordFailure(
        external_id=row.external_id, code=row.error_code, message=row.error_message, payload=row.payload
    )

    def write(failure: RecordFailure) -> None:
        _unstored(log, failure).save(force_insert=True)

    keep_what_is_storable(failure, write)


def keep_what_is_storable(failure: RecordFailure, write: Callable[[RecordFailure], None]) -> None:
    """Let `write` store the failure; where the database refuses even that, with less and less of it.

    Must run inside a transaction. Raises what the database raises of the last attempt.
    """
    failure = storable_failure(failure)
    short = replace(failure, external_id=_short(failure.external_id), message=_short(failure.message))
    for less in (failure, short):
        try:
            with transaction.atomic():
                write(less)
                return
        except DatabaseError as error:
            if not is_about_values(error):
                raise
    write(replace(short, payload={}))


def _short(text: str) -> str:
    """Without the characters (emoji, for one) that a MySQL database with three bytes for each does not take."""
    return "".join(character if character <= "\uffff" else REPLACEMENT for character in text)


def storable_failure(failure: RecordFailure) -> RecordFailure:
    """The failure in a form that every database of today accepts, even if the record itself is the problem.

    NaN and Infinity, which Python reads although they are no JSON, become text.
    """
    payload = json.loads(json.dumps(storable(failure.payload)), parse_constant=str)
    return RecordFailure(
        external_id=storable_text(failure.external_id)[:255],
        code=failure.code[:64],
        message=storable_text(failure.message),
        payload=_shortened(payload),
    )


def _shortened(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload; without its largest values where a statement with all of them might be too big for the server."""
    sizes = {name: len(name) + len(json.dumps(value)) for name, value in payload.items()}
    rest, kept = sum(sizes.values()), dict(payload)
    most = min(MOST_EVIDENCE, packets_of().largest // 2)
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if rest <= most:
            break
        kept[name] = f"left out: {sizes[name]:,} characters"
        rest -= sizes[name]
    return kept


def _unstored(log: SyncLog, failure: RecordFailure) -> SyncFailure:
    """Not saved yet."""
    return SyncFailure(
        log=log,
        platform=log.platform,
        kind=log.kind,
        external_id=failure.external_id,
        error_code=failure.code,
        error_message=failure.message,
        payload=failure.payload,
    )


def _statements(rows: Sequence[SyncFailure]) -> Iterator[list[SyncFailure]]:
    """The rows in portions, each of a size that every server takes."""
    most = min(MOST_OF_A_STATEMENT, packets_of().joined)
    portion: list[SyncFailure] = []
    size = 0
    for row in rows:
        if portion and size + _size(row) > most:
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += _size(row)
    if portion:
        yield portion


def _size(row: SyncFailure) -> int:
    return len(json.dumps(row.payload)) + len(row.error_message)
