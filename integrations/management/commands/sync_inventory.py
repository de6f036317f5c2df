from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import wrong_usage
from integrations.management.sync_command import EXIT_STATUS, SyncCommand
from integrations.models import SyncLog


class Command(SyncCommand):
    kind = SyncLog.Kind.INVENTORY
    help = (
        "Fetch the stock from the selling platforms into the database.\n\n"
        "Without --sku, it fetches the stock of all SKUs, and marks those that the platform no longer lists\n"
        "as gone. Running it twice is harmless."
    )
    examples = (
        "examples:\n"
        "  manage.py sync_inventory                              all SKUs, on all active platforms\n"
        "  manage.py sync_inventory amazon                       all SKUs of one platform\n"
        "  manage.py sync_inventory amazon --sku A-1 --sku 'B 2' these two alone\n"
        "  manage.py sync_inventory --background                 let the worker do it\n\n" + EXIT_STATUS
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sku",
            action="append",
            default=[],
            metavar="SKU",
            help="only this SKU; may be given any number of times",
        )

    def asked_for(self, options: dict[str, Any]) -> tuple[None, Sequence[str]]:
        skus = list(dict.fromkeys(options["sku"] or ()))
        if not all(sku.strip() for sku in skus):
            wrong_usage("--sku: a SKU is empty; give one or leave the option out. Nothing was changed.")
        return None, skus
