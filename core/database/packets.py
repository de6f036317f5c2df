"""How large a statement may be, where the connection to the database takes less than the server says.

A proxy in between, or a server whose limit was lowered, answers a statement that is too large by ending the connection.
That looks like an outage, and whole transactions are repeated after one (retry.py): with the same statement for ever,
if nothing were learned. So statements get smaller with each connection that one of them has cost, until each row is
alone. A row that has cost two alone is refused, like any other value for which there is no room.

What was learned is forgotten after an hour, and where it is proved wrong: it may have been an outage after all.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS, OperationalError

# Of MySQL: the packet is too big, which few say; gone away, and lost, in the middle of a statement.
LOST = (1153, 2006, 2013, 2055)
# Bytes of rows in one statement. MySQL takes a page of orders in two statements with a fifth less work than in five.
JOINED = 2**18
HARMLESS = 2**14  # a statement that is smaller is not to blame
STEP = 4
TRIES_ALONE = 2
KEPT_FOR = 3600.0  # seconds


@dataclass(slots=True)
class Packets:
    """Of one connection. `joined`: how large a statement of several rows may be, in bytes."""

    joined: int = JOINED
    _alone: int = 0  # the smallest row that has cost a connection alone
    _times: int = 0
    _since: float = 0.0

    @property
    def refused_from(self) -> int | None:
        """From how many bytes on a row is refused; None where all are sent."""
        return self._alone if self._times >= TRIES_ALONE else None

    @property
    def largest(self) -> int:
        """What is known to be no larger than what gets through, for a statement that can be cut."""
        return min(self.joined, self._alone // 2) if self._alone else self.joined

    @contextmanager
    def sending(self, size: int, rows: int) -> Iterator[None]:
        """Around a statement of so many rows, of `size` bytes. Raises what the database raises; OperationalError 2006,
        after which a whole transaction is repeated, where the statement may have cost the connection."""
        try:
            yield
        except OperationalError as error:
            if not error.args or error.args[0] not in LOST or size < HARMLESS:
                raise
            self._learn(size, rows)
            raise OperationalError(2006, f"The connection ended at {size:,} bytes.") from error
        if self._alone and size >= self._alone:
            self._alone = self._times = 0

    def _learn(self, size: int, rows: int) -> None:
        self._since = time.monotonic()
        if rows > 1:
            self.joined = min(self.joined, size // STEP)
        else:
            self._alone = min(self._alone or size, size)
            self._times += 1

    def is_over(self) -> bool:
        return bool(self._since) and time.monotonic() - self._since > KEPT_FOR


class _Known(threading.local):
    """By alias: a connection of Django's belongs to one thread, and outlives its reconnects."""

    def __init__(self) -> None:
        self.packets: dict[str, Packets] = {}


_known = _Known()


def packets_of(alias: str = DEFAULT_DB_ALIAS) -> Packets:
    """What is known of this thread's connection of this alias."""
    known = _known.packets.get(alias)
    if known is None or known.is_over():
        known = _known.packets[alias] = Packets()
    return known
