"""Token buckets ahead of time: when the calls of a plan can be made. Pure: no clock, no database, no network.

Seconds count from now.
"""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Regular:
    """What regular syncs take of a bucket: `calls` every `every` seconds, for the first time in `first` seconds. They
    go first."""

    calls: float
    every: float
    first: float = 0.0

    def __post_init__(self) -> None:
        if self.calls < 0 or self.every <= 0 or self.first < 0:
            raise ValueError("regular syncs take calls every so many seconds, from now on")


@dataclass(frozen=True, slots=True)
class Bucket:
    """What an account is granted of one operation: `tokens` calls now, `rate` more a second, `burst` at most.

    `kept`: so many are left to others, at every time.
    """

    operation: str
    rate: float
    burst: int
    tokens: float
    kept: float = 0.0
    regular: Regular | None = None

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.burst < 1:
            raise ValueError("a bucket needs a rate above 0 and a burst of at least 1")
        if self.tokens > self.burst or not 0 <= self.kept <= self.burst - 1:
            raise ValueError("a bucket holds no more than its burst, and lets one call through at least")

    @property
    def seconds_per_call(self) -> float:
        return 1 / self.rate

    def seconds_until(self, calls: int) -> float:
        """When the last of so many calls is made, each as soon as it can be. math.inf: never, since the regular syncs
        take all that is refilled."""
        if calls <= 0:
            return 0.0
        # Of each moment: the tokens that are there, less all that were taken. While calls wait, the bucket is not full.
        lacking = calls - (self.tokens - self.kept)
        plain = max(0.0, lacking / self.rate)
        if self.regular is None or plain < self.regular.first:
            return plain
        return self._seconds_beside(self.regular, lacking)

    def _seconds_beside(self, regular: Regular, lacking: float) -> float:
        """The supply rises, and falls by `calls` at each turn of the regular syncs: in the first span between two turns
        in which it is enough."""
        gained = self.rate * regular.every - regular.calls
        at_first = lacking - self.rate * regular.first
        if at_first + regular.calls <= 0:  # enough at the first turn, with what that takes
            return regular.first
        if gained <= 0 and at_first >= gained:
            return math.inf
        turns = max(1, math.floor(at_first / gained) + 1) if gained > 0 else 1
        begins = regular.first + (turns - 1) * regular.every
        return max(begins, (lacking + turns * regular.calls) / self.rate)

    def after(self, seconds: float) -> "Bucket":
        """The bucket so much later, if nobody but the regular syncs takes of it."""
        if self.regular is None:
            return replace(self, tokens=min(float(self.burst), self.tokens + self.rate * seconds))
        tokens, now, turn = self.tokens, 0.0, self.regular.first
        while turn <= seconds:
            tokens = min(float(self.burst), tokens + self.rate * (turn - now)) - self.regular.calls
            now, turn = turn, turn + self.regular.every
        tokens = min(float(self.burst), tokens + self.rate * (seconds - now))
        return replace(self, tokens=tokens, regular=replace(self.regular, first=turn - seconds))


class Draws:
    """A bucket that is drawn from step by step, in the order of time; without regular syncs."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket, self._tokens, self._now = bucket, bucket.tokens, 0.0

    def next(self, at: float) -> float:
        """When a call is made that is wanted at `at`."""
        bucket, at = self._bucket, max(at, self._now)
        tokens = min(float(bucket.burst), self._tokens + bucket.rate * (at - self._now))
        lacking = max(0.0, 1 + bucket.kept - tokens)
        self._tokens, self._now = tokens + lacking - 1, at + lacking / bucket.rate
        return self._now
