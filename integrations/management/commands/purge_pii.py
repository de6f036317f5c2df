from typing import Any

from integrations.management.base import OmsCommand
from orders.erasing import purge_buyers


class Command(OmsCommand):
    help = (
        "Delete the buyer data (name, e-mail, address, phone) whose time has come.\n\n"
        "That is 30 days after delivery; of cancelled orders at once. The orders themselves stay, and so does what a\n"
        "legal hold keeps. run_scheduler does this once a day; run it from cron where no scheduler runs."
    )

    def run(self, _options: dict[str, Any], /) -> None:
        self.stdout.write(f"Deleted the buyer data of {purge_buyers()} orders.")
