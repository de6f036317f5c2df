"""The interface for faults, and what a fault may change.

`Simulator.script` queues answers; `Simulator(faults=…)` asks an object of your own ahead of every operation;
`Simulator(rules=[…])` makes errors by rule (`rules.py`, with the faults of `kinds.py`).
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from simulator.account import Account
from simulator.reports import Reports
from simulator.wire import Canned

OPERATIONS = (
    "token", "searchOrders", "getOrder", "getInventorySummaries", "getMarketplaceParticipations",
    "rotateApplicationClientSecret", "createReport", "getReport", "getReports", "getReportDocument", "document",
    "confirmShipment", "searchCatalogItems", "picture",
)  # fmt: skip
PAGE_TOKENS = {"searchOrders": "paginationToken", "getInventorySummaries": "nextToken"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call before it is served. `account` is None for "token", "document" and "picture", and without a valid access
    token."""

    operation: str
    params: dict[str, str]
    account: Account | None

    @property
    def marketplaces(self) -> list[str]:
        """The marketplaces that are asked for."""
        return self.params.get("marketplaceIds", "").split(",")

    @property
    def page_token(self) -> str | None:
        """The page token that was sent."""
        return self.params.get(PAGE_TOKENS.get(self.operation, ""))


class Faults(Protocol):
    def before(self, call: Call) -> Canned | None:
        """An answer to send instead of the real one, or None for the real one. Many threads call this."""


class Site(Protocol):
    """What a fault may do to the simulator it happens on."""

    @property
    def accounts(self) -> tuple[Account, ...]: ...

    @property
    def reports(self) -> Reports: ...

    def now(self) -> datetime: ...

    def set_clock(self, ahead: float) -> None:
        """From now on, the simulator's clock is so many seconds ahead of ours."""

    def expire_tokens(self) -> None: ...

    def expire_page_tokens(self) -> None: ...

    def revoke(self, *accounts: Account) -> None: ...

    def page_token_to(self, page_token: str | None) -> str:
        """Another page token for the page that `page_token` leads to; None is the first page."""

    def serve(self, call: Call) -> dict[str, Any]:
        """What the operation answers. Raises Refused."""


class Fault:
    """Something that goes wrong with a call. Subclasses override what they need."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def before(self, site: Site, call: Call) -> Canned | None:
        """Called before the call is served; a returned answer replaces the real one."""
        return None

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        """The answer to send; `answer` is the one that would be sent without the fault."""
        return answer


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
