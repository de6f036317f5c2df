"""Any interleaving of changes at Amazon, syncs, crashes and faults: after every settled sync the database is the truth.

Bounded and the same in every run here; `make soak MINUTES=10` goes on with new seeds until the time is over.
"""

import os
import time

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from stateful.machine import SyncMachine

BOUNDED = settings(
    max_examples=16,
    stateful_step_count=12,
    derandomize=True,
    phases=(Phase.generate,),  # a failure is shown as it was found; a long run looks for its shortest form
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
# One seed's worth of a long run. Nothing is kept on disk: the seed brings the same steps again.
LONG = settings(
    BOUNDED,
    max_examples=50,
    stateful_step_count=40,
    derandomize=False,
    phases=(Phase.generate, Phase.shrink),
)


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
