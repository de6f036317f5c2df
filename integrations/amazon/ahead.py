"""An HTTP exchange that may run on a thread of its own: the next page is on its way while the current one is stored.

The thread makes the exchange and touches nothing else: neither the database nor the client's state. Quota is taken
before it starts; its answer is judged and counted by whoever asks for it, as if the exchange were made there and then.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Amazon."""

    operation: str
    path: str
    params: dict[str, Any]


class Exchange:
    """One exchange for `request`. `make` returns the complete answer, or raises where there is none."""

    def __init__(self, request: Request, make: Callable[[], httpx.Response]) -> None:
        self.request = request
        self.seconds = 0.0  # that it took on its thread
        self._make = make
        self._response: httpx.Response | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Make it on a thread. False where the system has none to give."""
        # A daemon: whoever ends the process with a second Ctrl-C does not wait for an answer that nobody reads.
        # With a copy of the context, so that what it logs names the sync.
        thread = threading.Thread(target=copy_context().run, args=(self._run,), name="next-page", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def wait(self, seconds: float | None = None) -> bool:
        """Whether its thread has ended; it does for the time-outs of `make`, where `seconds` are not over before."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def response(self) -> httpx.Response:
        """The answer of a started exchange; of another one, too, which is made now. Raises what `make` raises."""
        if self._thread is None:
            return self._make()
        self.wait()
        if self._response is None:
            raise self._error or RuntimeError("The exchange ended without an answer.")
        return self._response

    def _run(self) -> None:
        began = time.monotonic()
        try:
            self._response = self._make()
        except BaseException as error:  # noqa: BLE001  it is raised where the answer is asked for
            self._error = error
        finally:
            self.seconds = time.monotonic() - began
