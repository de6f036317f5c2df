import json
import sys
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from integrations.as_json import failure_as_json
from integrations.completeness.failures import replay_any
from integrations.management.base import FAILED, OmsCommand, platform_named, wrong_usage
from integrations.models import SyncFailure
from integrations.sync.failures import Replayed, dismiss_each, replay_each

LARGEST = 2**63  # what is not below it, no database takes for an id


class Command(OmsCommand):
    help = (
        "Fetch the records that could not be stored again, and store them.\n\n"
        "Without --id, all that are still open. Orders are asked for by their id, stock by its SKU. What still\n"
        "cannot be stored stays open, with the reason. Running it twice is harmless."
    )
    examples = (
        "examples:\n"
        "  manage.py replay_failures                        all open failures\n"
        "  manage.py replay_failures amazon                 those of one platform\n"
        "  manage.py replay_failures --id 17 --id 18        these two\n"
        "  manage.py replay_failures --id 17 --dismiss      nobody wants this record any more\n"
        "  manage.py replay_failures --list                 show the open ones, and change nothing\n\n"
        "exit status:\n"
        "  0  none of these is open any more\n"
        "  1  some stay open; the reason is printed\n"
        "  2  wrong usage; nothing was changed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "platform", nargs="?", metavar="PLATFORM", help="name of one platform; all without it"
        )
        parser.add_argument(
            "--id",
            action="append",
            type=int,
            default=[],
            metavar="N",
            help="only this failure, by its number; may be given any number of times",
        )
        parser.add_argument("--dismiss", action="store_true", help="let them go, without fetching them")
        parser.add_argument("--list", action="store_true", help="show them, and change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object per failure on stdout")

    def run(self, options: dict[str, Any], /) -> None:
        failures = _chosen(options)
        if not failures.filter(resolved_at__isnull=True).exists():
            self.say("None of these failures is open." if options["id"] else "No failure is open.")
            return
        if options["list"]:
            for failure in failures.filter(resolved_at__isnull=True).order_by("pk").iterator(chunk_size=500):
                self._show(Replayed(failure, None), options)
            return
        if options["dismiss"]:
            for failure in dismiss_each(failures):
                self._show(Replayed(failure, None), options)
            return
        open_ones = 0
        for replayed in replay_each(failures, by=replay_any):
            self._show(replayed, options)
            open_ones += bool(replayed.why_open[0])
        if open_ones:
            self.warn(f"{open_ones} of the failures stay open. What nobody wants any more: --id N --dismiss")
            sys.exit(FAILED)

    def _show(self, replayed: Replayed, options: dict[str, Any]) -> None:
        failure, (code, text) = replayed.failure, replayed.why_open
        if options["json"]:
            reason = {"code": code, "detail": text} if code else None
            self.result(json.dumps({**failure_as_json(failure), "why_open": reason}))
            return
        name = f"#{failure.pk} {failure.platform.name} {failure.kind} {failure.external_id or '(without id)'}"
        state = self.style.ERROR(f"open ({code}): {text}") if code else failure.get_resolution_display()
        if options["list"]:
            self.result(f"{name}: {state}")
        else:
            self.report(f"{name}: {state}", good=not code)


def _chosen(options: dict[str, Any]) -> QuerySet[SyncFailure]:
    """What the options name. Raises CommandError (exit status 2)."""
    if options["dismiss"] and options["list"]:
        wrong_usage("--dismiss and --list exclude each other; nothing was changed.")
    if options["dismiss"] and not options["id"] and options["platform"] is None:
        wrong_usage("--dismiss takes the failures to let go: --id N, or a PLATFORM. Nothing was changed.")
    failures = SyncFailure.objects.select_related("platform", "resolved_by")
    if options["platform"] is not None:
        failures = failures.filter(platform=platform_named(options["platform"]))
    if ids := set(options["id"]):
        failures = failures.filter(pk__in=[pk for pk in ids if 0 < pk < LARGEST])
        if unknown := ids - set(failures.values_list("pk", flat=True)):
            names = ", ".join(map(str, sorted(unknown)))
            where = f" of {options['platform']}" if options["platform"] is not None else ""
            wrong_usage(f"--id: there is no failure {names}{where}; nothing was changed.")
    return failures
