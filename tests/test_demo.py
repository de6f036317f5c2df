"""The shop of `make demo`. tests/browser/test_demo.py walks through it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from simulator.demo import DAYS, live, ship_what_is_old, shops

pytestmark = pytest.mark.own_database


def test_the_shop_has_sixty_days_of_orders_and_ships_what_is_old() -> None:
    account, now = shops()["demo-europe"], datetime.now(UTC)
    ship_what_is_old(account, now)
    orders = [account.order(index) for index in range(account.count)]
    assert min(order.created for order in orders) < now - timedelta(days=DAYS - 2)
    late = Counter(order.status for order in orders if order.created < now - timedelta(days=7))
    assert set(late) == {"shipped", "cancelled"}
    assert 3 < sum(order.status == "unshipped" for order in orders) < 60
    before = account.count
    for turn in range(6):
        live(account, turn, Random(1))  # noqa: S311  which order is shipped
    assert account.count == before + 6
