"""The span of time that a listing of orders is asked for: the window, cut to what Amazon takes. The same for all pages.

Facts: orders_2026-01-01.json in https://github.com/amzn/selling-partner-api-models
"""

from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from core.iso import utc_text
from integrations.amazon import parse
from integrations.amazon.clock import ORDER_LAG, WHOLE_SECOND, YOUNGEST, AmazonClock
from integrations.errors import PlatformError, RequestRefused
from integrations.protocol import Checkpoint, Note, Window

# "This API does not display order data that is more than two years old, except in the JP, AU, and SG marketplaces, for
# which data from 2016 and after is available": these are the marketplaces of the region FE.
MEMORY = timedelta(days=730) - timedelta(hours=1)
FAR_EAST_SINCE = datetime(2016, 1, 1, tzinfo=UTC)
STEP_BACK = timedelta(minutes=5)  # for the one repetition


class OrderSpan:
    """A listing that goes on from a checkpoint keeps the span that it began with: Amazon refuses a page token that
    comes with others."""

    def __init__(self, window: Window, checkpoint: Checkpoint, *, region: str, clock: AmazonClock) -> None:
        self.family = "lastUpdated" if window.by == "updated" else "created"
        self.start, self.end = window.start, window.end
        self._clock, self._region = clock, region
        self._is_moved = False  # the end, for the rest of the listing
        # What was noted once is not noted again: an answer's own bound that is odd, a start that was cut.
        self._is_odd, self._is_cut = False, bool(checkpoint)
        self._notes: list[Note] = []
        if "span" in checkpoint:
            self.start, self.end = map(datetime.fromisoformat, checkpoint["span"])
            self._is_moved = self.end < window.end
        elif not checkpoint:
            self._begin_where_amazon_remembers()

    @property
    def is_empty(self) -> bool:
        return self.start > self.end

    def starting_at(self, start: datetime) -> "OrderSpan":
        """The span of the next listing of the same run, with the end of this one."""
        following = copy(self)
        following.start = start
        following._begin_where_amazon_remembers()
        return following

    def checkpoint(self) -> Checkpoint:
        return {"span": [self.start.isoformat(), self.end.isoformat()]}

    def parameters(self) -> dict[str, str]:
        """Both ends as Amazon takes them.  https://developer-docs.amazon.com/sp-api/docs/iso-8601"""
        return {f"{self.family}After": utc_text(self.start), f"{self.family}Before": utc_text(self.end)}

    def end_earlier(self, error: PlatformError) -> bool:
        """Whether to ask for the first page once more, with the end that it has now: Amazon took the end for too
        young."""
        if self._is_moved or not self._is_too_young(error):
            return False
        end = (min(self.end, self._clock.now() - ORDER_LAG) - STEP_BACK).replace(microsecond=0)
        if end <= self.start:
            return False
        text = (
            f"Amazon took {utc_text(self.end)}, until when orders were asked for, for too young. They were read until "
            f"{utc_text(end)}; the next sync reads the rest. {error}"
        )
        self.end, self._is_moved = end, True
        self._notes.append(Note("window_end_moved", text))
        return True

    def explained(self, error: PlatformError) -> PlatformError:
        """The error with what to do, where the end is refused although it was moved back."""
        if not (self._is_moved and self._is_too_young(error)):
            return error
        return RequestRefused(
            f"{error} Amazon refused this although the end was moved back, to {utc_text(self.end)}. No orders were "
            "read; the next sync asks for the same time span. Compare this machine's clock with the right time, and "
            "switch on its time synchronisation.",
            code=error.code,
            request_id=error.request_id,
            status=error.status,
        )

    def is_to_blame(self, error: PlatformError) -> bool:
        """Whether the refusal is about the end of the window and nothing else, although that was moved back. A general
        text names the ends of both sorts of window."""
        text = str(error).lower()
        is_general = "createdbefore" in text and "lastupdatedbefore" in text
        return self._is_moved and self._is_too_young(error) and not is_general

    def complete_until(self, answer: Mapping[str, Any]) -> datetime | None:
        """Until when the answer says it is complete, None where it says nothing or nothing that makes sense."""
        said = answer.get("lastUpdatedBefore") or answer.get("createdBefore")
        until = parse.time(said)
        if said and (until is None or not self.start <= until <= self.end + WHOLE_SECOND):
            self._note_odd(said)
            until = None
        return self.end if self._is_moved and until is None else until

    def take_notes(self) -> tuple[Note, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes

    def _begin_where_amazon_remembers(self) -> None:
        earliest = FAR_EAST_SINCE if self._region == "FE" else self._clock.now() - MEMORY
        if self.start >= earliest:
            return
        since = "2016" if self._region == "FE" else "two years ago"
        text = (
            f"Amazon shows no orders from before {since}: they were read from {utc_text(earliest)} instead of "
            f"{utc_text(self.start)}. What is stored of older ones stays."
        )
        self.start = earliest.replace(microsecond=0)
        if not self._is_cut:
            self._notes.append(Note("window_start_moved", text))
        self._is_cut = True

    def _is_too_young(self, error: PlatformError) -> bool:
        """Whether it names the end of the window, or names nothing while the end is too young by Amazon's clock."""
        if not isinstance(error, RequestRefused) or error.status != 400:
            return False
        is_named = f"{self.family}Before".lower() in str(error).lower()
        return is_named or self._clock.now() - self.end < YOUNGEST

    def _note_odd(self, said: Any) -> None:
        if self._is_odd:
            return
        self._is_odd = True
        text = (
            f"Amazon said that its list of orders is complete until {str(said)[:40]!r}, which makes no sense for a "
            f"window from {utc_text(self.start)} to {utc_text(self.end)}. OMS ignored it, and nothing is missing for "
            "that reason."
        )
        self._notes.append(Note("odd_completeness", text))
