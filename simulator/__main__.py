"""`python -m simulator`: run the simulator until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from contextlib import ExitStack

from simulator.account import Account
from simulator.catalog import MARKETPLACES
from simulator.faults.kinds import Mutate
from simulator.faults.parsing import HELP, parse_quotas, parse_rule
from simulator.faults.rules import Rule
from simulator.quotas import Quotas
from simulator.sandbox import StaticSandbox
from simulator.server import Simulator
from simulator.wire import HttpServer

_DESCRIPTION = """\
A simulated Amazon: Login with Amazon, the Orders API v2026-01-01 and confirmShipment of v0,
the FBA inventory API v1, the Sellers API v1, the Reports API 2021-06-30 and pictures of the Catalog
Items API v2022-04-01, answering over HTTP on this machine with invented data. Nothing leaves it.

It prints the environment variables that point OMS at it, and the api_config of an account it
knows. The data depends on --seed alone; times are relative to the moment it starts."""

_EPILOG = (
    HELP
    + """

examples:
  python -m simulator                                         a US seller with 1,000 orders
  python -m simulator --orders 50000 --skus 10000 --seed 3    a busy one
  python -m simulator --marketplace A1PA6795UKMFR9 --marketplace A1F83G8C2ARO7P
  python -m simulator --sandbox orders_2026-01-01.json        the static sandbox of a model file
  python -m simulator --page-size 20 --fault searchOrders:nth=3:status=503:body=html
  python -m simulator --fault "*:probability=0.1:reset" --fault searchOrders:nth=2:expire-access
  python -m simulator --quota published --speed 60            an hour of Amazon's quota in a minute
  python -m simulator --quota searchOrders=0.5/2 --mutate 3   orders change while their pages are read

docs/rehearsal.md takes a whole account through it."""
)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        marketplaces = tuple(dict.fromkeys(options.marketplace or ["ATVPDKIKX0DER"]))
        account = Account(options.seed, options.orders, options.skus, marketplaces)
        server: HttpServer = _simulator(options, account)
        if options.sandbox:
            server = StaticSandbox(options.sandbox, port=options.port)
        with ExitStack() as stack:
            stack.enter_context(server)
            print(describe(server, account), flush=True)
            stop.wait()
    except (OSError, ValueError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    print(f"\nStopped after {sum(server.calls.values())} calls: {dict(server.calls)}")
    return 0


def _simulator(options: argparse.Namespace, account: Account) -> Simulator:
    rules = [parse_rule(text) for text in options.fault or []]
    if options.mutate:
        rules.append(Rule(operation="searchOrders", fault=Mutate(options.mutate, options.seed)))
    limits = parse_quotas(options.quota or [])
    quotas = Quotas(limits, speed=options.speed) if limits else None
    return Simulator(
        account,
        page_size=options.page_size,
        port=options.port,
        clock_ahead=options.clock_ahead,
        rules=rules,
        quotas=quotas,
    )


def describe(server: HttpServer, account: Account) -> str:
    """What a person needs in order to use the simulator."""
    first, *others = account.marketplace_ids
    config: dict[str, object] = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
        "marketplace_id": first,
        "region": MARKETPLACES[first].region,
    }
    if others:
        config["additional_marketplace_ids"] = others
    return (
        f"The simulator answers at {server.endpoint}; Ctrl-C stops it.\n\n"
        "Environment for OMS:\n"
        f"AMAZON_SP_API_ENDPOINT={server.endpoint}\n"
        f"AMAZON_LWA_ENDPOINT={server.lwa_endpoint}\n"
        f"AMAZON_CONSENT_ENDPOINT={server.endpoint}\n\n"
        "api_config of the platform:\n"
        f"{json.dumps(config, indent=2)}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--orders", type=int, default=1000, metavar="N", help="how many orders (1000)")
    parser.add_argument("--skus", type=int, default=500, metavar="N", help="how many SKUs (500)")
    parser.add_argument("--port", type=int, default=8765, help="port on 127.0.0.1; 0 picks a free one (8765)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="other seed, other data (7)")
    parser.add_argument(
        "--marketplace",
        action="append",
        metavar="ID",
        help="marketplace id of the account; repeat for several (ATVPDKIKX0DER)",
    )
    parser.add_argument("--page-size", type=int, metavar="N", help="at most N rows a page (100 and 50)")
    parser.add_argument(
        "--fault", action="append", metavar="RULE", help="what goes wrong, and when; repeat it"
    )
    parser.add_argument(
        "--quota",
        action="append",
        metavar="LIMIT",
        help='enforce quotas: "published" for Amazon\'s, or NAME=rate/burst; repeat it (none)',
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="the quotas' clock runs X times as fast (1)"
    )
    parser.add_argument(
        "--mutate",
        type=int,
        default=0,
        metavar="N",
        help="N orders change or appear after each page of orders",
    )
    parser.add_argument(
        "--clock-ahead",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="its clock is so far ahead of this machine's; below zero: behind (0)",
    )
    parser.add_argument("--sandbox", metavar="MODEL", help="serve this model file's static sandbox instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
