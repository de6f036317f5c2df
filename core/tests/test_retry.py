"""What is tried again in a moment of database problems, how often, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, transaction

from core.database.retry import ATTEMPTS, no_db_retry, retry_on_db_error

DEADLOCK = OperationalError(1213, "Deadlock found when trying to get lock")
FULL = OperationalError(1114, "The table is full")
CLOSED = InterfaceError(0, "")


@pytest.fixture(autouse=True)
def _no_long_waits(settings: Any, db: None) -> None:
    settings.DATABASE_RETRY_BACKOFF = 0.001


class Work:
    """Raises these errors, one each time, and then answers how often it was asked."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        with transaction.atomic():
            if self._errors:
                raise self._errors.pop(0)
        return self.times


def test_it_tries_again_until_it_works() -> None:
    assert retry_on_db_error(Work(DEADLOCK, DEADLOCK))() == 3


def test_it_gives_up_after_a_few_attempts() -> None:
    work = Work(*[DEADLOCK] * 100)
    with pytest.raises(OperationalError) as raised:
        retry_on_db_error(work)()
    assert (raised.value, work.times) == (DEADLOCK, ATTEMPTS)


@pytest.mark.parametrize("error", [FULL, IntegrityError(1062, "Duplicate entry"), KeyError("no database")])
def test_it_tries_nothing_again_that_will_not_pass(error: Exception) -> None:
    work = Work(error)
    with pytest.raises(type(error)):
        retry_on_db_error(work)()
    assert work.times == 1


def test_it_leaves_repeating_to_the_outermost() -> None:
    work = Work(*[DEADLOCK] * 100)
    outer_times = 0

    @retry_on_db_error
    def outer() -> None:
        nonlocal outer_times
        outer_times += 1
        retry_on_db_error(work)()

    with pytest.raises(OperationalError):
        outer()
    assert (outer_times, work.times) == (ATTEMPTS, ATTEMPTS)


def test_it_tries_once_where_somebody_waits() -> None:
    work = Work(DEADLOCK)
    with no_db_retry(), pytest.raises(OperationalError):
        retry_on_db_error(work)()
    assert work.times == 1
    assert retry_on_db_error(Work(DEADLOCK))() == 2


def test_it_repeats_nothing_in_a_transaction_that_is_broken() -> None:
    """It is its owner's to repeat: what came before is rolled back as well."""

    def break_it() -> None:
        broken.append(1)
        transaction.set_rollback(True)
        raise DEADLOCK

    broken: list[int] = []
    with pytest.raises(OperationalError), transaction.atomic():
        retry_on_db_error(break_it)()
    assert broken == [1]


def test_it_raises_a_database_error_for_a_connection_that_was_closed() -> None:
    work: Callable[[], int] = Work(*[CLOSED] * 100)
    with pytest.raises(DatabaseError) as raised:
        retry_on_db_error(work)()
    assert raised.value.__cause__ is CLOSED
