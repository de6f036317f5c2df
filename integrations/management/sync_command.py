"""The two sync commands: which syncs to open, running them here one by one, and what to exit with."""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import CommandParser
from django.db import DatabaseError

from core.database.errors import classify
from core.garbage import collect_rarely
from integrations.as_json import sync_as_json
from integrations.management import console
from integrations.management.base import (
    FAILED,
    INTERRUPTED,
    NOT_ALL_GOOD,
    TERMINATED,
    OmsCommand,
    platform_named,
    wrong_usage,
)
from integrations.models import SyncLog
from integrations.sync.lanes import in_the_way_of
from integrations.sync.queue import start_next
from integrations.sync.run import run_sync
from integrations.sync.start import Problem, Started, start_sync
from integrations.sync.stop_signal import StopSignal
from integrations.sync.streams import streams_of
from integrations.sync.windows import WindowRequest
from integrations.wording import (
    another_open_line,
    forecast_line,
    not_delivered_line,
    progress_line,
    queue_down_line,
)
from platforms.models import Platform

GOOD = (SyncLog.Status.SUCCEEDED,)
SO_SO = (SyncLog.Status.PARTIAL, SyncLog.Status.FALLBACK)
LOOK_AGAIN = 1.0  # seconds; while somebody else works on the sync, or it waits for quota

EXIT_STATUS = """\
exit status:
  0  all succeeded (with --background: all are queued)
  1  at least one failed or was cancelled, or was not started since another sync is open
  2  wrong usage; nothing was changed
  3  none failed, but some ended partial (records that could not be stored are listed) or with mock data
"""


class SyncCommand(OmsCommand):
    """`sync_orders` and `sync_inventory` add their own options and say what was asked for."""

    kind: str

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "platform",
            nargs="?",
            metavar="PLATFORM",
            help="name of one platform, e.g. amazon; without it, all active platforms, one after the other",
        )
        self.add_own_arguments(parser)
        parser.add_argument(
            "--background", action="store_true", help="only queue the work for the worker, and return at once"
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="where another sync is open that is not what you ask for: start when that one has ended",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="one JSON object per sync on stdout, a line each, with the keys of the API; everything else goes to "
            "stderr",
        )

    def add_own_arguments(self, parser: CommandParser) -> None:
        raise NotImplementedError

    def asked_for(self, options: dict[str, Any]) -> tuple[WindowRequest | None, Sequence[str]]:
        """The window and the SKUs. Raises CommandError for what cannot be used."""
        raise NotImplementedError

    def run(self, options: dict[str, Any], /) -> None:
        window, skus = self.asked_for(options)
        platforms = self._platforms(options["platform"])
        self._as_json: bool = options["json"]
        collect_rarely()  # as run_worker does
        if not platforms:
            self.say(
                "No platform is active; there is nothing to sync. Activate one in the admin, or name one."
            )

        start = partial(
            start_sync,
            kind=self.kind,
            trigger=SyncLog.Trigger.COMMAND,
            window=window,
            skus=skus,
            in_place=not options["background"],
            after_open=options["wait"],
        )
        status = (self._queue_all if options["background"] else self._run_all)(platforms, start)
        if status:
            sys.exit(status)

    def _platforms(self, name: str | None) -> list[Platform]:
        if name is None:
            active = Platform.objects.filter(is_active=True)
            return [platform for platform in active if self.kind in streams_of(platform)]
        platform = platform_named(name)
        if self.kind not in streams_of(platform):
            wrong_usage(f"PLATFORM: {not_delivered_line(platform, self.kind)} Nothing was changed.")
        if not platform.is_active:
            self.say(f"{platform.name} is inactive: it is synced because you named it, and only now.")
        return [platform]

    # --- in the background

    def _queue_all(self, platforms: list[Platform], start: Callable[..., Started]) -> int:
        worst = 0
        for platform in platforms:
            try:
                started = start(platform=platform)
            except (DatabaseError, ObjectDoesNotExist) as error:
                self._report_error(platform, "could not be queued", error)
                worst = FAILED
                continue
            if started.is_refused:
                self._say_another_is_open(started)
                worst = FAILED
                continue
            if started.problem == Problem.QUEUE_DOWN:
                self.warn(queue_down_line(started.log))
                worst = FAILED
            if not started.is_new:
                self._already_open(started.log)
            self._say_how_long(started)
            if self._as_json:
                self._write_json(started, started.log)
            else:
                log = started.log
                self.stdout.write(f"{console.title(log)}: {_standing(log)} (sync #{log.pk})")
        return worst

    # --- here

    def _run_all(self, platforms: list[Platform], start: Callable[..., Started]) -> int:
        statuses = []
        with StopSignal() as stop, console.display(quiet=self.is_quiet) as shown:
            for platform in platforms:
                if stop.received():
                    self.warn(f"Stopped before {platform.name}; run the same command again for the rest.")
                    return TERMINATED
                try:
                    started = start(platform=platform)
                    if started.is_refused:
                        self._say_another_is_open(started, shown)
                        statuses.append(SyncLog.Status.FAILED)
                        continue
                    self._say_how_long(started, shown)
                    log = self._run_one(started, stop, shown)
                except (DatabaseError, ObjectDoesNotExist) as error:  # the latter: deleted meanwhile
                    self._report_error(platform, "stopped; what was read before is stored", error)
                    statuses.append(SyncLog.Status.FAILED)
                    continue
                self._report(started, log, shown)
                if log.is_open:
                    self.warn(f"Stopped. {_where_it_stands(log)}")
                    return INTERRUPTED if self._interrupted else TERMINATED
                statuses.append(SyncLog.Status(log.status))
        return exit_status(statuses)

    _interrupted = False

    def _run_one(self, started: Started, stop: StopSignal, shown: console.Display) -> SyncLog:
        """Until the sync is closed, by us or by who has it, or we are told to stop."""
        log = started.log
        try:
            if not started.is_new or log.status == SyncLog.Status.DEFERRED:
                self._already_open(log, shown)
            shown.begin(log)
            while log.is_open and not stop.received():
                before = log.status
                self._take_a_step(log, stop, shown)
                log = _as_it_is(log.pk)
                if log.status == SyncLog.Status.DEFERRED != before:  # a regular one goes first
                    self._already_open(log, shown)
        except KeyboardInterrupt:
            self._interrupted = True
            log = _as_it_is(log.pk)
        return log

    def _take_a_step(self, log: SyncLog, stop: StopSignal, shown: console.Display) -> None:
        """Work on the sync, or on the one that it waits for, which nobody else may be working on; or wait a moment."""
        turn = log
        if log.status == SyncLog.Status.DEFERRED:
            turn = in_the_way_of(log) or log
        if SyncLog.objects.claimable().filter(pk=turn.pk).exists():
            turn = run_sync(turn.pk, stopping=stop.received, on_page=shown.page)
        else:
            self._show(turn, shown)
            stop.wait(LOOK_AGAIN)
        if not turn.is_open or turn.status == SyncLog.Status.DEFERRED:
            start_next(turn)

    def _show(self, log: SyncLog, shown: console.Display) -> None:
        if log.status == SyncLog.Status.WAITING:
            shown.waiting(log)
        elif log.status != SyncLog.Status.DEFERRED:
            shown.page(log)

    def _say_another_is_open(self, started: Started, shown: console.Display | None = None) -> None:
        hint = "Run the command again when it has ended, or with --wait to start then."
        text = f"{another_open_line(started.log)} {hint}"
        (shown.say if shown and not self.is_quiet else self.warn)(text)
        if self._as_json:
            refusal = {"code": Problem.ANOTHER_OPEN.value, "detail": text, "sync": sync_as_json(started.log)}
            self.result(json.dumps(refusal))

    def _say_how_long(self, started: Started, shown: console.Display | None = None) -> None:
        """Before a window is read, or read on: how long it will take."""
        if line := forecast_line(started.log):
            (shown.say if shown else self.say)(f"{console.title(started.log)}: {line}.")

    def _already_open(self, log: SyncLog, shown: console.Display | None = None) -> None:
        if log.status == SyncLog.Status.DEFERRED:
            what = progress_line(log) + ("; waiting for that here" if shown else "")
        elif log.status == SyncLog.Status.RUNNING:
            what = "is already being worked on" + ("; following it" if shown else "")
        elif log.status == SyncLog.Status.WAITING:
            what = f"is already open, {progress_line(log)}" + ("; going on with it here" if shown else "")
        else:
            what = "is already queued" + ("; running it here" if shown else "")
        (shown.say if shown else self.say)(
            f"{console.title(log)}: sync #{log.pk} (started by: {log.get_trigger_display()}) {what}."
        )

    # --- what people and programs get to see

    def _report(self, started: Started, log: SyncLog, shown: console.Display) -> None:
        shown.close()
        if self._as_json:
            self._write_json(started, log)
            return
        status = None if log.is_open else exit_status([SyncLog.Status(log.status)])
        style: dict[int | None, Callable[[str], str]] = {
            None: str,
            0: self.style.SUCCESS,
            NOT_ALL_GOOD: self.style.WARNING,
            FAILED: self.style.ERROR,
        }
        first, *more = console.report(log)
        for line in (style[status](first), *more):
            self.report(line, good=status == 0)
        self.stdout.flush()

    def _write_json(self, started: Started, log: SyncLog) -> None:
        problem = queue_down_line(log) if started.problem == Problem.QUEUE_DOWN else ""
        beside = {"already_open": not started.is_new, "queue_problem": problem}
        self.result(json.dumps({**sync_as_json(log), **beside}))

    def _report_error(self, platform: Platform, what: str, error: Exception) -> None:
        why = str(error) or type(error).__name__
        if isinstance(error, DatabaseError):
            problem = classify(error)
            why = f"{problem.happened} {problem.advice}"
        self.warn(f"{platform.name} {self.kind}: {what}: {why}")


def _as_it_is(pk: int) -> SyncLog:
    return SyncLog.objects.select_related("platform").get(pk=pk)


def _standing(log: SyncLog) -> str:
    waits = (SyncLog.Status.WAITING, SyncLog.Status.DEFERRED)
    return progress_line(log) if log.status in waits else str(log.status)


def exit_status(statuses: Sequence[SyncLog.Status]) -> int:
    if any(status not in (*GOOD, *SO_SO) for status in statuses):
        return FAILED
    return NOT_ALL_GOOD if any(status in SO_SO for status in statuses) else 0


def _where_it_stands(log: SyncLog) -> str:
    stored = f"What was read is stored ({console.counts(log)})"
    if log.status == SyncLog.Status.RUNNING:
        return f"{stored}; sync #{log.pk} goes on where it is being worked on."
    if log.status == SyncLog.Status.DEFERRED:
        return f"Sync #{log.pk} {progress_line(log)}; a worker runs it then. If nobody wants it, cancel it."
    return (
        f"{stored}; run the same command again to continue sync #{log.pk} there, or leave it to the worker."
    )
