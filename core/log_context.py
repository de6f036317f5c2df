"""What the log lines of a request or of a sync say besides their text: `request_id`, `sync_id`, `platform`.

Bound to the thread (or task) that works on it. The formatters in `monitoring/logs.py` add it to every line.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

NOTHING: Mapping[str, str | int] = {}
_bound: ContextVar[Mapping[str, str | int]] = ContextVar("log_context", default=NOTHING)


def log_context() -> Mapping[str, str | int]:
    """What is bound here and now, by name."""
    return _bound.get()


def bind(**values: str | int) -> None:
    """Bind these in place of all others, until `clear`."""
    _bound.set(values)


def clear() -> None:
    _bound.set(NOTHING)


@contextmanager
def bound(**values: str | int) -> Iterator[None]:
    """Bind these besides what is bound already, for a while. An empty text binds nothing."""
    token = _bound.set({**_bound.get(), **{name: value for name, value in values.items() if value != ""}})
    try:
        yield
    finally:
        _bound.reset(token)
