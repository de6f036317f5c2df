"""How a log line looks: text for people, or one JSON object a line for programs (the setting LOG_FORMAT).

JSON has these keys and no others: what a library attaches to a record (Django: the whole request) may hold personal
data.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from core.log_context import log_context


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
