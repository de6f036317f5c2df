"""OMS as real processes, for tests: an installation of its own, and what is waited for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conftest import api_config
from simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds; for a machine that is busy, not for luck


class Installation:
    """A database of its own and the environment that points at it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "oms.sqlite3"
        self.environment = {
            name: os.environ[name]
            for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "PATH", "HOME")
            if name in os.environ
        } | {
            "DATABASE_URL": f"sqlite:///{self.path}",
            "DEBUG": "off",
            "REDIS_URL": "",
            "MOCK_FALLBACK": "auto",
            "ORDERS_INITIAL_DAYS": "30",
            "AMAZON_SP_API_ENDPOINT": "",
            "AMAZON_LWA_ENDPOINT": "",
            "PYTHONUNBUFFERED": "1",
        }
        self._started: list[subprocess.Popen[str]] = []

    def meets(self, sim: Simulator) -> None:
        """The platform `amazon` is an account of the simulator's, written with SQL as the guide says."""
        self.environment |= {
            "AMAZON_SP_API_ENDPOINT": sim.endpoint,
            "AMAZON_LWA_ENDPOINT": sim.lwa_endpoint,
        }
        self.sql("UPDATE platforms SET api_config = ?", json.dumps(api_config(sim.accounts[0])))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """A command of manage.py."""
        return self.start_command(sys.executable, "manage.py", *arguments, **options)

    def start_command(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        options = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "start_new_session": True,
        } | options
        process = subprocess.Popen(command, cwd=ROOT, env=self.environment, **options)
        self._started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        return ended(self.start(*arguments))

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.path, timeout=20)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                return [dict(row) for row in connection.execute(statement, values)]
        finally:
            connection.close()

    @property
    def logs(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM sync_logs ORDER BY id")

    @property
    def order_count(self) -> int:
        (row,) = self.sql("SELECT COUNT(*) AS n FROM orders")
        return int(row["n"])

    def end(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):  # a worker on Redis has a child that outlives it
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@cache
def _migrated() -> Path:
    """A database file with all tables, made once."""
    installation = Installation(Path(tempfile.mkdtemp(prefix="oms-test-")))
    status, _, err = installation.run("migrate", "--verbosity", "0")
    assert status == 0, err
    installation.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return installation.path


@contextmanager
def installed(folder: Path) -> Iterator[Installation]:
    """A migrated installation in this folder; what it started and is still alive is killed at the end."""
    installation = Installation(folder)
    shutil.copy(_migrated(), installation.path)
    yield installation
    installation.end()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)


def line_with(stream: Any, text: str) -> str:
    """The next line of a process that has `text`; the ones before are skipped."""
    for line in stream:
        if text in line:
            return str(line)
    pytest.fail(f"never said: {text}")


def redis_url() -> str:
    """Of a Redis to test with; skips where none answers, unless services are required."""
    from redis import Redis
    from redis.exceptions import RedisError

    url = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/15"
    try:
        with Redis.from_url(url) as server:
            server.ping()
    except (RedisError, OSError) as error:
        if os.environ.get("OMS_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"no Redis answers at {url}: {error}")
    return url
