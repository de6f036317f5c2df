"""SIGTERM means: finish the page in hand, put the sync back, go."""

import signal
import threading
from types import FrameType
from typing import Any


class StopSignal:
    """While entered, remembers SIGTERM instead of dying of it; the handler that was there before is called too.

    Outside the main thread (a web worker) it does nothing: signals never arrive there.
    """

    def __init__(self) -> None:
        self._received = False
        self._previous: Any = None

    def __enter__(self) -> "StopSignal":
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, self._receive)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)

    def received(self) -> bool:
        return self._received

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = True
        if callable(self._previous):
            self._previous(number, frame)
