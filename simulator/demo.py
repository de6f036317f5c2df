"""`python -m simulator.demo`: the shops of `make demo`, which live until Ctrl-C.

The first line on stdout is JSON: where it answers, and the credentials of each shop by name. Two shops take part; the
credentials of the third are refused. Ever so often an order is placed or shipped, or stock changes.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from simulator.account import Account
from simulator.catalog import MARKETPLACES
from simulator.faults.kinds import SpoilRow
from simulator.faults.rules import Rule
from simulator.quotas import Quotas
from simulator.scenes import Scene
from simulator.server import Simulator

GERMANY, FRANCE, BRITAIN, USA = "A1PA6795UKMFR9", "A13V1IB3VIYZZH", "A1F83G8C2ARO7P", "ATVPDKIKX0DER"
DAYS = 60
# Amazon's own quotas, in so many times as little time: the larger shop runs out of them, and not for hours.
SPEED = 5
# Of a shop without the odd things that happen in one of fifty orders.
SCENES = (
    Scene.PLAIN_UNSHIPPED, Scene.PLAIN_UNSHIPPED, Scene.PLAIN_SHIPPED, Scene.PLAIN_UNSHIPPED, Scene.PLAIN_UNSHIPPED,
    Scene.PARTIAL, Scene.PLAIN_SHIPPED, Scene.PLAIN_UNSHIPPED, Scene.CANCELLED, Scene.PLAIN_UNSHIPPED,
    Scene.BUSINESS, Scene.PLAIN_SHIPPED, Scene.PLAIN_UNSHIPPED, Scene.GIFT, Scene.BUYER_CANCEL,
)  # fmt: skip
PROMPT = timedelta(days=2)  # within which most orders are shipped
LATE = timedelta(minutes=2, seconds=30)  # an order is listed by then: OMS reads up to two minutes ago
EVERY = 20.0  # seconds


def shops() -> dict[str, Account]:
    """By the names of their platforms."""
    europe = Account(
        seed=11, orders=900, skus=60, marketplace_ids=(GERMANY, FRANCE), days=DAYS, scenes=SCENES,
        client_id="amzn1.application-oa2-client.demo", client_secret="demo-secret", refresh_token="Atzr|demo-europe",  # noqa: S106
    )  # fmt: skip
    usa = Account(
        seed=12, orders=3000, skus=25, marketplace_ids=(USA,), days=DAYS, scenes=SCENES,
        client_id=europe.client_id, client_secret=europe.client_secret, refresh_token="Atzr|demo-usa",  # noqa: S106
    )  # fmt: skip
    return {"demo-europe": europe, "demo-usa": usa}


def ship_what_is_old(account: Account, now: datetime) -> None:
    """Most of what was placed long ago has been shipped by now; one in twelve is late, as in any shop."""
    for index, external_id in enumerate(account.order_ids()):
        order = account.order(index)
        shipped_at = order.updated + timedelta(days=1)
        is_open = order.status in ("unshipped", "pending", "partially_shipped")
        if is_open and order.created < now - PROMPT and shipped_at < now:
            is_recent = order.created > now - 3 * PROMPT
            if not (is_recent and index % 12 == 0):
                account.change_order(external_id, at=shipped_at)


def live(account: Account, turn: int, rng: Random) -> None:
    """What happens in this moment: an order is placed; and by turns one is shipped, or stock changes."""
    now = datetime.now(UTC)
    account.add_order(at=now - LATE)
    if turn % 3 == 0:
        recent = range(max(account.count - 60, 0), account.count - 3)
        waiting = [index for index in recent if account.order(index).status == "unshipped"]
        if waiting:
            account.change_order(account.order(rng.choice(waiting)).external_id, at=now - LATE)
    elif turn % 3 == 1:
        account.change_stock(account.marketplace_ids[0], rng.choice(account.skus()), at=now)


def described(server: Simulator, accounts: dict[str, Account]) -> dict[str, Any]:
    configs = {name: _config(account) for name, account in accounts.items()}
    refused = configs["demo-europe"] | {"marketplace_id": BRITAIN, "refresh_token": "Atzr|withdrawn"}
    refused.pop("additional_marketplace_ids")
    return {
        "endpoint": server.endpoint,
        "lwa_endpoint": server.lwa_endpoint,
        "shops": configs | {"demo-britain": refused},
    }


def _config(account: Account) -> dict[str, Any]:
    first, *others = account.marketplace_ids
    config: dict[str, Any] = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
        "marketplace_id": first,
        "region": MARKETPLACES[first].region,
    }
    return config | ({"additional_marketplace_ids": others} if others else {})


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.demo", description=__doc__)
    parser.add_argument("--every", type=float, default=EVERY, metavar="SECONDS", help="how often")
    every: float = parser.parse_args(arguments).every
    stop, accounts = threading.Event(), shops()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    now, rng = datetime.now(UTC), Random(7)
    for account in accounts.values():
        ship_what_is_old(account, now)
    # Of two pages the first row cannot be read, once: what could not be stored, to be looked at and replayed.
    rules = [
        Rule(operation="searchOrders", fault=SpoilRow(), nth=3),
        Rule(operation="getInventorySummaries", fault=SpoilRow(), nth=2),
    ]
    with Simulator(*accounts.values(), rules=rules, quotas=Quotas(speed=SPEED)) as server:
        print(json.dumps(described(server, accounts)), flush=True)
        turn = 0
        while not stop.wait(every):
            live(accounts["demo-europe"], turn, rng)
            turn += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
