"""The output of sync commands: while a sync runs, and when it has ended."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from integrations.models import SyncLog
from integrations.registry import advice_of, channel_label
from integrations.sync.estimates import pages_expected
from integrations.sync.streams import counted
from integrations.wording import progress_line
from platforms.models import Source

SHOWN_FAILURES = 5
SECONDS_BETWEEN_LINES = 5.0  # where there is no terminal to draw on

# What to do next, for errors whose own sentence does not say it.
ADVICE = {
    "config": "Store the platform's complete credentials: in the admin, or with PUT /platforms/{id}.",
    "unreadable_credentials": "Put the key back that encrypted them (FIELD_ENCRYPTION_KEY takes several), or "
    "store the credentials again.",
    "library_missing": "Install what OMS needs: pip install -r requirements.txt.",
    "forbidden": "manage.py check_platform says which permission is missing; grant it, then run it again.",
    "unavailable": "Nothing is lost: run it again in a few minutes.",
    "timeout": "Nothing is lost: run it again in a few minutes; check the network if it stays.",
    "connection": "Nothing is lost: check the network, and endpoints that are set in .env; then run it again.",
    "broken_answer": "Nothing is lost: run it again soon; if it stays, tell the platform's support the request id.",
    "error_in_answer": "Run it again in a few minutes; if it stays, tell the platform's support the request id.",
    "bad_request": "Check the options given; if there were none, tell the platform's support the request id.",
    "page_loop": "Nothing is lost: run it again; if it stays, tell the platform's support the request id.",
    "internal": "Run it again; if it stays, report it with the log's traceback.",
    "cancelled": "Start it again when you want the rest.",
}


def title(log: SyncLog) -> str:
    return f"{log.platform.name} {log.kind}"


def counts(log: SyncLog) -> str:
    return (
        f"{log.fetched} fetched: {log.created} new, {log.updated} changed, {log.unchanged} unchanged, "
        f"{log.failed} failed"
    )


def format_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "?"


def report(log: SyncLog) -> Iterator[str]:
    """The lines that tell a person how a sync ended, or where it stands."""
    yield f"{title(log)}: {_outcome(log)} (sync #{log.pk})"
    if log.started_at:
        yield f"  {_what_it_covered(log)}"
        yield f"  {counts(log)}; {_plural(log.api_calls, 'API call')}{_throttled(log)}, {_duration(log)}"
    for note in log.notes:
        yield f"  note: {note['message']}"
    yield from _error(log)
    yield from _failures(log)


def _outcome(log: SyncLog) -> str:
    if log.source == Source.MOCK:
        return f"{log.status.upper()} - MOCK DATA, invented, not your {log.kind}"
    if log.source == Source.SANDBOX:
        return f"{log.status} - SANDBOX DATA, examples of {channel_label(log.platform.kind)}"
    waits = (SyncLog.Status.WAITING, SyncLog.Status.DEFERRED)
    return progress_line(log) if log.status in waits else str(log.status)


def _what_it_covered(log: SyncLog) -> str:
    source = {Source.MOCK: "MOCK", "": "no"}.get(log.source, log.source) + " data"
    if log.window_by:
        return (
            f"{source}, {log.window_by} from {format_time(log.window_start)} to {format_time(log.window_end)}"
        )
    return f"{source}, {counted(log.kind, len(log.skus), str(len(log.skus) or 'all'))}"


def _error(log: SyncLog) -> Iterator[str]:
    if not log.error_code:
        return
    # Without credentials, mock data is what was promised, and no error.
    word = "why" if log.is_mock_as_promised else f"error ({log.error_code})"
    yield f"  {word}: {log.error_message}"
    if advice := advice_of(log.platform.kind, log.error_code) or ADVICE.get(log.error_code):
        yield f"  what to do: {advice}"
    if log.request_id:
        yield f"  {channel_label(log.platform.kind)}'s request id: {log.request_id}"


def _failures(log: SyncLog) -> Iterator[str]:
    if not log.failed:
        return
    for failure in log.failures.order_by("pk")[:SHOWN_FAILURES]:
        name = failure.external_id or "(no id)"
        yield f"  not stored: {name} ({failure.error_code}): {failure.error_message}"
    if log.failed > SHOWN_FAILURES:
        yield f"  and {log.failed - SHOWN_FAILURES} more: see sync #{log.pk} in the admin's sync log"


def _throttled(log: SyncLog) -> str:
    return f" ({log.throttled} throttled)" if log.throttled else ""


def _duration(log: SyncLog) -> str:
    seconds = log.duration.total_seconds() if log.duration else 0.0
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


class Display:
    """Shows on stderr how a sync gets on. This one writes a line now and then; `Live` draws on a terminal."""

    def __init__(self) -> None:
        self._last_line = 0.0
        self._begin = (time.monotonic(), 0)
        self._waits_until: datetime | None = None

    def begin(self, log: SyncLog) -> None:
        """A sync is about to be worked on, or followed."""
        self._begin = (time.monotonic(), log.fetched)
        self._last_line = 0.0
        self._waits_until = None

    def page(self, log: SyncLog) -> None:
        """A page was stored. Never raises: that nobody reads stderr any more is no failure of the sync."""
        self._waits_until = None
        with suppress(OSError, ValueError):
            self._show(log, self._progress(log))

    def waiting(self, log: SyncLog) -> None:
        """It waits for quota. Says so once for each wait."""
        if log.resume_at and log.resume_at != self._waits_until:
            self._waits_until = log.resume_at
            self._last_line = 0.0
            self._show(log, f"{progress_line(log)}; {_so_far(log)}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201

    def close(self) -> None:
        pass

    def _progress(self, log: SyncLog) -> str:
        begun, before = self._begin
        rate = (log.fetched - before) / max(time.monotonic() - begun, 0.001)
        return f"{progress_line(log)}; {_so_far(log)}, {rate:.0f} a second"

    def _show(self, log: SyncLog, text: str) -> None:
        if time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES or not self._last_line:
            self._last_line = time.monotonic()
            self.say(f"{title(log)}: {text}")


class Silent(Display):
    """Shows nothing."""

    def say(self, text: str) -> None:
        pass


class Live(Display):
    """One line that changes, with what is logged meanwhile above it."""

    def __init__(self) -> None:
        super().__init__()
        self._progress_bar = Progress(
            SpinnerColumn(),
            # On a narrow terminal it takes a second line, rather than losing its end.
            TextColumn("{task.description}", table_column=Column(no_wrap=False, overflow="fold")),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
        )
        self._task: TaskID | None = None

    def begin(self, log: SyncLog) -> None:
        super().begin(log)
        if self._task is None:
            self._progress_bar.start()
        else:
            self._progress_bar.remove_task(self._task)
        self._task = self._progress_bar.add_task(f"{escape(title(log))}: starting", total=None)

    def say(self, text: str) -> None:
        self._progress_bar.console.print(escape(text), highlight=False)

    def close(self) -> None:
        if self._task is not None:
            self._progress_bar.stop()
            self._task = None

    def _show(self, log: SyncLog, text: str) -> None:
        if self._task is not None:
            self._progress_bar.update(
                self._task,
                description=escape(f"{title(log)}: {text}"),
                completed=log.pages,
                total=pages_expected(log),  # without it the bar only moves to and fro
            )


def _so_far(log: SyncLog) -> str:
    return counted(log.kind, log.fetched, str(log.fetched))


@contextmanager
def display(*, quiet: bool = False) -> Iterator[Display]:
    """A progress display where stderr is a terminal, lines otherwise; nothing where it is to be quiet."""
    shown: Display = Silent() if quiet else Live() if sys.stderr.isatty() else Display()
    try:
        with _logs_above(shown):
            yield shown
    finally:
        shown.close()


@contextmanager
def _logs_above(shown: Display) -> Iterator[None]:
    """What is logged to the same terminal would tear the drawn line; let it pass through the display."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]
    if not isinstance(shown, Live):
        handlers = []
    streams = [handler.setStream(_Above(shown)) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, streams, strict=True):
            handler.setStream(stream)


class _Above:
    """A stream that prints above the drawn line."""

    def __init__(self, shown: Display) -> None:
        self._shown = shown

    def write(self, text: str) -> None:
        if text.strip():
            self._shown.say(text.rstrip("\n"))

    def flush(self) -> None:
        pass
