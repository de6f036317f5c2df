from typing import Any

from audit.origin import origin
from integrations.management.base import OmsCommand
from integrations.models import OutboxEntry
from integrations.shipping.switching import resume_writing


class Command(OmsCommand):
    help = (
        "Let writing to platforms go on after manage.py stop_writing.\n\n"
        "Shipments that wait are sent to platforms for which writing is on."
    )
    examples = (
        "examples:\n  manage.py resume_writing\n\nexit status:\n  0  writing goes on, or was not stopped\n"
    )

    def run(self, options: dict[str, Any], /) -> None:
        if not resume_writing(who=origin().actor):
            self.stdout.write("Writing was not stopped.")
            return
        waiting = OutboxEntry.objects.open().count()
        self.stdout.write(f"Writing to platforms goes on. {waiting} shipments wait to be sent.")
