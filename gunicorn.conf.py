"""What every gunicorn of OMS has in common; gunicorn reads this file where it is started (docs/operations.md).
https://gunicorn.org/reference/settings/"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import environ
from gunicorn import util
from gunicorn.glogging import Logger

from monitoring import directory
from monitoring.logs import JsonFormatter
from oms.server_errors import write_error

limit_request_line = 8190  # gunicorn's highest; 4094 is soon reached by a list of ids
# gunicorn has no setting for the page that it writes itself where a request cannot be read.
util.write_error = write_error

ROOT = Path(__file__).resolve().parent


class EnvFile(environ.Env):  # type: ignore[misc]  # django-environ has no annotations
    """What .env says, read beside the environment of this process: the processes that it starts read the file anew."""

    ENVIRON: dict[str, str] = {}


with suppress(OSError, UnicodeDecodeError):  # the processes that it starts say what is wrong
    if (ROOT / ".env").exists():
        EnvFile.read_env(ROOT / ".env", encoding="utf-8-sig")


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn has no annotations
    """What gunicorn itself says, in the form of the other lines."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


if (os.environ.get("LOG_FORMAT") or EnvFile.ENVIRON.get("LOG_FORMAT")) == "json":
    logger_class = JsonLogger

counts: list[Path] = []  # where its processes put what they count for /metrics


def on_starting(_server: Any) -> None:
    """Before the first process that answers requests."""
    counts.append(directory.make(ROOT / "var" / "metrics"))


def on_exit(_server: Any) -> None:
    while counts:
        directory.remove(counts.pop())
