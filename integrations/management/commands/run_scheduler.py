import logging
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import CommandParser
from django.db import DatabaseError, close_old_connections

from integrations.management.base import FAILED, OmsCommand, check_database
from integrations.models import SyncLog
from integrations.schedule import abandoned_syncs, due_syncs
from integrations.stopping import StopSignal
from integrations.tasks import QUEUE_ERRORS, queue_sync
from integrations.usage import prune_usage
from inventory.snapshots import take_due_snapshots
from orders.services import purge_buyers

logger = logging.getLogger(__name__)

TICK = 15.0  # seconds
DAY = 24 * 3600.0


class Command(OmsCommand):
    help = (
        "Queue the syncs that are due, for the worker to run.\n\n"
        "Every 15 seconds it looks at the intervals of the active platforms that have credentials, queues\n"
        "what is due, and queues again what a worker lost. Once an hour it writes down what is in stock, and\n"
        "once a day it deletes buyer data whose time has come. One scheduler is enough; several do no harm.\n"
        "Stop it with Ctrl-C or SIGTERM."
    )
    examples = (
        "examples:\n"
        "  manage.py run_scheduler           until it is stopped\n"
        "  manage.py run_scheduler --once    once, e.g. from cron every minute\n\n"
        "exit status:\n"
        "  0  stopped, or with --once: all went well\n"
        "  1  with --once: something could not be queued; the reason is on stderr\n"
    )
    _did_something = False
    needs_database = False  # it waits for a database that is not there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once, say what was done, and exit")

    def run(self, options: dict[str, Any], /) -> None:
        self._purged_at: float | None = None
        if options["once"]:
            self._once()
            return
        with StopSignal(signal.SIGTERM, signal.SIGINT) as stop:
            self._log("Scheduler started; it looks every 15 seconds.")
            while not stop.received():
                close_old_connections()  # one that broke meanwhile is opened again
                self._tick()
                stop.wait(TICK)
        self._log("Scheduler stopped.")

    def _once(self) -> None:
        check_database()
        went_well = self._tick()
        if not self._did_something:
            self._log("Nothing was due.")
        if not went_well:
            raise SystemExit(FAILED)

    def _tick(self) -> bool:
        """Each step on its own: one that fails is logged and tried again at the next tick."""
        steps: tuple[Callable[[], bool], ...] = (
            lambda: self._queue(due_syncs(), "is due"),
            lambda: self._queue(abandoned_syncs(), "was not worked on"),
            self._purge,
            self._write_down_stock,
        )
        went_well = True
        for step in steps:
            try:
                went_well &= step()
            except DatabaseError as error:
                went_well = False
                logger.error(
                    "The database cannot be used right now; trying again. It says: %s "
                    "(If it was never set up: manage.py migrate.)",
                    error,
                )
        return went_well

    def _queue(self, logs: Iterable[SyncLog], why: str) -> bool:
        went_well = True
        for log in logs:
            try:
                queue_sync(log)
            except QUEUE_ERRORS as error:  # the sync is announced again later
                went_well = False
                logger.error(
                    "Sync %s of %s cannot be queued; trying again: %s", log.pk, log.platform.name, error
                )
            else:
                self._log(f"Queued sync #{log.pk}: {log.platform.name} {log.kind} {why}.")
        return went_well

    def _purge(self) -> bool:
        if self._purged_at is None or time.monotonic() - self._purged_at >= DAY:
            purged = purge_buyers()
            prune_usage()
            self._purged_at = time.monotonic()
            if purged:
                self._log(f"Deleted the buyer data of {purged} orders, whose time had come.")
        return True

    def _write_down_stock(self) -> bool:
        if written := take_due_snapshots():
            self._log(f"Wrote down today's stock of {written} SKUs.")
        return True

    def _log(self, text: str) -> None:
        self._did_something = True
        self.stdout.write(text)
        self.stdout.flush()
