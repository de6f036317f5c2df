"""Shipments under lost answers, kill -9, hung workers, cancelled orders, quota and every mix of them: none is told
twice, none is shown as confirmed that Amazon does not have, and all that is not confirmed is listed.

Bounded here; `make soak` walks 1,000 shipments a seed (SOAK_SHIPMENTS), with new seeds until the time is over.
"""

import os
import time

import pytest
from stateful.shipping import Found, Shop


def walk(seed: int, *, shipments: int) -> Found:
    shop = Shop(seed, orders=max(40, shipments // 2))
    try:
        return shop.walk(shipments)
    finally:
        shop.close()


@pytest.mark.django_db(transaction=True)
def test_no_shipment_is_told_twice_or_confirmed_without_proof(capsys: pytest.CaptureFixture[str]) -> None:
    minutes = float(os.environ.get("SOAK_MINUTES") or 0)
    if not minutes:
        assert walk(1, shipments=30).states["confirmed"] > 10
        return
    seed, end = int(os.environ.get("SOAK_SEED") or 1), time.monotonic() + 60 * minutes
    shipments = int(os.environ.get("SOAK_SHIPMENTS") or 1000)
    while time.monotonic() < end:
        with capsys.disabled():
            print(f"Seed {seed} …", flush=True)  # noqa: T201  what to repeat, where it ends here
        found = walk(seed, shipments=shipments)
        with capsys.disabled():
            print(found, flush=True)  # noqa: T201
        seed += 1
