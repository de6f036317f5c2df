from collections import Counter
from typing import Any

from django.core.management.base import CommandParser

from integrations.as_json import audit_as_json
from integrations.channel import Channel
from integrations.completeness.audits import DEFAULT_DAYS, MOST_DAYS, request_audit, run_audit
from integrations.errors import BadInput
from integrations.management.audit_command import SHOWN, AuditCommand
from integrations.management.base import wrong_usage
from integrations.models import AuditedDay, AuditFinding, OrderAudit, SyncLog
from integrations.sync.stop_signal import StopSignal
from integrations.window_input import read_days
from platforms.models import Platform


class Command(AuditCommand[OrderAudit]):
    of = "orders"
    help = (
        "Compare the orders that platforms list with those that are stored, and fetch what is missing or old.\n\n"
        "It asks the platform for its lists of the orders that were placed and that changed on these days,\n"
        "waits until they are made, compares them with the database, fetches each order that is missing or not\n"
        "as listed by its id, and compares it again. An audit that was interrupted goes on where it stopped."
    )
    examples = (
        "examples:\n"
        "  manage.py audit_orders                       the last 30 days, of all active platforms\n"
        "  manage.py audit_orders amazon                of one platform; today is one of the days\n"
        "  manage.py audit_orders amazon --days 90      more of them\n"
        "  manage.py audit_orders amazon --json | jq .days\n\n"
        "exit status:\n"
        "  0  everything that the platforms list is here now\n"
        "  1  an audit failed; what was fetched is stored\n"
        "  2  wrong usage; nothing was changed\n"
        "  3  some orders could not be brought in line, or rows of a list could not be read; they are listed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--days", metavar="N", help=f"the last N days, today included ({DEFAULT_DAYS})")

    def run(self, options: dict[str, Any], /) -> None:
        super().run(options | {"days": _days(options["days"])})

    def makes_lists(self, channel: Channel) -> bool:
        return channel.lists_orders

    def request(self, platform: Platform, options: dict[str, Any]) -> tuple[OrderAudit, bool]:
        return request_audit(platform, days=options["days"], trigger=SyncLog.Trigger.COMMAND)

    def work(self, audit: OrderAudit, stop: StopSignal) -> OrderAudit:
        return run_audit(audit.pk, stopping=stop.received)

    def as_json(self, audit: OrderAudit) -> dict[str, Any]:
        return audit_as_json(audit)

    def show(self, audit: OrderAudit, *, good: bool) -> None:
        self.report(
            f"  {audit.compared} compared: {audit.missing} missing, {audit.stale} stale, {audit.different} different; "
            f"{audit.healed} healed, {audit.open} open; {audit.only_here} only here; {audit.unread} rows not read",
            good=good,
        )
        states = Counter(audit.days.values_list("state", flat=True))
        counts = ", ".join(f"{states[state]} {state}" for state in AuditedDay.State.values)
        self.report(f"  days by marketplace: {counts}", good=good)
        findings = audit.findings.filter(outcome=AuditFinding.Outcome.OPEN)
        for found in findings[:SHOWN]:
            self.report(
                f"  open: {found.external_id} ({found.error_code}): {found.error_message}", good=False
            )


def _days(text: str | None) -> int:
    if text is None:
        return DEFAULT_DAYS
    try:
        return read_days(text, most=MOST_DAYS)
    except BadInput as error:
        wrong_usage(f"--days: {error} Nothing was changed.")
