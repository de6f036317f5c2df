"""Each call is told to the Meter, with how it ended and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from integrations.errors import RateLimited
from integrations.protocol import Meter


@contextmanager
def metered(meter: Meter, operation: str, *, spent: float = 0.0) -> Iterator[None]:
    """Around one call and the judgement of its answer. What is raised inside passes through.

    `spent` are the seconds of a call that was made before.
    """
    began, throttled, failed = time.monotonic() - spent, False, True
    try:
        yield
        failed = False
    except RateLimited:
        throttled, failed = True, False
        raise
    finally:  # for Ctrl-C, too: the call was made
        meter.count(operation, time.monotonic() - began, throttled=throttled, failed=failed)
