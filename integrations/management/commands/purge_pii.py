from typing import Any

from integrations.management.base import OmsCommand
from orders.buyers import purge_buyers


class Command(OmsCommand):
    help = (
        "Delete the buyer data (name, e-mail, address, phone) whose time has come.\n\n"
        "That is 30 days after delivery. The orders themselves stay. run_scheduler does this once a day;\n"
        "run it from cron where no scheduler runs."
    )

    def run(self, _options: dict[str, Any], /) -> None:
        self.stdout.write(f"Deleted the buyer data of {purge_buyers()} orders.")
