import json
import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from integrations.as_json import audit_as_json
from integrations.completeness.audits import DEFAULT_DAYS, MOST_DAYS, request_audit, run_audit
from integrations.management.base import (
    FAILED,
    NOT_ALL_GOOD,
    TERMINATED,
    OmsCommand,
    platform_named,
    wrong_usage,
)
from integrations.models import AuditedDay, AuditFinding, OrderAudit, SyncLog
from integrations.sync.stop_signal import StopSignal

LOOK_AGAIN = 1.0  # seconds; while it waits, or somebody else works on it
SHOWN = 10  # orders that stay open


class Command(OmsCommand):
    help = (
        "Compare the orders that a platform lists with those that are stored, and fetch what is missing or old.\n\n"
        "It asks the platform for its lists of the orders that were placed and that changed on these days,\n"
        "waits until they are made, compares them with the database, fetches each order that is missing or not\n"
        "as listed by its id, and compares it again. An audit that was interrupted goes on where it stopped."
    )
    examples = (
        "examples:\n"
        "  manage.py audit_orders amazon                the last 30 days, today included\n"
        "  manage.py audit_orders amazon --days 90      more of them\n"
        "  manage.py audit_orders amazon --json | jq .days\n\n"
        "exit status:\n"
        "  0  everything that the platform lists is here now\n"
        "  1  the audit failed, or was stopped; what was fetched is stored\n"
        "  2  wrong usage; nothing was changed\n"
        "  3  some orders could not be brought in line, or rows of a list could not be read; they are listed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", metavar="PLATFORM", help="name of the platform, e.g. amazon")
        parser.add_argument("--days", metavar="N", help=f"the last N days, today included ({DEFAULT_DAYS})")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on stdout, with the keys of the API"
        )

    def run(self, options: dict[str, Any], /) -> None:
        platform = platform_named(options["platform"])
        days = _days(options["days"])
        audit, is_new = request_audit(platform, days=days, trigger=SyncLog.Trigger.COMMAND)
        if not is_new:
            self.say(f"{platform.name}: audit #{audit.pk} is open; going on with it.")
        audit = self._until_closed(audit)
        if options["json"]:
            self.result(json.dumps(audit_as_json(audit)))
        else:
            self._print(audit)
        if audit.is_open:
            self.warn(f"Stopped. Run the same command again to go on with audit #{audit.pk}.")
            sys.exit(TERMINATED)
        if audit.status != OrderAudit.Status.SUCCEEDED:
            sys.exit(NOT_ALL_GOOD if audit.status == OrderAudit.Status.PARTIAL else FAILED)

    def _until_closed(self, audit: OrderAudit) -> OrderAudit:
        said = None
        with StopSignal() as stop:
            while audit.is_open and not stop.received():
                audit = run_audit(audit.pk, stopping=stop.received)
                if audit.status == OrderAudit.Status.WAITING and audit.resume_at != said:
                    said = audit.resume_at
                    self.say(f"{audit.platform.name}: waiting for the platform until {said:%H:%M:%S} UTC.")
                if audit.is_open:
                    stop.wait(_pause(audit))
        return audit

    def _print(self, audit: OrderAudit) -> None:
        good = audit.status == OrderAudit.Status.SUCCEEDED
        self.report(f"{audit.platform.name} orders: {audit.status} (audit #{audit.pk})", good=good)
        self.report(
            f"  {audit.compared} compared: {audit.missing} missing, {audit.stale} stale, {audit.different} different; "
            f"{audit.healed} healed, {audit.open} open; {audit.only_here} only here; {audit.unread} rows not read",
            good=good,
        )
        states = [day.state for day in audit.days.all()]
        counts = ", ".join(f"{states.count(state)} {state}" for state in AuditedDay.State.values)
        self.report(f"  days by marketplace: {counts}", good=good)
        if audit.error_code:
            self.report(f"  error ({audit.error_code}): {audit.error_message}", good=False)
        findings = audit.findings.filter(outcome=AuditFinding.Outcome.OPEN)
        for found in findings[:SHOWN]:
            self.report(
                f"  open: {found.external_id} ({found.error_code}): {found.error_message}", good=False
            )


def _days(text: str | None) -> int:
    if text is None:
        return DEFAULT_DAYS
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_DAYS:
        wrong_usage(f"--days: {text!r} is no whole number from 1 to {MOST_DAYS}. Nothing was changed.")
    return int(text)


def _pause(audit: OrderAudit) -> float:
    if audit.resume_at is None:
        return LOOK_AGAIN
    return min(max((audit.resume_at - timezone.now()).total_seconds(), 0.0), LOOK_AGAIN)
