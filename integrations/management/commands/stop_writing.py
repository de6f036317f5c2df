from typing import Any

from django.core.management.base import CommandParser

from audit.origin import origin
from integrations.management.base import OmsCommand
from integrations.models import OutboxEntry
from integrations.shipping.policy import writing_stop
from integrations.shipping.switching import stop_writing


class Command(OmsCommand):
    help = (
        "Stop all writing to all platforms at once: no shipment is sent any more.\n\n"
        "A call that is under way in this moment is not called back. What is queued waits, and syncs go on.\n"
        "manage.py resume_writing lets writing go on."
    )
    examples = (
        "examples:\n"
        "  manage.py stop_writing\n"
        '  manage.py stop_writing --reason "wrong tracking numbers in the file of this morning"\n\n'
        "exit status:\n  0  nothing is written any more, from now on or since earlier\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="", metavar="TEXT", help="why, for those who find it stopped")

    def run(self, options: dict[str, Any], /) -> None:
        if stop_writing(who=origin().actor, reason=options["reason"]):
            waiting = OutboxEntry.objects.open().count()
            self.stdout.write(f"Nothing is written to any platform any more. {waiting} shipments wait.")
            return
        stop = writing_stop()
        by = f" by {stop.changed_by}" if stop.changed_by else ""
        self.stdout.write(f"Writing was stopped already, {stop.changed_at:%Y-%m-%d %H:%M} UTC{by}.")
