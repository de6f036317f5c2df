"""A server that keeps what comes in, undecoded."""

from typing import Any

from simulator import Canned
from simulator.wire import HttpServer, Request


class Recorder(HttpServer):
    """Gives the same answer to every request; `seen` has them in order. `raw`: an answer that need not be JSON."""

    def __init__(self, answer: dict[str, Any] | None = None, *, raw: Canned | None = None) -> None:
        super().__init__()
        self.seen: list[Request] = []
        self._answer = raw or Canned.json(200, answer or {})

    def route(self, request: Request) -> tuple[str, dict[str, str]]:
        return "any", {}

    def respond(self, operation: str, params: dict[str, str], request: Request) -> Canned:
        self.seen.append(request)
        return self._answer
