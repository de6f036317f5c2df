import logging
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import DatabaseError, close_old_connections
from django.utils.module_loading import import_string

from integrations.completeness.history.queue import announce_backfill, lost_backfills
from integrations.completeness.keeping_up.queue import announce_catch_up, due_catch_ups, lost_catch_ups
from integrations.completeness.queue import announce_audit, due_audits, lost_audits
from integrations.completeness.stock.queue import announce_stock_audit, due_stock_audits, lost_stock_audits
from integrations.lookup.planning import count_due
from integrations.lookup.sync_days import count_due as count_sync_days
from integrations.management.base import FAILED, OmsCommand, check_database
from integrations.management.every_minute import EveryMinute, stand_in
from integrations.models import Job, SyncLog
from integrations.schedule.due import Due, Reason
from integrations.schedule.leadership import Leadership, active_scheduler
from integrations.schedule.look_backs import due_look_backs
from integrations.schedule.maintenance import run_maintenance
from integrations.schedule.plain import encrypt_plain_rows
from integrations.schedule.plan import Planned, abandoned_syncs, due_syncs, plan
from integrations.shipping.queue import announce_shipping, due_shipping
from integrations.sync.deferred import promote_all
from integrations.sync.queue import announce
from integrations.sync.stop_signal import StopSignal
from integrations.wording import is_loud, queue_down_line, schedule_line
from inventory.snapshots import take_due_snapshots
from orders.background_erasing import erase_in_background
from orders.sales_days import count_due as count_sales
from orders.sales_months import count_due_months

logger = logging.getLogger(__name__)

TICK = 15  # seconds
LONGEST_TICK = 30  # the active scheduler renews its lease of a minute at each
STANDBY_TICK = 5  # costs two queries
DAY = 24 * 3600.0
NOT_REGULAR = (Reason.STOPPED, Reason.RESTING, Reason.SUSPECTED, Reason.BACKING_OFF)


class Command(OmsCommand):
    is_service = True
    help = (
        "Queue the syncs that are due, for the worker to run.\n\n"
        "Every 15 seconds it looks at the intervals of the active platforms that have credentials, queues\n"
        "what is due, and queues again what a worker lost. It says when a platform is tried less often, or\n"
        "not at all, and why. Each night it has orders and stock audited (AUDIT_ORDERS, AUDIT_INVENTORY).\n"
        "Where syncs of orders are too slow for what changes, it has them listed meanwhile (KEEP_UP). It\n"
        "queues shipments that wait to be sent or checked, and at their times the scheduled exports. Once an\n"
        "hour it writes down what is in stock, and counts for the planning what was sold of it; once a day it\n"
        "deletes buyer data whose time has come, and old syncs, counts, sessions and messages of the queue. For\n"
        "the report of sales it adds up each day whose orders have changed, and its month. Of all that are\n"
        "started, on whatever host, one is active; the others stand by, and one of them takes over when it is\n"
        "stopped, or a minute after it died. Stop it with Ctrl-C or SIGTERM."
    )
    examples = (
        "examples:\n"
        "  manage.py run_scheduler           until it is stopped\n"
        "  manage.py run_scheduler --once    once, e.g. from cron every minute; leaves it to the active\n"
        "                                    scheduler where there is one\n\n"
        "exit status:\n"
        "  0  stopped, or with --once: all went well\n"
        "  1  with --once: something could not be queued; the reason is on stderr\n"
    )
    needs_database = False  # it waits for a database that is not there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once, say what was done, and exit")
        parser.add_argument(
            "--every",
            type=int,
            choices=range(1, LONGEST_TICK + 1),
            default=TICK,
            metavar="SECONDS",
            help=f"how often to look, 1 to {LONGEST_TICK} ({TICK})",
        )

    def run(self, options: dict[str, Any], /) -> None:
        self._did_something = False
        self._maintained_at: float | None = None
        self._problems: dict[tuple[int, str], Due] = {}
        self._is_active: bool | None = None  # not known yet
        self._leadership = Leadership()
        if options["once"]:
            self._once()
            return
        every: int = options["every"]
        with StopSignal(signal.SIGTERM, signal.SIGINT) as stop, EveryMinute(stand_in):
            self._log(f"Scheduler started; it looks every {every} seconds.")
            try:
                while not stop.received():
                    close_old_connections()  # one that broke meanwhile is opened again
                    self._attempt(self._tick)
                    stop.wait(min(every, STANDBY_TICK) if self._is_active is False else every)
            finally:
                self._release()
        self._log("Scheduler stopped.")

    def _once(self) -> None:
        check_database()
        if not self._leadership.hold():
            self._log(f"Another scheduler is active ({active_scheduler()}); left it to that one.")
            return
        try:
            went_well = self._work()
        finally:
            self._release()
        if not self._did_something:
            self._log("Nothing was due.")
        if not went_well:
            raise SystemExit(FAILED)

    def _tick(self) -> bool:
        """Work if this is the active scheduler; say when that changes."""
        was_active, self._is_active = self._is_active, self._leadership.hold()
        if self._is_active:
            if was_active is False:
                self._log("This scheduler is active now.")
            return self._work()
        if was_active is not False:
            self._log(f"Another scheduler is active ({active_scheduler()}); standing by.")
        return True

    def _work(self) -> bool:
        """Each step on its own: one that fails is logged and tried again at the next tick."""
        steps = (
            self._encrypt,
            lambda: self._announce(promote_all(), "waited for another one, which has ended"),
            self._queue_due,
            lambda: self._announce(abandoned_syncs(), "was not worked on"),
            self._queue_audits,
            self._queue_shipping,
            self._queue_others,
            self._erase,
            self._run_maintenance,
            self._write_down_stock,
            self._count_planning,
            self._count_sales,
            self._count_syncs,
        )
        went_well = True
        for step in steps:
            went_well &= self._attempt(step)
        return went_well

    def _erase(self) -> bool:
        """What somebody asked for of whole platforms."""
        for erasure in erase_in_background():
            self._log(
                f"Erased the buyer data of {erasure.orders} orders of {erasure.about}: {erasure.number}."
            )
        return True

    def _attempt(self, step: Callable[[], bool]) -> bool:
        try:
            return step()
        except DatabaseError as error:
            logger.error(
                "The database cannot be used right now; trying again. It says: %s "
                "(If it was never set up: manage.py migrate.)",
                error,
            )
            return False

    def _encrypt(self) -> bool:
        for what in encrypt_plain_rows():
            self._log(f"Encrypted {what}, which had been written in plain.")
        return True

    def _queue_due(self) -> bool:
        planned = plan()
        self._tell_problems(planned)
        told = [self._tell(started.log, started.is_queued, "is due") for started in due_syncs(planned)]
        back = [self._tell(each.log, each.is_queued, "looks back") for each in due_look_backs(planned)]
        return all(told + back)

    def _queue_audits(self) -> bool:
        jobs: tuple[tuple[str, Iterable[Job], Callable[[Any], bool]], ...] = (
            ("audit #{} of the orders", chain(due_audits(), lost_audits()), announce_audit),
            ("audit #{} of the stock", chain(due_stock_audits(), lost_stock_audits()), announce_stock_audit),
            ("backfill #{} of the orders", lost_backfills(), announce_backfill),
            ("catch-up #{} of the orders", chain(due_catch_ups(), lost_catch_ups()), announce_catch_up),
        )
        went_well = True
        for name, due, announce_job in jobs:
            for job in due:
                if announce_job(job):
                    self._log(f"Queued {name.format(job.pk)} of {job.platform.name}.")
                else:  # the log of errors has why
                    self._did_something, went_well = True, False
        return went_well

    def _queue_shipping(self) -> bool:
        went_well = True
        for platform in due_shipping():
            went_well &= announce_shipping(platform.pk)
            self._log(f"{platform.name}: shipments are to be sent or checked.")
        return went_well

    def _queue_others(self) -> bool:
        """What other rooms have due; one that fails costs the rest nothing."""
        went_well = True
        for name in settings.EVERY_LOOK:
            try:
                for line in import_string(name)():
                    self._log(line)
            except DatabaseError:
                raise
            except Exception:  # whatever it is, syncs have to be scheduled
                logger.exception("%s failed. It is called again at the next look.", name)
                went_well = False
        return went_well

    def _announce(self, logs: Iterable[SyncLog], why: str) -> bool:
        told = [self._tell(log, announce(log), why) for log in logs]
        return all(told)

    def _tell(self, log: SyncLog, is_queued: bool, why: str) -> bool:
        if is_queued:
            self._log(f"Queued sync #{log.pk}: {log.platform.name} {log.kind} {why}.")
        else:
            self._did_something = True
            self._say(queue_down_line(log))
        return is_queued

    def _tell_problems(self, planned: Iterable[Planned]) -> None:
        """Say once what is tried less often or not at all, and once that it is over."""
        for platform, kind, due in planned:
            key = (platform.pk, kind)
            before = self._problems.get(key)
            if due.reason in NOT_REGULAR:
                if due != before:
                    line = f"{platform.name}: {schedule_line(kind, due)}."
                    self._log(line)
                    if is_loud(due):
                        logger.error("%s", line)
                self._problems[key] = due
            elif before is not None and due.reason != Reason.OPEN:  # how the open one ends is not known yet
                del self._problems[key]
                self._log(f"{platform.name}: {kind} is scheduled as usual again.")

    def _run_maintenance(self) -> bool:
        if self._maintained_at is None or time.monotonic() - self._maintained_at >= DAY:
            deleted = run_maintenance()
            self._maintained_at = time.monotonic()
            if deleted.buyers:
                self._log(f"Deleted the buyer data of {deleted.buyers} orders, whose time had come.")
            if deleted.orders:
                self._log(f"Deleted {deleted.orders} orders that were older than KEEP_ORDERS_MONTHS.")
            if deleted.messages:
                self._log(f"Deleted {deleted.messages} old messages of the queue.")
            if deleted.syncs:
                self._log(f"Deleted {deleted.syncs} old rows of the sync log.")
        return True

    def _write_down_stock(self) -> bool:
        if written := take_due_snapshots():
            self._log(f"Wrote down today's stock of {written} SKUs.")
        return True

    def _count_planning(self) -> bool:
        count_due()
        return True

    def _count_sales(self) -> bool:
        """A little at each look: after a first migration, there are years of it."""
        count_sales()
        count_due_months()
        return True

    def _count_syncs(self) -> bool:
        count_sync_days()
        return True

    def _release(self) -> None:
        with suppress(DatabaseError):  # it expires by itself
            self._leadership.release()

    def _log(self, text: str) -> None:
        self._did_something = True
        self.tell(text)

    def _say(self, text: str) -> None:
        if settings.LOG_FORMAT == "json":
            logger.warning("%s", text)
        else:
            self.warn(text)
