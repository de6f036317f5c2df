"""What time it is at Amazon, by the header Date of its answers; it decides which windows Amazon takes.

It is kept in the process: each process starts with a call for an access token, whose answer tells the time, and
processes on other machines have other clocks. https://www.rfc-editor.org/rfc/rfc9110#field.date
"""

import threading
from collections import deque
from datetime import UTC, datetime, timedelta

import httpx
from django.utils import timezone

from integrations.amazon.retry import http_date
from integrations.errors import PlatformError

# An answer at least so young, Amazon refuses; what is beyond it is our margin, for clocks that differ inside Amazon and
# for what Date cannot tell. createdBefore and lastUpdatedBefore in orders_2026-01-01.json,
# https://github.com/amzn/selling-partner-api-models
YOUNGEST = timedelta(minutes=2)
MARGIN = timedelta(minutes=1)
ORDER_LAG = YOUNGEST + MARGIN

WHOLE_SECOND = timedelta(seconds=1)  # Date has no fractions: half of it is missing on average
TOO_SMALL = timedelta(seconds=2)  # to be told from travel and rounding
JUMP = timedelta(seconds=5)  # a difference that changes by more was not measured badly: a clock was set
# What is further off is no clock that goes wrong, and is not corrected: syncs of orders are refused. All times that OMS
# writes itself would be off by as much, and so would be the days after which it deletes personal data.
BELIEVED = timedelta(days=1)
KEPT = 8  # answers that the difference is the mean of

HOW_TO_SET = (
    "Switch on this machine's time synchronisation (NTP; on Linux: timedatectl set-ntp true; for a container, on its "
    "host)."
)
NOT_CORRECTED = (
    "OMS corrects a day at the most, so no orders are fetched until it is right: nothing is lost, the first sync after "
    "that reads on from where orders are complete."
)

_lock = threading.Lock()
_measured: dict[
    str, deque[timedelta]
] = {}  # endpoint -> Amazon's clock less ours, as the last answers told it


class AmazonClock:
    """The clock behind one endpoint, for all accounts of the process. Threads may share it."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def hear(self, response: httpx.Response) -> None:
        """Is told of each answer as soon as its headers are there. Raises nothing."""
        dates = response.headers.get_list("Date")  # a proxy may put its own in front
        told = http_date(dates[-1]) if dates else None
        if told is None:
            return
        try:
            difference = told + WHOLE_SECOND / 2 - timezone.now()
        except OverflowError:  # the year 9999
            return
        with _lock:
            kept = _measured.setdefault(self._endpoint, deque(maxlen=KEPT))
            if kept and abs(difference - _mean(kept)) > JUMP:
                kept.clear()
            kept.append(difference)

    def difference(self) -> timedelta:
        """Amazon's clock less ours, as measured; zero where no answer has told it."""
        with _lock:
            kept = _measured.get(self._endpoint)
            return _mean(kept) if kept else timedelta(0)

    def offset(self) -> timedelta:
        """What is to be added to our time for Amazon's: zero where the difference is too small or too large."""
        difference = self.difference()
        return difference if TOO_SMALL <= abs(difference) <= BELIEVED else timedelta(0)

    @property
    def is_wrong(self) -> bool:
        """Whether our time is so far off that nothing may be asked by it."""
        return abs(self.difference()) > BELIEVED

    def refuse_if_wrong(self) -> None:
        """Raises PlatformError."""
        if self.is_wrong:
            text = f"{in_words(self.difference())} {NOT_CORRECTED} {HOW_TO_SET}"
            raise PlatformError(text, code="clock_wrong")

    def now(self) -> datetime:
        """Amazon's time."""
        return timezone.now().astimezone(UTC) + self.offset()


def in_words(difference: timedelta) -> str:
    """How far this machine's clock is off, as a sentence. `difference` is Amazon's clock less ours."""
    relation = "behind" if difference > timedelta(0) else "ahead of"
    return f"This machine's clock is {_length(abs(difference))} {relation} Amazon's."


def _length(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{seconds} seconds"


def _mean(differences: deque[timedelta]) -> timedelta:
    return sum(differences, timedelta(0)) / len(differences)
