"""When faults happen: rules that count calls, and the active rules with their counters."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from simulator.faults.base import OPERATIONS, Call, Fault, Site
from simulator.wire import Canned


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault and the calls it happens to; without nth, every and probability: to all of them.

    operation    "searchOrders", …, "token", or "*" for all; the rule counts the calls of this operation
    fault        a Fault, or a Canned that is sent instead of the answer
    nth          from that call on, counted from 1, `times` calls in a row (1 unless told otherwise)
    every        each so-many-th call
    probability  each call by chance; `seed` decides which ones, not the time
    times        at most so often; None: without end
    marketplace  calls that ask for this marketplace, among others perhaps; the rule counts them alone
    """

    fault: Fault | Canned
    operation: str = "*"
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int | None = None
    seed: int = 7
    marketplace: str | None = None

    def __post_init__(self) -> None:
        if self.operation != "*" and self.operation not in OPERATIONS:
            raise ValueError(f"{self.operation!r} is none of *, {', '.join(OPERATIONS)}")
        if sum(value is not None for value in (self.nth, self.every, self.probability)) > 1:
            raise ValueError("nth, every and probability exclude each other")
        if any(value is not None and value < 1 for value in (self.nth, self.every, self.times)):
            raise ValueError("nth, every and times start at 1")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability is a number from 0 to 1")

    def hits(self, count: int, done: int) -> bool:
        """Whether it happens to the call number `count`, after it has happened `done` times."""
        most = 1 if self.nth is not None and self.times is None else self.times
        if most is not None and done >= most:
            return False
        if self.nth is not None:
            return count >= self.nth
        if self.every is not None:
            return count % self.every == 0
        return self.probability is None or Random(f"{self.seed} {count}").random() < self.probability


class ActiveRules:
    """The active rules; thread-safe. `happened` counts each fault, also of rules that were removed."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._lock = threading.Lock()
        self.happened: Counter[Fault] = Counter()
        self._kept: list[_Kept] = [_Kept(rule) for rule in rules]

    def add(self, *rules: Rule) -> None:
        """From the next call on; a rule counts from when it was added."""
        with self._lock:
            self._kept.extend(_Kept(rule) for rule in rules)

    def clear(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._kept.clear()

    def due(self, call: Call) -> list[Fault]:
        """Counts the call and returns the faults that happen to it."""
        with self._lock:
            faults = [kept.fault for kept in self._kept if kept.is_due(call)]
            self.happened.update(faults)
            return faults


class _Kept:
    """A rule with its counters."""

    def __init__(self, rule: Rule) -> None:
        self.fault = _Instead(rule.fault) if isinstance(rule.fault, Canned) else rule.fault
        self._rule = rule
        self._count = self._done = 0

    def is_due(self, call: Call) -> bool:
        if self._rule.operation not in ("*", call.operation):
            return False
        if self._rule.marketplace and self._rule.marketplace not in call.marketplaces:
            return False
        self._count += 1
        hit = self._rule.hits(self._count, self._done)
        self._done += hit
        return hit


class _Instead(Fault):
    def __init__(self, answer: Canned) -> None:
        self._answer = answer

    def before(self, site: Site, call: Call) -> Canned | None:
        return self._answer
