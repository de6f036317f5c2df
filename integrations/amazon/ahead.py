"""An HTTP exchange that may run on a thread of its own: the next page is on its way, and is translated, while the
current one is stored, since a database server leaves this process with nothing to do meanwhile.

The thread makes the exchange, reads the answer, and touches nothing else: neither the database nor the client's state.
Quota is taken before it starts; its answer is judged and counted by whoever asks for it, as if the exchange were made
there and then.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import httpx

from integrations.errors import PlatformError

Answer = dict[str, Any]
Judge = Callable[[httpx.Response], Answer]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Amazon: a GET, or with a `body`, which is sent as JSON, a POST."""

    operation: str
    path: str
    params: dict[str, Any]
    body: dict[str, Any] | None = None


class Exchange:
    """One exchange for `request`. `make` returns the complete answer, or raises where there is none; `judge` reads it,
    or raises PlatformError. On a thread, `then` is given what was read."""

    def __init__(
        self,
        request: Request,
        make: Callable[[], httpx.Response],
        judge: Judge,
        then: Callable[[Answer], None] | None = None,
    ) -> None:
        self.request = request
        self.seconds = 0.0  # that it took on its thread, without reading
        self._make, self._judge, self._then = make, judge, then
        self._answer: Answer | None = None
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
        if self._thread is None and self._response is None:
            self._response = self._make()
        self.wait()
        if self._response is None:
            raise self._error or RuntimeError("The exchange ended without an answer.")
        return self._response

    def answer(self) -> Answer:
        """What `response` says. Raises what `judge` raises."""
        return self._judge(self.response()) if self._answer is None else self._answer

    def _run(self) -> None:
        self._run_exchange()
        if self._response is not None and self._then is not None:
            with suppress(PlatformError):  # it is raised where the answer is asked for
                answer = self._judge(self._response)
                self._then(answer)
                self._answer = answer

    def _run_exchange(self) -> None:
        began = time.monotonic()
        try:
            self._response = self._make()
        except BaseException as error:  # noqa: BLE001  it is raised where the answer is asked for
            self._error = error
        finally:
            self.seconds = time.monotonic() - began
