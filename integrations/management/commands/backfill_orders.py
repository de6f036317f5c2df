import json
import sys
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from core.format import format_datetime, grouped
from integrations.as_json import backfill_as_json, plan_as_json
from integrations.completeness.history.backfills import (
    cancel,
    is_same_span,
    latest_end,
    newest_backfill,
    open_backfill,
    pause,
    request_backfill,
    resume,
    run_backfill,
)
from integrations.completeness.history.progress import plan_of, progress_of
from integrations.completeness.history.queue import announce_backfill
from integrations.errors import BadInput
from integrations.management.base import (
    FAILED,
    NOT_ALL_GOOD,
    TERMINATED,
    OmsCommand,
    platform_named,
    wrong_usage,
)
from integrations.models import Backfill, SyncLog
from integrations.plan_wording import plan_lines
from integrations.registry import CHANNELS
from integrations.sync.stop_signal import StopSignal
from integrations.window_input import read_span
from platforms.models import Platform

LOOK_AGAIN = 1.0  # seconds
ACTIONS = {"pause": pause, "resume": resume, "cancel": cancel}
Status = Backfill.Status


class Command(OmsCommand):
    help = (
        "Bring the orders of months or years that were never read.\n\n"
        "First all orders of the time span are listed: the platform makes lists of 30 days each, and what these\n"
        "know is stored within minutes or hours. Then each order is fetched in full, the newest first, and what has\n"
        "to be shipped before all others, with the quota that regular syncs leave. That may take weeks: leave it to\n"
        "the worker with --background, or stop with Ctrl-C at any time, and it goes on there. What is stored in full\n"
        "is never replaced by what a list says."
    )
    examples = (
        "examples:\n"
        "  manage.py backfill_orders amazon --since 2024-11-26 --dry-run      what it would take; makes no call\n"
        "  manage.py backfill_orders amazon --since 2024-11-26 --background   leave it to the worker\n"
        "  manage.py backfill_orders amazon --since 2024-11-26                work on it here, until it is done\n"
        "  manage.py backfill_orders amazon --status                          how far it is\n"
        "  manage.py backfill_orders amazon --pause | --resume | --cancel\n\n"
        "exit status:\n"
        "  0  all orders of the time span are here in full (with --background: it is queued)\n"
        "  1  it failed or was cancelled, or one of another time span is open\n"
        "  2  wrong usage; nothing was changed\n"
        "  3  some orders could not be fetched, or a list could not be had; they are listed as failures\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", metavar="PLATFORM", help="name of the platform")
        parser.add_argument("--since", metavar="T", help="orders placed from then on, e.g. 2024-11-26")
        parser.add_argument("--until", metavar="T", help="orders placed before then; without it, until now")
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what it would take; no call is made"
        )
        parser.add_argument(
            "--background", action="store_true", help="only queue the work for the worker, and return at once"
        )
        doing = parser.add_mutually_exclusive_group()
        doing.add_argument("--status", action="store_true", help="say how far the last one is")
        doing.add_argument("--pause", action="store_true", help="stop the open one until it is resumed")
        doing.add_argument("--resume", action="store_true", help="let the worker go on with the paused one")
        doing.add_argument("--cancel", action="store_true", help="end the open one; what it fetched stays")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on stdout, with the keys of the API"
        )

    def run(self, options: dict[str, Any], /) -> None:
        self._as_json: bool = options["json"]
        platform = platform_named(options["platform"])
        action = next((name for name in (*ACTIONS, "status") if options[name]), None)
        if action:
            if any(options[name] for name in ("since", "until", "dry_run", "background")):
                wrong_usage(f"--{action} takes no time span: it is about the open one. Nothing was changed.")
            self._act(platform, action)
            return
        channel = CHANNELS.get(platform.kind)
        if channel is None or not channel.lists_orders:
            wrong_usage(f"PLATFORM: {platform.name} makes no lists of orders. Nothing was changed.")
        since, until = _span(options["since"], options["until"])
        if options["dry_run"]:
            self._show_plan(platform, since, until)
        else:
            self._begin(platform, since, until, background=options["background"])

    # --- one that is there

    def _act(self, platform: Platform, action: str) -> None:
        found = newest_backfill(platform) if action == "status" else open_backfill(platform)
        if found is None:
            self.warn(f"{platform.name}: there is no {'' if action == 'status' else 'open '}backfill.")
            sys.exit(FAILED)
        if action != "status":
            if not ACTIONS[action](found):
                self.warn(f"{platform.name}: backfill #{found.pk} is {found.status}; nothing was changed.")
                sys.exit(FAILED)
            if action == "resume" and not announce_backfill(found):
                self.warn("The workers could not be told; the scheduler does it within minutes.")
        self._report(found)

    # --- a new one

    def _show_plan(self, platform: Platform, since: datetime, until: datetime | None) -> None:
        plan = plan_of(platform, since, until or latest_end())
        if plan is None:
            self.warn(f"{platform.name}: nothing can be planned without credentials that name an account.")
            sys.exit(FAILED)
        if self._as_json:
            self.result(json.dumps(plan_as_json(plan)))
            return
        for line in plan_lines(plan):
            self.stdout.write(line)

    def _begin(
        self, platform: Platform, since: datetime, until: datetime | None, *, background: bool
    ) -> None:
        backfill, is_new = request_backfill(
            platform, since=since, until=until, trigger=SyncLog.Trigger.COMMAND
        )
        if not is_new and not is_same_span(backfill, since, until):
            self.warn(
                f"{platform.name}: backfill #{backfill.pk} of another time span is open; cancel it first, or wait "
                "until it has ended."
            )
            sys.exit(FAILED)
        if not is_new:
            self.say(f"{platform.name}: backfill #{backfill.pk} is open; going on with it.")
        if backfill.status == Status.PAUSED:
            resume(backfill)
        if background:
            is_told = backfill.status != Status.QUEUED or announce_backfill(backfill)
            if not is_told:
                self.warn("The workers could not be told; the scheduler does it within minutes.")
            self._report(backfill)
            return
        closed = self._until_closed(backfill)
        self._report(closed)
        if status := _exit_status(closed):
            sys.exit(status)

    def _until_closed(self, backfill: Backfill) -> Backfill:
        said = ""
        with StopSignal() as stop:
            while backfill.is_open and backfill.status != Status.PAUSED and not stop.received():
                backfill = run_backfill(backfill.pk, stopping=stop.received)
                line = f"{backfill.platform.name}: {_how_far(backfill)}"
                if backfill.is_open and line != said:
                    self.say(line)
                    said = line
                if backfill.is_open:
                    stop.wait(_pause(backfill))
        if backfill.status in (Status.QUEUED, Status.WAITING):
            announce_backfill(backfill)
            self.warn(
                f"{backfill.platform.name}: stopped. The worker goes on with backfill #{backfill.pk}, and so does the "
                "same command; --pause or --cancel keep it from going on."
            )
        return backfill

    # --- what people and programs get to see

    def _report(self, backfill: Backfill) -> None:
        if self._as_json:
            self.result(json.dumps(backfill_as_json(backfill)))
            return
        good = backfill.is_open or backfill.status == Status.SUCCEEDED
        for line in _lines(backfill):
            self.report(line, good=good)


def _span(since: str | None, until: str | None) -> tuple[datetime, datetime | None]:
    if not since:
        wrong_usage("--since is missing: say from when on orders are to be fetched. Nothing was changed.")
    try:
        return read_span(since=since, until=until, latest=latest_end())
    except BadInput as error:
        wrong_usage(f"--{error.field}: {error} Nothing was changed.")


def _lines(backfill: Backfill) -> list[str]:
    progress = progress_of(backfill)
    span = f"{backfill.window_start:%Y-%m-%d %H:%M} to {backfill.window_end:%Y-%m-%d %H:%M} UTC"
    lines = [
        f"{backfill.platform.name} history: {backfill.status}, {backfill.phase} (backfill #{backfill.pk}, {span})",
        f"  lists: {progress.asked} of {progress.lists} asked for, {progress.made} made, {progress.stored} stored; "
        f"{grouped(progress.listed)} orders in them, {grouped(backfill.created)} were new, "
        f"{grouped(backfill.unread)} rows not read",
    ]
    if progress.full is not None and progress.by_list is not None:
        lines.append(
            f"  orders: {grouped(progress.full)} in full, {grouped(progress.by_list)} known by report alone; "
            f"{grouped(backfill.completed)} fetched, {grouped(backfill.failed)} failed"
        )
    if backfill.is_open and backfill.status != Status.PAUSED:
        measured = " (as measured)" if progress.is_measured else ""
        if backfill.listed_at is None:
            lines.append(f"  all are listed: {_when(progress.listing_ends)}")
        lines.append(f"  all are here in full: {_when(progress.completing_ends)}{measured}")
    spent = ", ".join(
        f"{one['calls']} {name} ({one['seconds']:.0f} s)" for name, one in sorted(backfill.calls.items())
    )
    lines.append(f"  calls and the seconds of their quota: {spent or 'none'}")
    lines += [f"  {note['message']}" for note in backfill.notes]
    if backfill.error_code:
        lines.append(f"  error ({backfill.error_code}): {backfill.error_message}")
    return lines


def _when(moment: datetime | None) -> str:
    return "not known yet" if moment is None else f"expected {format_datetime(moment)}"


def _how_far(backfill: Backfill) -> str:
    if backfill.phase == Backfill.Phase.LISTING:
        stored = sum(part["is_stored"] for part in backfill.parts)
        return f"{stored} of {len(backfill.parts)} lists stored, {grouped(backfill.listed)} orders"
    return f"{grouped(backfill.completed)} orders fetched in full, {grouped(backfill.lacking or 0)} to go"


def _pause(backfill: Backfill) -> float:
    if backfill.resume_at is None:
        return LOOK_AGAIN
    return min(max((backfill.resume_at - timezone.now()).total_seconds(), 0.0), LOOK_AGAIN)


def _exit_status(backfill: Backfill) -> int:
    if backfill.status == Status.PAUSED:
        return NOT_ALL_GOOD
    if backfill.is_open:
        return TERMINATED
    if backfill.status in (Status.FAILED, Status.CANCELLED):
        return FAILED
    return NOT_ALL_GOOD if backfill.status == Status.PARTIAL else 0
