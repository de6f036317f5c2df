"""Audits under every mix of hidden and spoiled orders and stock, faults of the platform, and workers that die: what was
spoiled is found and healed, all of it, and nothing else is.

Bounded here; `make soak` makes accounts of 400 orders (SOAK_ORDERS), with new seeds until the time is over.
"""

import os
import time
from collections.abc import Callable

import pytest
from stateful.auditing import Books, Found

from simulator import Simulator

NIGHTS = 3


def walk(start: Callable[..., Simulator], seed: int, *, orders: int) -> Found:
    books = Books(start, seed, orders=orders, skus=orders // 4)
    for _ in range(NIGHTS):
        books.night()
    books.night_of_stock()
    return books.found


@pytest.mark.django_db(transaction=True)
def test_what_is_hidden_or_spoiled_is_found_and_healed_and_nothing_else(
    start_simulator: Callable[..., Simulator], capsys: pytest.CaptureFixture[str]
) -> None:
    minutes, total = float(os.environ.get("SOAK_MINUTES") or 0), Found()
    seed, end = int(os.environ.get("SOAK_SEED") or 1), time.monotonic() + 60 * minutes
    if not minutes:
        total = walk(start_simulator, 4, orders=48)
    while time.monotonic() < end:
        with capsys.disabled():
            print(f"Seed {seed} …", flush=True)  # noqa: T201  what to repeat, where it ends here
        total += walk(start_simulator, seed, orders=int(os.environ.get("SOAK_ORDERS") or 400))
        with capsys.disabled():
            print(total, flush=True)  # noqa: T201
        seed += 1
    assert total.found == total.healed == total.spoiled.total() > 9
    assert (total.false_alarms, bool(total.deaths)) == (0, True)
