"""The two sync commands: which syncs to open, running them here one by one, and what to exit with."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import CommandParser
from django.db import DatabaseError

from core.database.errors import classify
from integrations.as_json import sync_as_json
from integrations.management import console
from integrations.management.base import (
    FAILED,
    INTERRUPTED,
    NOT_ALL_GOOD,
    TERMINATED,
    OmsCommand,
    platform_named,
)
from integrations.models import SyncLog
from integrations.sync.run import request_sync, run_sync
from integrations.sync.stop_signal import StopSignal
from integrations.sync.windows import WindowRequest
from integrations.tasks import QUEUE_ERRORS, queue_sync
from integrations.wording import progress_line
from platforms.models import Platform

GOOD = (SyncLog.Status.SUCCEEDED,)
SO_SO = (SyncLog.Status.PARTIAL, SyncLog.Status.FALLBACK)
LOOK_AGAIN = 1.0  # seconds; while somebody else works on the sync, or it waits for quota

EXIT_STATUS = """\
exit status:
  0  all succeeded (with --background: all are queued)
  1  at least one failed or was cancelled
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
            "--json",
            action="store_true",
            help="one JSON object per sync on stdout, a line each; everything else goes to stderr",
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
        self._has_options = bool(skus) or (window is not None and window != WindowRequest())
        if not platforms:
            self.say(
                "No platform is active; there is nothing to sync. Activate one in the admin, or name one."
            )

        def open_sync(platform: Platform) -> tuple[SyncLog, bool]:
            return request_sync(
                platform=platform, kind=self.kind, trigger=SyncLog.Trigger.COMMAND, window=window, skus=skus
            )

        status = (self._queue_all if options["background"] else self._run_all)(platforms, open_sync)
        if status:
            sys.exit(status)

    def _platforms(self, name: str | None) -> list[Platform]:
        if name is None:
            return list(Platform.objects.filter(is_active=True))
        platform = platform_named(name)
        if not platform.is_active:
            self.say(f"{platform.name} is inactive: it is synced because you named it, and only now.")
        return [platform]

    # --- in the background

    def _queue_all(
        self, platforms: list[Platform], open_sync: Callable[[Platform], tuple[SyncLog, bool]]
    ) -> int:
        worst = 0
        for platform in platforms:
            try:
                log, is_new = open_sync(platform)
                # Of an older one the message may be lost; announcing it twice is harmless.
                if log.status == SyncLog.Status.QUEUED:
                    queue_sync(log)
            except QUEUE_ERRORS as error:
                self._trouble(platform, "could not be queued", error)
                worst = FAILED
                continue
            if not is_new:
                self._already_open(log)
            if self._as_json:
                self._write_json(log)
            else:
                self.stdout.write(f"{console.title(log)}: {_standing(log)} (sync #{log.pk})")
        return worst

    # --- here

    def _run_all(
        self, platforms: list[Platform], open_sync: Callable[[Platform], tuple[SyncLog, bool]]
    ) -> int:
        statuses = []
        with StopSignal() as stop, console.display() as shown:
            for platform in platforms:
                if stop.received():
                    self.say(f"Stopped before {platform.name}; run the same command again for the rest.")
                    return TERMINATED
                try:
                    log = self._run_one(*open_sync(platform), stop, shown)
                except (DatabaseError, ObjectDoesNotExist) as error:  # the latter: deleted meanwhile
                    self._trouble(platform, "stopped; what was read before is stored", error)
                    statuses.append(SyncLog.Status.FAILED)
                    continue
                self._report(log, shown)
                if log.is_open:
                    self.say(f"Stopped. {_where_it_stands(log)}")
                    return INTERRUPTED if self._interrupted else TERMINATED
                statuses.append(SyncLog.Status(log.status))
        return exit_status(statuses)

    _interrupted = False

    def _run_one(self, log: SyncLog, is_new: bool, stop: StopSignal, shown: console.Display) -> SyncLog:
        """Until the sync is closed, by us or by who has it, or we are told to stop."""
        try:
            if not is_new:
                self._already_open(log, shown)
            shown.begin(log)
            while log.is_open and not stop.received():
                if SyncLog.objects.claimable().filter(pk=log.pk).exists():
                    log = run_sync(log.pk, stopping=stop.received, on_page=shown.page)
                else:
                    self._show(log, shown)
                    stop.wait(LOOK_AGAIN)
                    log = SyncLog.objects.select_related("platform").get(pk=log.pk)
        except KeyboardInterrupt:
            self._interrupted = True
            log = SyncLog.objects.select_related("platform").get(pk=log.pk)
        return log

    def _show(self, log: SyncLog, shown: console.Display) -> None:
        if log.status == SyncLog.Status.WAITING:
            shown.waiting(log)
        else:
            shown.page(log)

    def _already_open(self, log: SyncLog, shown: console.Display | None = None) -> None:
        if log.status == SyncLog.Status.RUNNING:
            what = "is already being worked on" + ("; following it" if shown else "")
        elif log.status == SyncLog.Status.WAITING:
            what = f"is already open, {progress_line(log)}" + ("; going on with it here" if shown else "")
        else:
            what = "is already queued" + ("; running it here" if shown else "")
        options = " The options given now are not used: run the command again when it is done."
        (shown.say if shown else self.say)(
            f"{console.title(log)}: sync #{log.pk} (started by: {log.get_trigger_display()}) {what}."
            + (options if self._has_options else "")
        )

    # --- what people and programs get to see

    def _report(self, log: SyncLog, shown: console.Display) -> None:
        shown.close()
        if self._as_json:
            self._write_json(log)
            return
        style = {0: self.style.SUCCESS, NOT_ALL_GOOD: self.style.WARNING, FAILED: self.style.ERROR}
        colour = str if log.is_open else style[exit_status([SyncLog.Status(log.status)])]
        first, *more = console.report(log)
        self.stdout.write(colour(first))
        for line in more:
            self.stdout.write(line)
        self.stdout.flush()

    def _write_json(self, log: SyncLog) -> None:
        self.stdout.write(json.dumps(sync_as_json(log)))
        self.stdout.flush()

    def _trouble(self, platform: Platform, what: str, error: Exception) -> None:
        why = str(error) or type(error).__name__
        if isinstance(error, DatabaseError):
            trouble = classify(error)
            why = f"{trouble.happened} {trouble.advice}"
        self.say(f"{platform.name} {self.kind}: {what}: {why}")


def _standing(log: SyncLog) -> str:
    return progress_line(log) if log.status == SyncLog.Status.WAITING else str(log.status)


def exit_status(statuses: Sequence[SyncLog.Status]) -> int:
    if any(status not in (*GOOD, *SO_SO) for status in statuses):
        return FAILED
    return NOT_ALL_GOOD if any(status in SO_SO for status in statuses) else 0


def _where_it_stands(log: SyncLog) -> str:
    stored = f"What was read is stored ({console.counts(log)})"
    if log.status == SyncLog.Status.RUNNING:
        return f"{stored}; sync #{log.pk} goes on where it is being worked on."
    return (
        f"{stored}; run the same command again to continue sync #{log.pk} there, or leave it to the worker."
    )
