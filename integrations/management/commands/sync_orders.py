from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from integrations.errors import BadInput
from integrations.management.base import wrong_usage
from integrations.management.sync_command import EXIT_STATUS, SyncCommand
from integrations.models import SyncLog
from integrations.sync.windows import WindowRequest
from integrations.window_input import read_window


class Command(SyncCommand):
    kind = SyncLog.Kind.ORDERS
    help = (
        "Fetch orders from the selling platforms into the database.\n\n"
        "Without --since or --days, it fetches what changed since the last time; the first time, the last\n"
        "30 days (ORDERS_INITIAL_DAYS). Running it twice is harmless: what is already stored is recognised.\n"
        "A run that was interrupted continues where it stopped.\n"
        "Times: 2026-01-31, 2026-01-31T08:00:00Z or 2026-01-31T08:00:00+01:00; one without a zone is UTC."
    )
    examples = (
        "examples:\n"
        "  manage.py sync_orders                        what changed, on all active platforms\n"
        "  manage.py sync_orders amazon                 what changed, on one platform\n"
        "  manage.py sync_orders amazon --days 7        all that changed in the last 7 days\n"
        "  manage.py sync_orders amazon --since 2026-01-01 --until 2026-02-01 --by created\n"
        "                                               the orders that were placed in January\n"
        "  manage.py sync_orders --background           let the worker do it\n"
        "  manage.py sync_orders --json | jq .status    for scripts\n\n" + EXIT_STATUS
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", metavar="T", help="orders from this time on")
        parser.add_argument("--days", metavar="N", help="orders of the last N days, instead of --since")
        parser.add_argument("--until", metavar="T", help="orders before this time (needs --since or --days)")
        parser.add_argument(
            "--by",
            metavar="updated|created",
            help="whether the times mean when an order was last updated (the default) or created",
        )

    def asked_for(self, options: dict[str, Any]) -> tuple[WindowRequest, Sequence[str]]:
        given = {name: options[name] for name in ("since", "until", "days", "by")}
        for name, value in given.items():
            if value is not None and not str(value).strip():
                wrong_usage(f"--{name}: it is empty; give a value or leave it out. Nothing was changed.")
        try:
            return read_window(**given), ()
        except BadInput as error:
            wrong_usage(f"--{error.field}: {error} Nothing was changed.")
