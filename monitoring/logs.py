"""How a log line looks: text for people, or one JSON object a line for programs (the setting LOG_FORMAT).

JSON has these keys and no others: what a library attaches to a record (Django: the whole request) may hold personal
data.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from core.log_context import log_context


class OneLineRefusal(logging.Filter):
    """What Django says of a refusal (403), in one line: what, who, why. The way through the code tells nothing more: a
    person was refused, and nothing broke."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if getattr(record, "status_code", None) != 403 or request is None:
            return True
        user_id = getattr(getattr(request, "user", None), "pk", None)
        who = f"user {user_id}" if user_id else "nobody signed in"
        why = f"; {reason}" if (reason := _reason(record)) else ""
        record.msg, record.args = "%s, %s by %s%s", (record.getMessage(), request.method, who, why)
        record.exc_info = record.exc_text = None
        return True


def _reason(record: logging.LogRecord) -> str:
    """The text of the exception, or the function that raised it; "" where there was none."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    return str(error) or f"refused in {frames[-1].f_globals.get('__name__')}.{frames[-1].f_code.co_qualname}"


class TextFormatter(logging.Formatter):
    """`2026-11-26 14:02:11,053 INFO integrations.sync: text [request_id=… sync_id=12 platform=amazon]`."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        line, bound = super().formatMessage(record), log_context()
        return f"{line} [{' '.join(f'{name}={value}' for name, value in bound.items())}]" if bound else line


class JsonFormatter(logging.Formatter):
    """`time` is UTC. `request_id`, `sync_id` and `platform` where the line belongs to one; `exception` has the
    traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **log_context(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False)
