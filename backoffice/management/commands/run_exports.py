"""`manage.py run_exports`: makes the scheduled exports that are due, in this process."""

from datetime import date, datetime, time
from typing import Any

from django.core.management.base import CommandParser

from backoffice.scheduled.models import ScheduledExport, ScheduledExportRun
from backoffice.scheduled.queue import due_runs, lost_runs, run_here
from backoffice.scheduled.runs import Status, Trigger, request_run
from backoffice.scheduled.wording import run_sentence
from core.zones import zone_named
from integrations.management.base import FAILED, OmsCommand, wrong_usage


class Command(OmsCommand):
    help = (
        "Make the scheduled exports whose time has come, in this process, and send them.\n\n"
        "The scheduler queues them for the workers by itself; this is for cron where neither runs, to try one\n"
        "out, and to make up for one that was missed. Each has what its owner may see. What may pass, such as a\n"
        "mail server that is down, is tried again later by the workers, or by the next call."
    )
    examples = (
        "examples:\n"
        "  manage.py run_exports                                  what is due now, e.g. from cron every minute\n"
        "  manage.py run_exports --name 'Orders of yesterday'     this one, whenever it is due\n"
        "  manage.py run_exports --name 'Orders of yesterday' --as-of 2026-11-20\n"
        "                                                         as if it were that day: its file has the 19th\n\n"
        "exit status:\n"
        "  0  all were sent, or nothing was due\n"
        "  1  one was not sent; the reason is on stderr\n"
        "  2  wrong usage; nothing was made\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", help="make this one now, also where it is not active")
        parser.add_argument(
            "--as-of", type=_day, metavar="DATE", help="with --name: the day that is today for it"
        )

    def run(self, options: dict[str, Any], /) -> None:
        name, as_of = options["name"], options["as_of"]
        if as_of and not name:
            wrong_usage("--as-of goes with --name. Nothing was made.")
        runs = [self._named(name, as_of)] if name else [*due_runs(), *lost_runs()]
        if not runs:
            self.stdout.write("Nothing was due.")
        ended = [run_here(run.pk) for run in runs]
        for run in ended:
            good = run.status == Status.SUCCEEDED
            self.report(f"{run.export}: {run.get_status_display()}. {run_sentence(run)}", good=good)
        if any(run.status != Status.SUCCEEDED for run in ended):
            raise SystemExit(FAILED)

    def _named(self, name: str, as_of: date | None) -> ScheduledExportRun:
        export = ScheduledExport.objects.filter(name=name).first()
        if export is None:
            known = ", ".join(ScheduledExport.objects.values_list("name", flat=True)) or "none yet"
            wrong_usage(
                f"--name: there is no scheduled export {name!r}. There are: {known}. Nothing was made."
            )
        planned_at = None
        if as_of:
            planned_at = datetime.combine(as_of, time(export.hour), zone_named(export.time_zone))
        run, is_new = request_run(export, trigger=Trigger.COMMAND, planned_at=planned_at)
        if not is_new and as_of:
            wrong_usage(f"A run of {name!r} is open; wait until it has ended. Nothing was made.")
        return run


def _day(text: str) -> date:
    return date.fromisoformat(text)
