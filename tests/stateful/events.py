"""What can happen to a run on our side: the process dies or is stopped, the database refuses, somebody cancels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError


class Killed(BaseException):
    """What kill -9 is to a process. Nothing of ours may catch it and go on."""


@dataclass(frozen=True)
class Calm:
    """Nothing happens."""


@dataclass(frozen=True)
class Dies:
    """The process dies at this query; the database takes back what was not committed, and hears no more of it."""

    query: int


@dataclass(frozen=True)
class Refuses:
    """From this query on, the database refuses `times` queries: a deadlock, a lost connection, a full disk."""

    query: int
    times: int


@dataclass(frozen=True)
class Stops:
    """SIGTERM comes while this page is read."""

    page: int


@dataclass(frozen=True)
class Cancelled:
    """A person cancels the run after this page."""

    page: int


@dataclass(frozen=True)
class Outrun:
    """After this page the worker hangs until its lease is over; another one takes the run and reads `pages` of it."""

    page: int
    pages: int


Event = Calm | Dies | Refuses | Stops | Cancelled | Outrun
Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


class Database:
    """For connection.execute_wrapper: kills the process at a query, or refuses some queries."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._queries = 0
        self.happened = False

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self._queries += 1
        event = self._event
        if isinstance(event, Dies) and self._queries >= event.query:
            self.happened = True
            raise Killed
        if isinstance(event, Refuses) and event.query <= self._queries < event.query + event.times:
            self.happened = True
            raise OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction")
        return execute(sql, params, many, context)
