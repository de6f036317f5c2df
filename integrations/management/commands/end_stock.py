import json
from typing import Any

from django.core.management.base import CommandParser

from integrations.as_json import stock_end_as_json
from integrations.management.base import FAILED, OmsCommand, platform_named
from integrations.registry import channel_label, site_of
from integrations.sync.stock_end import StockEnd, end_stock, stock_end_of
from platforms.models import Platform


class Command(OmsCommand):
    help = (
        "Say that an account keeps no stock at its platform any more, such as FBA that it has left.\n\n"
        "OMS never decides this by itself: a platform refuses the list of stock in an outage, too. It can be said\n"
        "once the list of a marketplace has been refused for a week, or all stock is gone. What is stored as listed\n"
        "there is marked as gone, with nothing in stock; where that is all, syncs of stock are switched off. Nothing\n"
        "is deleted: should the platform list stock again, a sync by hand brings it back.\n\n"
        "The platform's page in the admin has the same as a button."
    )
    examples = (
        "examples:\n"
        "  manage.py end_stock amazon --dry-run    what would be done, and nothing else\n"
        "  manage.py end_stock amazon\n"
        "  manage.py end_stock amazon --json\n\n"
        "exit status:\n"
        "  0  done; with --dry-run, it could be done\n"
        "  1  there is nothing to decide: stock is listed, or was not refused for long enough; nothing was changed\n"
        "  2  there is no such platform\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", metavar="PLATFORM", help="name of the platform, e.g. amazon")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on stdout, as POST /platforms/{id}/stock-end"
        )

    def run(self, options: dict[str, Any], /) -> None:
        platform, dry_run = platform_named(options["platform"]), options["dry_run"]
        end = stock_end_of(platform) if dry_run else end_stock(platform)
        if options["json"]:
            self.result(json.dumps(stock_end_as_json(platform, end)))
        elif end is not None:
            self.stdout.write(_sentence(platform, end, dry_run=dry_run))
        if end is None:
            self.warn(
                f"{platform.name}: nothing was changed. Its stock is listed, was not refused for a week yet, or its "
                "syncs of stock are off already."
            )
            raise SystemExit(FAILED)


def _sentence(platform: Platform, end: StockEnd, *, dry_run: bool) -> str:
    verb = "would be" if dry_run else "were"
    done = f"{end.rows} rows of stock {verb} marked as gone"
    if end.marketplaces:
        sites = [(site_of(platform.kind, each), each) for each in end.marketplaces]
        done += f" ({', '.join(f'{site.name} {pk}' if site else pk for site, pk in sites)})"
    off = f"; syncs of stock {verb} switched off" if end.is_all else ""
    since = (
        f"{channel_label(platform.kind)} has refused the list since {end.since:%Y-%m-%d %H:%M} UTC"
        if end.since
        else f"{channel_label(platform.kind)} lists no stock of this account any more"
    )
    return f"{platform.name}: {since}. {done}{off}."
