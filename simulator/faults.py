"""The seam for misbehaviour: `before` is asked ahead of every operation and may answer in its place.

`Simulator.script` is the minimum; a later rule book is another `Faults`, given as `Simulator(faults=…)`.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Protocol

from simulator.account import Account
from simulator.wire import Canned


@dataclass(frozen=True, slots=True)
class Call:
    """A call about to be served. `account` is None for "token" and when the access token is no good."""

    operation: str
    params: dict[str, str]
    account: Account | None


class Faults(Protocol):
    def before(self, call: Call) -> Canned | None:
        """An answer to give instead of the real one, or None to let the call through. Many threads ask."""


class ScriptedFaults:
    """Answers that were queued by operation, each given once, in the order they were queued."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queued: dict[str, deque[Canned]] = defaultdict(deque)

    def script(self, operation: str, *responses: Canned) -> None:
        with self._lock:
            self._queued[operation].extend(responses)

    def before(self, call: Call) -> Canned | None:
        with self._lock:
            queue = self._queued.get(call.operation)
            return queue.popleft() if queue else None
