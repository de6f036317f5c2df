"""Any interleaving of changes at Amazon, syncs, crashes and faults: after every settled sync the database is the truth.

Bounded and the same in every run here; `make soak MINUTES=10` goes on with new seeds until the time is over.
"""

import os
import time

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from stateful.amazon import ORDER_CHANGES, STOCK_CHANGES, Change
from stateful.choices import Turn
from stateful.events import Cancelled, Dies, Outrun, Stops
from stateful.machine import SyncMachine
from stateful.world import MARKETPLACES

from integrations.tests.syncing import INVENTORY, ORDERS
from simulator import (
    Answer,
    CompleteUntil,
    Cut,
    Deny,
    Empty,
    ExpirePageTokens,
    NoSku,
    OddName,
    OddPagination,
    OlderTwin,
    OnlyOf,
    RefuseData,
    Reset,
    SpoilRow,
)

BOUNDED = settings(
    max_examples=8,
    stateful_step_count=12,
    derandomize=True,
    phases=(Phase.generate,),  # a failure is shown as it was found; a long run looks for its shortest form
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
# What one seed brings in a long run. Nothing is kept on disk: the seed brings the same steps again.
LONG = settings(
    BOUNDED,
    max_examples=10,
    stateful_step_count=40,
    derandomize=False,
    phases=(Phase.generate, Phase.shrink),
)


MOVES = [Change(ORDER_CHANGES[1], pick=pick, late=0) for pick in range(6)]
# What chance may miss in few steps: (which sync, what happens around it), on an account of five pages.
SCENARIOS: dict[str, list[tuple[str, Turn]]] = {
    "stopped after a page, and gone on with": [(ORDERS, Turn(event=Stops(1))), (ORDERS, Turn())],
    "killed between two pages": [(ORDERS, Turn(event=Dies(45))), (ORDERS, Turn(minutes=6))],
    "cancelled after a page": [(ORDERS, Turn(event=Cancelled(1)))],
    "failed after a page": [(ORDERS, Turn(faults=[("", Answer(500), 2, 30)]))],
    "page tokens expire": [(ORDERS, Turn(faults=[("", ExpirePageTokens(), 3, 1)]))],
    "an order that cannot be read": [(ORDERS, Turn(faults=[("", SpoilRow(), 2, 1)]))],
    "stock that cannot be read": [(INVENTORY, Turn()), (INVENTORY, Turn(faults=[("", SpoilRow(), 1, 1)]))],
    "stock whose sweep broke": [(INVENTORY, Turn()), (INVENTORY, Turn(faults=[("", Reset(), 2, 30)]))],
    "says it is complete since year 1": [
        (ORDERS, Turn(faults=[("", CompleteUntil("0001-01-01T00:00:00Z"), 1, 30)])),
        (ORDERS, Turn(minutes=6)),
    ],
    "one marketplace is denied, and works again": [
        (ORDERS, Turn()),
        (ORDERS, Turn(before=MOVES, minutes=6, faults=[("", OnlyOf(MARKETPLACES[1], Answer(403)), 1, 30)])),
        (ORDERS, Turn(before=MOVES, minutes=90)),
        (INVENTORY, Turn(faults=[("", OnlyOf(MARKETPLACES[0], Answer(503)), 1, 30)])),
    ],
    "one marketplace is broken from the start": [
        (ORDERS, Turn(faults=[("", OnlyOf(MARKETPLACES[0], Cut(declared=True)), 1, 30)], event=Stops(1))),
        (ORDERS, Turn(before=MOVES, minutes=90, well_again=True)),
    ],
    "orders are listed hours late": [
        (ORDERS, Turn()),
        (ORDERS, Turn(before=[Change(each, pick=3, late=720) for each in ORDER_CHANGES[:3]], minutes=6)),
        (ORDERS, Turn(before=MOVES[:2], minutes=90)),
    ],
    "times stand for none": [
        (ORDERS, Turn()),
        (ORDERS, Turn(before=[Change(ORDER_CHANGES[6], pick=pick) for pick in range(6)], minutes=6)),
        (ORDERS, Turn(before=MOVES, minutes=6)),
        (INVENTORY, Turn()),
        (INVENTORY, Turn(before=[Change(STOCK_CHANGES[3], pick=pick) for pick in range(6)])),
        (INVENTORY, Turn(before=[Change(STOCK_CHANGES[0], pick=pick) for pick in range(4)], minutes=6)),
    ],
    "names of attributes cannot be read": [
        (ORDERS, Turn(faults=[("", OddName("fulfillmentStatus"), 2, 2), ("", OddName("pagination"), 3, 1)])),
        (INVENTORY, Turn(faults=[("", OddName("totalQuantity"), 1, 30)])),
    ],
    "a data set is refused by name, another without": [
        (ORDERS, Turn(faults=[("*", RefuseData("PROCEEDS"), 1, 1000)])),
        (
            ORDERS,
            Turn(before=MOVES, minutes=6, faults=[("*", RefuseData("FULFILLMENT", unnamed=True), 1, 1000)]),
        ),
    ],
    "titles and amounts that no database takes as they are": [
        (ORDERS, Turn(before=[Change(ORDER_CHANGES[7], pick=pick) for pick in range(4)])),
        (ORDERS, Turn(before=[Change(ORDER_CHANGES[8], pick=pick) for pick in range(6)], minutes=6)),
    ],
    "all marketplaces together are silent": [
        (ORDERS, Turn(before=MOVES, minutes=6)),
        (ORDERS, Turn(before=MOVES[:2], minutes=3, faults=[("", Empty(several=True), 1, 30)])),
        (ORDERS, Turn(minutes=3)),
    ],
    "rows that contradict, lists that end in the air": [
        (ORDERS, Turn(faults=[("", OlderTwin(), 1, 30), ("", OddPagination(), 3, 1)])),
        (INVENTORY, Turn(faults=[("", OlderTwin(), 1, 30), ("", OddPagination(), 2, 1)])),
    ],
    "stock that is empty, without a name, or says nothing": [
        (INVENTORY, Turn()),
        (INVENTORY, Turn(before=[Change(STOCK_CHANGES[4], pick=pick) for pick in range(3)])),
        (INVENTORY, Turn(faults=[("", Empty(), 1, 1)])),
        (INVENTORY, Turn(before=[Change(STOCK_CHANGES[1], pick=5)], faults=[("", NoSku(), 1, 30)])),
        (INVENTORY, Turn(minutes=6)),
    ],
    "the login has trouble and pages are refused, for a while": [
        (ORDERS, Turn(faults=[("token", Deny(), 1, 2), ("", Deny(), 2, 30)])),
        (ORDERS, Turn(minutes=6)),
    ],
    "outrun by another worker": [(ORDERS, Turn(event=Outrun(2, 1))), (ORDERS, Turn())],
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("clock_ahead", [45, -3 * 3600, 20 * 3600])
def test_it_keeps_the_laws_with_a_clock_that_is_off(clock_ahead: float) -> None:
    machine = SyncMachine()
    machine.begin(seed=4, orders=12, marketplaces=1, clock_ahead=clock_ahead)
    try:
        for late in (0, 5):
            change = Change(ORDER_CHANGES[1], pick=3, late=late)
            machine.sync_orders(turn=Turn(before=[change], minutes=6, while_read=[(1, change)]), window={})
            machine.the_laws_hold()
    finally:
        machine.teardown()


def takes_two_marketplaces(turn: Turn) -> bool:
    return any(isinstance(fault, OnlyOf) or fault == Empty(several=True) for _, fault, _, _ in turn.faults)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turns", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_it_keeps_the_laws_in_a_scenario(turns: list[tuple[str, Turn]]) -> None:
    machine = SyncMachine()
    machine.begin(seed=3, orders=20, marketplaces=1 + any(takes_two_marketplaces(turn) for _, turn in turns))
    try:
        for kind, turn in turns:
            if kind == ORDERS:
                machine.sync_orders(turn=turn, window={})
            else:
                machine.sync_inventory(turn=turn, skus=[])
            machine.the_laws_hold()
    finally:
        machine.teardown()


@pytest.mark.once
@override_settings(API_REQUESTS_PER_MINUTE=0)  # its reader may ask more than that within a minute
@pytest.mark.django_db(transaction=True)
def test_it_equals_amazon_after_whatever_happened(capsys: pytest.CaptureFixture[str]) -> None:
    minutes = float(os.environ.get("SOAK_MINUTES") or 0)
    if not minutes:
        run_state_machine_as_test(SyncMachine, settings=BOUNDED)
        return
    number, end = int(os.environ.get("SOAK_SEED") or 1), time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        with capsys.disabled():
            print(f"Seed {number} …", flush=True)  # noqa: T201  what to repeat, where it ends here
        run_state_machine_as_test(seed(number)(SyncMachine), settings=LONG)
        number += 1
