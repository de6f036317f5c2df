"""What a stream is: one sort of record that channels deliver, and everything in which its sync differs from others.

Stream      its name, how often it is synced, and how its records are fetched, stored and deleted
Progress    what one worker knows of one run: where it started, and what the pages tell about the whole run
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.outcome import Outcome
from integrations.models import StreamState, SyncLog
from integrations.protocol import Adapter, Checkpoint, Note, Page, RecordFailure, Window
from integrations.sync import parts
from integrations.sync.datasets import recovered
from integrations.sync.estimates import guess_like_last_run
from integrations.sync.windows import makes_sense
from platforms.models import Platform

Record = TypeVar("Record")
AnyPage = TypeVar("AnyPage", bound=Page[Any])


class Progress(ABC, Generic[AnyPage]):
    """One run as one worker sees it. A subclass keeps what the pages tell about the whole run."""

    def __init__(self, log: SyncLog, adapter: Adapter) -> None:
        self.log = log
        self.adapter = adapter
        self.source = adapter.source
        self.start: Checkpoint = log.checkpoint.get("page") or {}
        self.is_done: bool = log.checkpoint.get("done", False)
        # What all workers of this run covered: credentials and marketplaces may change while it is put back.
        self._scope = _in_both(log.checkpoint.get("scope", adapter.scope), adapter.scope)
        # Parts of the scope that this run leaves out, or did not read to their end.
        self.unread: set[str] = set(log.checkpoint.get("unread", ()))
        self._state = StreamState.of(log.platform, log.kind)
        self._calls_before, self._throttled_before = log.api_calls, log.throttled

    @abstractmethod
    def pages(self) -> Iterator[AnyPage]:
        """From where the last worker stopped. Raises PlatformError."""

    def receive(self, page: AnyPage) -> None:
        """A page has come, and is stored next."""
        self.unread.update(page.unread)
        self.take(page)

    def take(self, page: AnyPage) -> None:
        """Keep what a page tells about the whole run, before it is stored. Called once a page, however often
        storing is tried: a run whose page cannot be stored ends, and what it remembers with it."""

    def store(self, stream: "Stream[Record, AnyPage]", records: Sequence[Record]) -> Outcome:
        """Store records of the page that came last, all or none; it may be tried again, with fewer of them."""
        return stream.store(self.log.platform, records, self.source, self.log.pk)

    def after_page(self, page: AnyPage) -> None:
        """Called after a page was stored. Runs inside the page's transaction, which may be repeated."""

    def take_notes(self) -> tuple[Note, ...]:
        """What the run itself has to say, once the page is stored."""
        return ()

    def remembered(self) -> Checkpoint:
        """What the next worker of this run has to know besides the place where it continues."""
        return {}

    @property
    def scope(self) -> str:
        """What this run covers, the parts that it leaves out included; empty if a refused data set came back, because
        older records lack it."""
        return "" if recovered(self._state, self.adapter.datasets) else self._scope

    def checkpoint(self, page: AnyPage) -> Checkpoint:
        """The checkpoint after this page."""
        place = {"page": page.next or {}, "done": page.next is None, "scope": self.scope}
        return place | {"unread": sorted(self.unread)} | self.remembered()

    def count_calls(self) -> None:
        """Put the calls that the adapter made so far on the log, on top of those of earlier workers."""
        self.log.api_calls = self._calls_before + self.adapter.usage.calls
        self.log.throttled = self._throttled_before + self.adapter.usage.throttled


class Stream(ABC, Generic[Record, AnyPage]):
    """One per sort of record; STREAMS has them all. It keeps nothing between calls.

    A run of a stream that has a window covers a span of time, settled when it starts, and its watermark says until
    when the stream is complete; a run of any other reads what there is.
    """

    name: ClassVar[str]  # as in SyncLog.kind, JSON, and commands; at most 16 characters
    label: ClassVar[str | Promise]  # "orders": lower case, as within a sentence
    default_interval: ClassVar[int]  # minutes between scheduled syncs, where nobody chose
    # Between two tries of what keeps failing; a longer interval stays as it is.
    longest_pause: ClassVar[timedelta] = timedelta(hours=6)
    has_window: ClassVar[bool] = False
    without_window: ClassVar[str | Promise] = _("as of now")  # stands for the window where there is none
    # Its rows, which have a platform and a source; None: it keeps none.
    model: ClassVar[type[Model] | None] = None

    def counted(self, count: int, shown: str) -> str:
        """A number of records in the reader's language: "12 orders". `shown` is the number as it is written there."""
        return f"{shown} {self.label}"

    @abstractmethod
    def progress(self, log: SyncLog, adapter: Adapter) -> Progress[AnyPage]:
        """A run of this stream, at the place where the last worker left it."""

    @abstractmethod
    def fetch(self, adapter: Adapter, external_id: str) -> tuple[Sequence[Record], Sequence[RecordFailure]]:
        """Fetch a record by its id: the records to store, and the failures.

        Raises PlatformError for a problem that is not about this record.
        """

    @abstractmethod
    def store(
        self, platform: Platform, records: Sequence[Record], source: str, sync_log_id: int | None
    ) -> Outcome:
        """Store all or none. `sync_log_id` is the sync that brought them, None where a person asked for them.

        Raises DatabaseError where a value does not fit.
        """

    def after_fetch(self, platform: Platform, records: Sequence[Record], source: str) -> None:
        """Called after all records that `fetch` found were stored, within the same transaction."""

    def still_lacking(self, platform: Platform, records: Sequence[Record]) -> RecordFailure | None:
        """Why one of these records, which were stored, is not all here; None where all are."""
        return None

    @abstractmethod
    def id_of(self, record: Record) -> str:
        """The id of the record, as `fetch` takes it and a failure keeps it."""

    def evidence_of(self, record: Record) -> dict[str, Any]:
        """What a failure keeps of a record that could not be stored: JSON, without personal data."""
        return {}

    def guess_pages(self, log: SyncLog, source: str) -> int | None:
        """About how many pages a run on this source will be, once its window is settled; None where nothing is known.

        A run that goes on keeps the guess that it began with.
        """
        return log.pages_expected if log.pages else self.first_guess(log, source)

    def first_guess(self, log: SyncLog, source: str) -> int | None:
        """The same for a run that has read no page yet."""
        return guess_like_last_run(log, source)

    def after_live_success(self, log: SyncLog, scope: str) -> None:
        """Runs inside the transaction that closes the sync."""
        if self.has_window:
            _move_watermark(log, scope)

    def has_rows(self, platform: Platform, source: str | None = None) -> bool:
        """Whether any row of this source (None: of any) is stored for the platform."""
        if self.model is None:
            return False
        rows = self.model._default_manager.filter(platform=platform)
        return (rows if source is None else rows.filter(source=source)).exists()

    def delete(self, platform: Platform, sources: Iterable[str]) -> int:
        """Delete the platform's rows of these sources. Returns how many records there were."""
        if self.model is None:
            return 0
        rows = self.model._default_manager.filter(platform=platform, source__in=list(sources))
        return rows.delete()[0] if rows.exists() else 0  # nearly always there are none


def window_of(log: SyncLog) -> Window:
    """The settled window of a run."""
    if log.window_start is None or log.window_end is None:
        raise ValueError(f"A sync of {log.kind} needs a settled window.")
    return Window(log.window_by, log.window_start, log.window_end)


def _move_watermark(log: SyncLog, scope: str) -> None:
    """Move it to the window's end, never to the present time and never back, and only after a run that continued from
    the old watermark.

    `complete_until` on the checkpoint: the platform answered for less time than was asked.
    """
    if not log.is_incremental or log.window_end is None:
        return
    ends = [log.window_end]
    if log.checkpoint.get("complete_until"):
        ends.append(datetime.fromisoformat(log.checkpoint["complete_until"]))
    end, state = min(ends), StreamState.of(log.platform, log.kind)
    if state.watermark is not None and not makes_sense(state.watermark, log.window_end):
        state.watermark = None
    if state.watermark is not None and end < state.watermark:
        return
    unread = set(log.checkpoint.get("unread", ()))
    values: dict[str, Any] = {
        "watermark_scope": ",".join(part for part in scope.split(",") if part not in unread),
        "part_watermarks": parts.watermarks(log, state, scope, unread),
    }
    if state.watermark is not None and log.window_start is not None and log.window_start > state.watermark:
        _go_on_from_lists(log, end, values)
        return
    if state.known_until is not None and state.known_until <= end:
        values |= {"known_until": None, "skipped_until": None}
    StreamState.write(log.platform_id, log.kind, watermark=end, **values)


def _go_on_from_lists(log: SyncLog, end: datetime, values: dict[str, Any]) -> None:
    """The run began where lists end: until its own end, orders are known now. The watermark stays: what it left out is
    still to be fetched, and whoever does that moves it (completeness/keeping_up/settling.py)."""
    StreamState.write(log.platform_id, log.kind, **values)
    known = StreamState.objects.filter(platform=log.platform_id, stream=log.kind, known_until__lt=end)
    known.update(known_until=end)


def _in_both(one: str, other: str) -> str:
    """The comma-separated parts that both scopes have."""
    parts = other.split(",")
    return ",".join(part for part in one.split(",") if part in parts)
