"""OMS as real processes, for tests: an installation of its own, and what is waited for."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from conftest import api_config
from integrations.tests import warm
from simulator import Canned, Simulator
from simulator.faults.base import Call

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds; for a machine that is busy, not for luck
REDIS_DATABASES = 16  # as it comes; `make test` starts no more processes
KEPT = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "PATH", "HOME")

Answer = tuple[list[str], list[tuple[Any, ...]]]  # the names of the columns, and the rows
Query = Callable[..., Answer]


class Ended(NamedTuple):
    status: int
    out: str
    err: str


class Installation:
    """A database, as another program sees it with `query`, and the environment that points at it."""

    def __init__(self, url: str, query: Query) -> None:
        self._query = query
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "DATABASE_URL": url,
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
        self.sim = sim
        self.environment |= {
            "AMAZON_SP_API_ENDPOINT": sim.endpoint,
            "AMAZON_LWA_ENDPOINT": sim.lwa_endpoint,
        }
        self.sql("UPDATE platforms SET api_config = ?", json.dumps(api_config(sim.accounts[0])))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """A command of manage.py, forked from a process that has the libraries; `cold=True`: a Python of its own."""
        environment = self.environment | options.get("environment", {})
        if options.pop("cold", False) or not warm.can_start(environment):
            return self.start_command(sys.executable, "manage.py", *arguments, **options)
        streams = {name: options.get(name, subprocess.PIPE) for name in ("stdout", "stderr")}
        process = warm.WarmProcess(("manage.py", *arguments), environment, **streams)
        self._started.append(process)
        return process

    def start_command(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        options = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "start_new_session": True,
        } | options
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            # The suite runs in the background of a script, and what it starts would inherit being deaf to Ctrl-C.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        environment = self.environment | options.pop("environment", {})
        process = subprocess.Popen(command, cwd=ROOT, env=environment, **options)
        self._started.append(process)
        return process

    def run(self, *arguments: str, **options: Any) -> Ended:
        return ended(self.start(*arguments, **options))

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        names, rows = self._query(statement, *values)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._query(statement, *values)[1]

    @property
    def logs(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM sync_logs ORDER BY id")

    @property
    def order_count(self) -> int:
        (row,) = self.sql("SELECT COUNT(*) AS n FROM orders")
        return int(row["n"])

    def waits_for_the_page(self, hold: Hold) -> None:
        """Returns once a page is held back and the ones before are stored: all that a sync can do is wait for it."""
        hold.wait()
        until(lambda: self.logs[-1]["pages"] == hold.nth - 1, "the pages before")

    def end(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):  # a worker on Redis has a child that outlives it
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def on_sqlite(path: Path) -> Installation:
    return Installation(f"sqlite:///{path}", sqlite_query(path))


def sqlite_query(path: Path) -> Query:
    def query(statement: str, *values: Any) -> Answer:
        connection = sqlite3.connect(path, timeout=20)
        try:
            with connection:
                cursor = connection.execute(statement, values)
                return [each[0] for each in cursor.description or ()], cursor.fetchall()
        finally:
            connection.close()

    return query


@cache
def migrated() -> Path:
    """A database file with all tables, made once; by the first process of pytest-xdist that asks, for all of them."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = (
        Path(tempfile.gettempdir(), f"oms-test-{run}") if run else Path(tempfile.mkdtemp(prefix="oms-test-"))
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "oms.sqlite3"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _migrate(path)
    return path


def _migrate(path: Path) -> None:
    """The file is there only when it is whole."""
    beside = path.with_name("unfinished.sqlite3")
    installation = on_sqlite(beside)
    # All tests of the run wait for it, while other databases are made beside it.
    status, _, err = ended(installation.start("migrate", "--verbosity", "0"), patience=5 * PATIENCE)
    assert status == 0, err
    installation.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    beside.rename(path)


@contextmanager
def installed(folder: Path) -> Iterator[Installation]:
    """A migrated installation in this folder; what it started and is still alive is killed at the end."""
    path = Path(shutil.copy(migrated(), folder / "oms.sqlite3"))
    installation = on_sqlite(path)
    yield installation
    installation.end()


class Hold:
    """Lets the simulator keep the nth answer of an operation back until it is told to go on."""

    def __init__(self, nth: int, operation: str = "searchOrders") -> None:
        self.nth = nth
        self._left = nth
        self._operation = operation
        self._lock = threading.Lock()
        self._reached = threading.Event()
        self._go = threading.Event()

    def before(self, call: Call) -> Canned | None:
        with self._lock:
            self._left -= call.operation == self._operation
            held = call.operation == self._operation and self._left == 0
        if held:
            self._reached.set()
            self._go.wait(PATIENCE)
        return None

    def wait(self) -> None:
        assert self._reached.wait(PATIENCE), "the call never came"

    def release(self) -> None:
        self._go.set()


def python(
    arguments: Sequence[str], changes: Mapping[str, str], *, cold: bool = False
) -> subprocess.CompletedProcess[str]:
    """What Python answers to ("manage.py", "check") or ("-c", "print(1)") in this environment, which `changes` change.

    It is forked from a process that has the libraries, where it is not asked to be `cold`.
    """
    environment = {**os.environ, "REDIS_URL": "", "PYTHONUNBUFFERED": "1", **changes}
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # the browser tests' own
    process: subprocess.Popen[str]
    if cold or not warm.can_start(environment):
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    else:
        process = warm.WarmProcess(
            tuple(arguments), environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    return subprocess.CompletedProcess(arguments, *_told(process))


def _told(process: subprocess.Popen[str]) -> Ended:
    try:
        return ended(process)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise


def ended(process: subprocess.Popen[str], patience: float = PATIENCE) -> Ended:
    out, err = process.communicate(timeout=patience)
    return Ended(process.returncode, out, err)


def hears(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether it has a handler for the signal. Only Linux shows that; elsewhere it is taken for so."""
    try:
        shown = Path(f"/proc/{process.pid}/status").read_text()
    except FileNotFoundError:
        return True
    (caught,) = (int(line.split()[1], 16) for line in shown.splitlines() if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """What the condition says once it is something."""
    end = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.15)  # InnoDB shows its locks anew only after 0.1 seconds without a look
    return found


def line_with(stream: Any, text: str) -> str:
    """The next line of a process that has `text`; the ones before are skipped."""
    seen: list[str] = []
    for line in stream:
        seen.append(line)
        if text in line:
            return str(line)
    pytest.fail(f"never said {text!r}, but: {''.join(seen)}")


def redis_url() -> str:
    """Of a Redis to test with; skips where none answers, unless services are required.

    Each process of pytest-xdist has a database of its own: its workers must not take what another test queued.
    """
    from redis import Redis
    from redis.exceptions import RedisError

    address, _, database = (os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/15").rpartition("/")
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = f"{address}/{(int(database) - worker) % REDIS_DATABASES}"
    try:
        with Redis.from_url(url) as server:
            server.ping()
    except (RedisError, OSError) as error:
        if os.environ.get("OMS_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"no Redis answers at {url}: {error}")
    return url
