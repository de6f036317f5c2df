"""SIGTERM means: finish the current page, put the sync back, exit."""

import signal
import threading
import time
from types import FrameType
from typing import Any

NAP = 0.2  # seconds; how late a wait notices the signal


class StopSignal:
    """A context manager that records a signal (SIGTERM by default) instead of ending the process.

    An earlier handler is called too, except Python's own, which would raise KeyboardInterrupt.
    Outside the main thread (a web worker) it does nothing: signals never arrive there.
    """

    def __init__(self, *signals: signal.Signals) -> None:
        self._signals = signals or (signal.SIGTERM,)
        self._received = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in self._signals}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._previous.items():
            # None: it was not installed from Python, and cannot be put back from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def received(self) -> bool:
        return self._received

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until the signal arrives. Returns whether it did."""
        end = time.monotonic() + seconds
        while not self._received and (left := end - time.monotonic()) > 0:
            time.sleep(min(NAP, left))
        return self._received

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = True
        previous = self._previous.get(number)
        if callable(previous) and previous is not signal.default_int_handler:
            previous(number, frame)
