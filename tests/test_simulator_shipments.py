"""The simulator's own books of shipments, on which other tests rely: any calls, and what it shows of them."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from simulator import Account
from simulator.errors import Refused
from simulator.model import Order
from simulator.orders import from_ms
from simulator.render.orders import render_time
from simulator.scenes import Scene
from simulator.shipments import Taken

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ask(account: Account, order: Order, rng: Random, now: datetime) -> Taken:
    """A package with any of five numbers, some of the lines, and sometimes too many units. Raises Refused."""
    lines = rng.sample(order.lines, rng.randint(1, len(order.lines)))
    items = [{"orderItemId": line.external_id, "quantity": rng.randint(1, 3)} for line in lines]
    package: dict[str, Any] = {
        "packageReferenceId": str(rng.randint(1, 5)),
        "carrierCode": "DHL",
        "trackingNumber": f"JD{rng.random()}",
        "shipDate": render_time(now),
        "orderItems": items,
    }
    body = {"marketplaceId": order.marketplace_id, "packageDetail": package}
    return account.confirm_shipment({"orderId": order.external_id, "body": json.dumps(body)}, now)


@pytest.mark.parametrize("seed", range(3))
def test_it_ships_no_unit_twice_and_shows_what_it_was_last_told(seed: int) -> None:
    rng, now = Random(seed), NOW  # noqa: S311  no secret
    account = Account(
        orders=30, skus=5, scenes=(Scene.PLAIN_UNSHIPPED, Scene.PARTIAL), end=NOW - timedelta(days=1)
    )
    account.shipments.lag = timedelta(minutes=seed * 5)
    account.shipments.seals_shipped = seed % 2 == 0
    orders = [each for index in range(30) if (each := account.order(index)).fulfilled_by == "merchant"]
    before = {each.external_id: each for each in orders}
    told: dict[tuple[str, int], Taken] = {}
    refused = 0
    for _ in range(250):
        now += timedelta(seconds=rng.randint(1, 200))
        account.show_shipments(now)
        try:
            taken = ask(account, rng.choice(orders), rng, now)
            told[taken.order_id, taken.number] = taken
        except Refused:
            refused += 1
    account.show_shipments(now + timedelta(hours=1))
    assert refused > 20
    assert len(account.shipments.taken) > 20
    for external_id, order in before.items():
        now_shown = account.find(external_id)
        assert now_shown is not None
        mine = {str(number): each for (order_id, number), each in told.items() if order_id == external_id}
        shown = {each.external_id: each for each in now_shown.packages}
        assert {name: dict(shown[name].contents) for name in mine} == {
            name: dict(each.contents) for name, each in mine.items()
        }
        assert {name: shown[name].tracking_number for name in mine} == {
            name: each.tracking_number for name, each in mine.items()
        }
        shipped: Counter[str] = Counter()
        for package in now_shown.packages:
            shipped.update(dict(package.contents))
        for line in now_shown.lines:
            if now_shown.packages:
                assert line.quantity_shipped == shipped[line.external_id] <= line.quantity_ordered
        assert (now_shown.updated > order.updated) == bool(mine)
    position = [entry for entry in account.by_updated if from_ms(entry[0]) > NOW]
    assert {account.order(index).external_id for _, index in position} == {order_id for order_id, _ in told}
    assert {key: each["times"] for key, each in account.truth_shipments().items()} == Counter(
        (each.order_id, each.number) for each in account.shipments.taken
    )
