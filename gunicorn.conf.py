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
from oms import slow_clients
from oms.server_errors import write_error

umask = 0o077  # what it writes (var/metrics, files that are uploaded) is its owner's alone
limit_request_line = 8190  # gunicorn's highest; 4094 is soon reached by a list of ids
# gunicorn has no setting for the page that it writes itself where a request cannot be read.
util.write_error = write_error

ROOT = Path(__file__).resolve().parent


class EnvFile(environ.Env):  # type: ignore[misc]  # django-environ has no annotations
    """What .env says, read beside the environment of this process: the processes that it starts read the file anew."""

    ENVIRON: dict[str, str] = {}


with suppress(OSError, UnicodeDecodeError):  # the processes that it starts say what is wrong
    if (ROOT / ".env").exists() and os.environ.get("OMS_DEMO") != "on":
        EnvFile.read_env(ROOT / ".env", encoding="utf-8-sig")


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn has no annotations
    """What gunicorn itself says, in the form of the other lines."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


def setting(name: str) -> str:
    return (os.environ.get(name) or EnvFile.ENVIRON.get(name) or "").strip().lower()


if setting("LOG_FORMAT") == "json":
    logger_class = JsonLogger

# A thread is taken for requests that have arrived. What is too slow or too much is closed before.
worker_class = "oms.slow_clients.Worker"
if setting("MAX_BODY_BYTES").isdecimal():
    slow_clients.BODY_BYTES = int(setting("MAX_BODY_BYTES"))
limit_request_fields = 100
limit_request_field_size = 8190
if setting("BEHIND_TLS_PROXY") not in ("on", "true", "yes", "1"):
    # By default gunicorn believes these headers from 127.0.0.1, where any program of this machine may call from.
    secure_scheme_headers: dict[str, str] = {}
    forwarded_allow_ips = ""

counts: list[Path] = []  # where its processes put what they count for /metrics


def on_starting(_server: Any) -> None:
    """Before the first process that answers requests."""
    counts.append(directory.make(ROOT / "var" / "metrics"))


def post_worker_init(_worker: Any) -> None:
    """Once a process has loaded OMS, which it does not look through for garbage: that took 0.2 s, every tenth page."""
    from core.garbage import collect_rarely

    collect_rarely()


def on_exit(_server: Any) -> None:
    while counts:
        directory.remove(counts.pop())
