import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from backoffice.alerts import outbox
from backoffice.alerts.conditions import Condition, evaluate, title_of
from backoffice.alerts.watch import look
from integrations.as_json import as_text
from integrations.management.base import NOT_ALL_GOOD, OmsCommand
from integrations.schedule.looks import note_look

ALL_WELL = "Nothing needs anybody."
EMAIL_IS_OFF = "No e-mail is sent: EMAIL_URL is not set (docs/alerts.md)."


class Command(OmsCommand):
    help = (
        "Say what needs somebody now: platforms that stopped, are refused or lag, credentials to be renewed,\n"
        "records not stored for a day, orders overdue or due soon, stock, a scheduler or workers that are silent,\n"
        "attempts to get in, days of orders that stay open, shipments that are refused or wait, scheduled exports\n"
        "that were not sent.\n\n"
        "It tells nobody else, unless it is run with --send: manage.py run_webhooks does that once a minute."
    )
    examples = (
        "examples:\n"
        "  manage.py check_alerts           what is so now\n"
        "  manage.py check_alerts --json    the same, one JSON object a line\n"
        "  manage.py check_alerts --send    and tell those who subscribed, e.g. from cron every minute\n\n"
        "exit status:\n"
        "  0  nothing\n"
        "  3  something needs somebody\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object a line on stdout")
        parser.add_argument(
            "--send", action="store_true", help="also write and send what people have to be told"
        )

    def run(self, options: dict[str, Any], /) -> None:
        found = evaluate()
        for condition in found:
            if options["json"]:
                self.result(json.dumps(as_json(condition)))
            else:
                self.report(line(condition), good=False)
        if not found and not options["json"]:
            self.stdout.write(ALL_WELL)
        if options["send"]:
            note_look()
            news = look()
            sent = outbox.send_due()
            told = f"{len(news.began)} began, {len(news.grown)} have grown, {len(news.over)} are over"
            self.say(f"{told}; {sent} e-mails sent.")
        if not settings.EMAIL_IS_ON:
            self.say(EMAIL_IS_OFF)
        if found:
            raise SystemExit(NOT_ALL_GOOD)


def line(condition: Condition) -> str:
    return f"{title_of(condition.kind, condition.platform)} – {condition.say()}"


def as_json(condition: Condition) -> dict[str, Any]:
    return {
        "key": condition.key,
        "kind": condition.kind.value,
        "platform": condition.platform.name if condition.platform else None,
        "platform_id": condition.platform_id,
        "since": as_text(condition.since),
        "sentence": condition.say(),
        **condition.facts,
    }
