"""`manage.py erase_buyer_data`: what a buyer, or the law, asks for before its time has come."""

import getpass
import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from integrations.as_json import erasure_as_json
from integrations.management.base import FAILED, NOT_ALL_GOOD, OmsCommand, platform_named, wrong_usage
from orders.erasing import OnHold, Receipt, erase_of_email, erase_of_order, erase_of_platform
from orders.models import Order, OrderBuyer
from platforms.models import Platform

FROM_STDIN = "-"
MOST_NAMED = 20  # orders that are printed


class Command(OmsCommand):
    help = (
        "Erase the buyer data (name, e-mail, address, phone) of an order, of a person, or of a platform, now.\n\n"
        "The orders themselves stay. What is erased is gone for good: a later answer of the platform does not bring\n"
        "it back. A legal hold keeps what it names. Repeat it as often as you like. It prints a receipt, whose number\n"
        "is in the audit; neither has any personal data.\n\n"
        "An e-mail address is read from stdin, or asked for on a terminal: as an argument it would be in the list of\n"
        "processes, in the shell's history, and in cron's mails."
    )
    examples = (
        "examples:\n"
        '  manage.py erase_buyer_data --order 305-1234567-1234567 --reason "request 7"\n'
        "  manage.py erase_buyer_data --email            asks for the address\n"
        '  manage.py erase_buyer_data --email - --json --reason "request 8" < address.txt\n'
        "  manage.py erase_buyer_data --platform amazon  of all orders that are stored of it; asks first\n"
        '  manage.py erase_buyer_data --platform amazon --yes --reason "contract ended" < /dev/null\n\n'
        "exit status:\n"
        "  0  erased, or there was nothing to erase\n"
        "  1  a legal hold keeps it; nothing was erased\n"
        "  2  wrong usage, or --platform was not confirmed; nothing was erased\n"
        "  3  erased, but for what a legal hold keeps or no key decrypts; the receipt says so\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--order", metavar="ID", help="of one order, by its id on the platform")
        parser.add_argument(
            "--email", nargs="?", const=FROM_STDIN, metavar="-", help="of all orders with an e-mail address"
        )
        parser.add_argument(
            "--platform", metavar="NAME", help="of all orders of a platform; with --order, where that is"
        )
        parser.add_argument("--yes", action="store_true", help="with --platform: erase without asking")
        parser.add_argument("--reason", default="", help="why, for the audit; without personal data")
        parser.add_argument(
            "--json",
            action="store_true",
            help="one JSON object on stdout: the receipt as in the API, and the orders",
        )

    def run(self, options: dict[str, Any], /) -> None:
        try:
            receipt = self._erase(options)
        except OnHold as held:
            if options["json"]:
                self.result(json.dumps({"code": "on_hold", "detail": str(held)}))
            self.warn(str(held))
            raise SystemExit(FAILED) from None
        if options["json"]:
            self.result(json.dumps(_as_json(receipt)))
        else:
            self._print(receipt)
        if receipt.is_partial:
            raise SystemExit(FAILED if receipt.held and not receipt.orders else NOT_ALL_GOOD)

    def _erase(self, options: dict[str, Any]) -> Receipt:
        order, email, platform = (options[name] for name in ("order", "email", "platform"))
        if (order is None and platform is None) == (email is None):
            wrong_usage("Say what to erase: --order ID, --email, or --platform NAME. Nothing was erased.")
        reason = options["reason"].strip() or _reason()
        if email is not None:
            return erase_of_email(_address(email), reason=reason)
        if order is None:
            found = platform_named(platform)
            if not options["yes"]:
                _confirm(found)
            return erase_of_platform(found, reason=reason)
        return erase_of_order(_order(order, platform), reason=reason)

    def _print(self, receipt: Receipt) -> None:
        count = len(receipt.orders)
        self.stdout.write(f"Receipt {receipt.number}, {receipt.at:%Y-%m-%d %H:%M:%S} UTC")
        what = "The buyer data of 1 order was" if count == 1 else f"The buyer data of {count} orders was"
        self.stdout.write(f"{what} erased." if count else "There was no buyer data to erase.")
        for platform, order in receipt.orders[:MOST_NAMED]:
            self.stdout.write(f"  {platform} {order}")
        if count > MOST_NAMED:
            self.stdout.write(f"  and {count - MOST_NAMED} more; --json names all of them")
        for platform, order in receipt.held[:MOST_NAMED]:
            self.warn(f"A legal hold keeps that of {platform} {order}.")
        if len(receipt.held) > MOST_NAMED:
            self.warn(f"Legal holds keep that of {len(receipt.held) - MOST_NAMED} more orders.")
        if receipt.not_searched:
            self.warn(
                f"The data of {receipt.not_searched} orders could not be searched: no key of FIELD_ENCRYPTION_KEY "
                "decrypts it. Put the old key back and run this again, or erase those orders by their id."
            )


def _as_json(receipt: Receipt) -> dict[str, Any]:
    """The receipt of the API, and the orders, which are stored nowhere."""

    def named(orders: list[tuple[str, str]]) -> list[dict[str, str]]:
        return [{"platform": platform, "order": order} for platform, order in orders]

    lists = {"erased_orders": named(receipt.orders), "held_orders": named(receipt.held)}
    return {**erasure_as_json(receipt.stored), **lists}


def _reason() -> str:
    """Asked for on a terminal, as in the admin."""
    given = input("Why, for the audit, without personal data: ").strip() if sys.stdin.isatty() else ""
    if not given:
        wrong_usage("Say why with --reason, for the audit, without personal data. Nothing was erased.")
    return given


def _confirm(platform: Platform) -> None:
    """Whoever is at the terminal types the platform's name; anything else stops."""
    count = OrderBuyer.objects.filter(order__platform=platform).count()
    what = f"This erases the buyer data of all {count} orders of {platform.name} that have some, for good."
    if not sys.stdin.isatty():
        wrong_usage(f"{what} Nobody is at a terminal to confirm it: add --yes. Nothing was erased.")
    if input(f"{what} Type {platform.name} to go on: ").strip() != platform.name:
        wrong_usage("That is not its name. Nothing was erased.")


def _address(given: str) -> str:
    """The e-mail address from stdin or a prompt; an argument is refused, and not repeated."""
    if given != FROM_STDIN:
        wrong_usage(
            "--email takes no address: it would be in the list of processes and in the shell's history. "
            "Leave it out to be asked, or pipe it in. Nothing was erased."
        )
    address = getpass.getpass("E-mail address (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    if "@" not in address:
        wrong_usage("This is no e-mail address. Nothing was erased.")
    return address


def _order(external_id: str, platform: str | None) -> Order:
    rows = Order.objects.filter(external_id=external_id).select_related("platform").defer("payload")
    if platform is not None:
        rows = rows.filter(platform=platform_named(platform))
    found = list(rows[:2])
    if not found:
        wrong_usage(f"--order: no order {external_id!r} is stored; nothing was erased.")
    if len(found) > 1:
        wrong_usage(f"--order: several platforms have an order {external_id!r}. Say which with --platform.")
    return found[0]
