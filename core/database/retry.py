"""Repeats work that failed for a passing reason: a deadlock, a lock, a server that restarts."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from core.database.errors import classify

logger = logging.getLogger(__name__)

P = ParamSpec("P")
Result = TypeVar("Result")

DATABASE_ERRORS = (DatabaseError, InterfaceError)

ATTEMPTS = 8
LONGEST_BACKOFF = 15.0  # seconds
# No further attempt after this. Well below the lease of a sync, though one attempt may wait for a lock for a while
# itself (20 seconds on SQLite, 50 on MariaDB).
PATIENCE = 60.0

_repeated_as_a_whole: ContextVar[bool] = ContextVar("repeated_as_a_whole", default=False)


def retry_on_db_error(work: Callable[P, Result]) -> Callable[P, Result]:
    """Decorator: repeats `work` while a database error may pass, with growing, jittered waits, and reconnects.

    `work` is whole transactions, and doing it twice must be the same as once: a commit may have got through although
    its answer was lost. Inside another `retry_on_db_error` call it runs once, since the outer call is repeated as a
    whole.

    Raises django.db.DatabaseError: the last one.
    """

    @wraps(work)
    def attempts(*args: P.args, **kwargs: P.kwargs) -> Result:
        if _repeated_as_a_whole.get():
            return work(*args, **kwargs)
        with no_db_retry():
            try:
                return _attempts()(work, *args, **kwargs)
            except InterfaceError as error:  # which is no DatabaseError in Django
                raise OperationalError("The connection was closed.") from error

    return attempts


@contextmanager
def no_db_retry() -> Iterator[None]:
    """In this context, functions with `retry_on_db_error` try once, for example because the process is about to end."""
    before = _repeated_as_a_whole.set(True)
    try:
        yield
    finally:
        _repeated_as_a_whole.reset(before)


def _attempts() -> Retrying:
    return Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(PATIENCE),
        wait=wait_random_exponential(multiplier=settings.DATABASE_RETRY_BACKOFF, max=LONGEST_BACKOFF),
        before_sleep=_announce,
        sleep=_sleep,
        reraise=True,
    )


def _may_pass(error: BaseException) -> bool:
    if not isinstance(error, DATABASE_ERRORS) or not classify(error).may_pass:
        return False
    # If a transaction around all of this broke, its owner has to repeat it.
    return not (
        connection.in_atomic_block and (connection.needs_rollback or connection.closed_in_transaction)
    )


def _announce(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning(
        "Database problem (%s, %s); attempt %d of %d follows.",
        classify(error).code if error else "",
        _short(error),
        state.attempt_number + 1,
        ATTEMPTS,
    )


def _short(error: BaseException | None) -> str:
    """Class and number: the text may repeat values and addresses."""
    number = error.args[0] if error and error.args and isinstance(error.args[0], int) else ""
    return f"{type(error).__name__} {number}".strip()


def _sleep(seconds: float) -> None:
    time.sleep(seconds)
    if not connection.in_atomic_block:  # whose transaction Django would end
        connection.close_if_unusable_or_obsolete()
