"""The commands, the worker and the scheduler as real processes: exit statuses, signals, and what they leave behind.

They have a database file of their own, whatever the suite runs on, and meet the simulator in this process.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import api_config
from simulator import Account, Canned, Simulator
from simulator.faults import Call

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds; for a machine that is busy, not for luck
PAGES, PAGE_SIZE = 4, 3
ORDERS = PAGES * PAGE_SIZE


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
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        command = [sys.executable, "manage.py", *arguments]
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
            if process.poll() is None:
                process.kill()
            process.communicate()


class Hold:
    """Lets the simulator keep an answer of searchOrders back until it is told to go on."""

    def __init__(self, nth: int) -> None:
        self._left = nth
        self._lock = threading.Lock()
        self._reached = threading.Event()
        self._go = threading.Event()

    def before(self, call: Call) -> Canned | None:
        with self._lock:
            self._left -= call.operation == "searchOrders"
            held = call.operation == "searchOrders" and self._left == 0
        if held:
            self._reached.set()
            self._go.wait(PATIENCE)
        return None

    def wait(self) -> None:
        assert self._reached.wait(PATIENCE), "the call never came"

    def release(self) -> None:
        self._go.set()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)


def line_with(stream: Any, text: str) -> str:
    """The next line of a process that has `text`; the ones before are skipped."""
    for line in stream:
        if text in line:
            return str(line)
    pytest.fail(f"never said: {text}")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    installation = Installation(tmp_path_factory.mktemp("migrated"))
    status, _, err = installation.run("migrate", "--verbosity", "0")
    assert status == 0, err
    installation.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return installation.path


@pytest.fixture
def oms(migrated: Path, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    shutil.copy(migrated, installation.path)
    yield installation
    installation.end()


@pytest.fixture
def sim(oms: Installation) -> Iterator[Simulator]:
    with Simulator(Account(orders=ORDERS, skus=5), page_size=PAGE_SIZE) as running:
        oms.meets(running)
        yield running


@pytest.fixture
def hold(sim: Simulator) -> Iterator[Hold]:
    """The second page is held back."""
    holding = Hold(2)
    sim.faults = holding
    yield holding
    holding.release()


# --- exit statuses


def test_it_exits_as_promised(oms: Installation) -> None:
    for expected, arguments in [
        (3, ("sync_orders",)),
        (2, ("sync_orders", "nowhere")),
        (2, ("sync_orders", "--no-such-option")),
        (2, ("sync_orders", "--since", "soon")),
        (2, ("create_api_token", "nobody")),
        (0, ("purge_mock", "amazon")),
    ]:
        status, out, err = oms.run(*arguments)
        assert (status, "Traceback" in err) == (expected, False), (arguments, out, err)


def test_it_prints_json_alone_on_stdout(oms: Installation, sim: Simulator) -> None:
    status, out, err = oms.run("sync_orders", "amazon", "--json")
    assert (status, json.loads(out)["fetched"], out.count("\n")) == (0, ORDERS, 1), err
    assert "succeeded" in err  # the log line


def test_it_asks_for_migrate_where_there_is_no_database_yet(tmp_path: Path) -> None:
    for command in (
        ("sync_orders",),
        ("sync_inventory", "--json"),
        ("reencrypt",),
        ("run_scheduler", "--once"),
    ):
        status, out, err = Installation(tmp_path).run(*command)
        assert (status, out) == (1, "")
        assert "python manage.py migrate" in err
        assert "Traceback" not in err


def test_it_exits_1_where_the_database_cannot_be_reached(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.path.mkdir()  # a folder where the file should be
    status, _, err = installation.run("sync_orders")
    assert (status, "Traceback" in err) == (1, False), err
    assert "The database cannot be reached; nothing was done." in err


# --- a sync that is stopped, and goes on


def test_it_continues_after_ctrl_c(oms: Installation, sim: Simulator, hold: Hold) -> None:
    process = oms.start("sync_orders", "amazon")
    hold.wait()
    process.send_signal(signal.SIGINT)
    status, _, err = ended(process)
    assert (status, "Traceback" in err) == (130, False), err
    assert "What was read is stored (3 fetched: 3 new," in err
    assert "run the same command again to continue" in err
    (log,) = oms.logs
    assert (log["status"], log["pages"], oms.order_count) == ("queued", 1, PAGE_SIZE)
    hold.release()
    status, out, err = oms.run("sync_orders", "amazon", "--json")
    assert (status, json.loads(out)["id"], json.loads(out)["fetched"]) == (0, log["id"], ORDERS), err
    assert (oms.order_count, sim.calls["searchOrders"]) == (ORDERS, PAGES + 1)


def test_it_finishes_the_page_in_hand_on_sigterm(oms: Installation, sim: Simulator, hold: Hold) -> None:
    process = oms.start("sync_orders", "amazon", "--json")
    hold.wait()
    process.send_signal(signal.SIGTERM)
    hold.release()
    status, out, err = ended(process)
    assert (status, json.loads(out)["status"]) == (143, "queued"), err
    assert "Stopped. What was read is stored (6 fetched" in err
    (log,) = oms.logs
    assert (log["pages"], oms.order_count, log["lease_token"]) == (2, 2 * PAGE_SIZE, "")
    status, out, _ = oms.run("sync_orders", "amazon", "--json")
    assert (status, oms.order_count, sim.calls["searchOrders"]) == (0, ORDERS, PAGES)


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_can_be_stopped_while_it_waits_for_quota(
    oms: Installation, sim: Simulator, number: int, expected: int
) -> None:
    sim.script("searchOrders", Canned.json(429, {"errors": [{"code": "QuotaExceeded"}]}))
    process = oms.start("sync_orders", "amazon")
    assert process.stderr is not None
    assert line_with(process.stderr, "waiting for Amazon's quota until ")
    process.send_signal(number)
    status, _, err = ended(process)
    assert (status, "Traceback" in err) == (expected, False), err
    assert [log["status"] for log in oms.logs] == ["waiting"]


def test_it_follows_a_sync_that_another_process_works_on(
    oms: Installation, sim: Simulator, hold: Hold
) -> None:
    first = oms.start("sync_orders", "amazon", "--json")
    hold.wait()
    second = oms.start("sync_orders", "amazon", "--days", "3", "--json")
    assert second.stderr is not None
    said = line_with(second.stderr, "is already being worked on; following it")
    assert "The options given now are not used" in said
    hold.release()
    (status, out, _), (other_status, other_out, _) = ended(first), ended(second)
    assert (status, other_status) == (0, 0)
    assert json.loads(out)["id"] == json.loads(other_out)["id"]
    assert (len(oms.logs), sim.calls["searchOrders"]) == (1, PAGES)


def test_it_leaves_the_others_work_alone_when_it_stops_following(
    oms: Installation, sim: Simulator, hold: Hold
) -> None:
    first = oms.start("sync_orders", "amazon")
    hold.wait()
    second = oms.start("sync_orders", "amazon")
    assert second.stderr is not None
    line_with(second.stderr, "following it")
    second.send_signal(signal.SIGINT)
    status, _, err = ended(second)
    assert status == 130, err
    assert "goes on where it is being worked on" in err
    hold.release()
    assert ended(first)[0] == 0


def test_it_survives_a_killed_process(oms: Installation, sim: Simulator, hold: Hold) -> None:
    process = oms.start("sync_orders", "amazon")
    hold.wait()
    process.kill()
    process.communicate()
    hold.release()
    oms.sql("UPDATE sync_logs SET lease_expires_at = '2026-01-01 00:00:00'")  # five minutes later
    status, out, err = oms.run("sync_orders", "amazon", "--json")
    assert (status, json.loads(out)["fetched"], len(oms.logs)) == (0, ORDERS, 1), err


def test_it_goes_on_where_nobody_reads_its_progress(oms: Installation, sim: Simulator, hold: Hold) -> None:
    process = oms.start("sync_orders", "amazon", "--json")
    assert process.stderr is not None
    hold.wait()
    process.stderr.close()
    hold.release()
    assert process.stdout is not None
    assert json.loads(process.stdout.read())["status"] == "succeeded"
    process.wait(PATIENCE)
    assert oms.order_count == ORDERS


def test_it_draws_progress_on_a_terminal(oms: Installation, sim: Simulator, hold: Hold) -> None:
    oms.environment |= {"TERM": "xterm", "COLUMNS": "120"}
    ours, theirs = pty.openpty()
    process = oms.start("sync_orders", "amazon", stderr=theirs)
    os.close(theirs)
    hold.wait()
    drawn = ""
    while "1 page, 3 orders so far" not in drawn:
        drawn += os.read(ours, 1000).decode()
    hold.release()
    drain = threading.Thread(target=read_to_end, args=(ours,))
    drain.start()
    out, _ = process.communicate(timeout=PATIENCE)
    drain.join(PATIENCE)
    os.close(ours)
    assert process.returncode == 0
    assert "amazon orders: succeeded" in out


def read_to_end(descriptor: int) -> None:
    try:
        while os.read(descriptor, 1000):
            pass
    except OSError:  # what Linux says when the other side of a terminal is closed
        pass


# --- the worker and the scheduler


def test_it_survives_the_workers_sigterm(oms: Installation, sim: Simulator, hold: Hold) -> None:
    assert oms.run("sync_orders", "amazon", "--background")[0] == 0
    worker = oms.start("db_worker", "--no-startup-delay", "--no-reload")
    hold.wait()
    worker.send_signal(signal.SIGTERM)
    hold.release()
    status, _, err = ended(worker)
    assert status == 0, err
    (log,) = oms.logs
    assert (log["status"], log["pages"], oms.order_count) == ("queued", 2, 2 * PAGE_SIZE)
    assert oms.run("db_worker", "--no-startup-delay", "--no-reload", "--batch")[0] == 0
    (log,) = oms.logs
    assert (log["status"], log["fetched"], sim.calls["searchOrders"]) == ("succeeded", ORDERS, PAGES)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_schedules_until_it_is_told_to_stop(oms: Installation, sim: Simulator, number: int) -> None:
    scheduler = oms.start("run_scheduler")
    assert scheduler.stdout is not None
    line_with(scheduler.stdout, "amazon orders is due")
    line_with(scheduler.stdout, "amazon inventory is due")
    until(lambda: len(oms.sql("SELECT * FROM django_tasks_database_dbtaskresult")) == 2, "two messages")
    started = time.monotonic()
    scheduler.send_signal(number)
    status, out, err = ended(scheduler)
    assert (status, out, err) == (0, "Scheduler stopped.\n", "")
    assert time.monotonic() - started < 10


def test_it_goes_on_scheduling_while_the_database_is_not_there(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    scheduler = installation.start("run_scheduler")
    assert scheduler.stderr is not None
    try:
        line_with(scheduler.stderr, "The database cannot be used right now")
        assert scheduler.poll() is None
        scheduler.send_signal(signal.SIGTERM)
        assert ended(scheduler)[0] == 0
    finally:
        installation.end()


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


RQ_WORKER = ("rqworker", "--with-scheduler", "--job-class", "django_tasks_rq.Job")


@pytest.mark.redis
def test_it_runs_in_the_background_on_redis(oms: Installation, sim: Simulator) -> None:
    oms.environment["REDIS_URL"] = redis_url()
    status, out, err = oms.run("sync_orders", "amazon", "--background", "--json")
    assert (status, json.loads(out)["status"]) == (0, "queued"), err
    assert oms.run(*RQ_WORKER, "--burst")[0] == 0
    (log,) = oms.logs
    assert (log["status"], log["fetched"]) == ("succeeded", ORDERS)


@pytest.mark.redis
def test_it_survives_the_redis_workers_sigterm(oms: Installation, sim: Simulator, hold: Hold) -> None:
    oms.environment["REDIS_URL"] = redis_url()
    assert oms.run("sync_orders", "amazon", "--background")[0] == 0
    # As `manage.py run_worker` starts it: a job in a process of its own would not hear the signal.
    worker = oms.start(*RQ_WORKER, "--worker-class", "rq.SimpleWorker")
    hold.wait()
    worker.send_signal(signal.SIGTERM)
    hold.release()
    assert ended(worker)[0] == 0
    assert [(log["status"], log["pages"]) for log in oms.logs] == [("queued", 2)]
    assert oms.run(*RQ_WORKER, "--burst")[0] == 0
    assert [(log["status"], log["fetched"]) for log in oms.logs] == [("succeeded", ORDERS)]


def test_it_says_when_redis_does_not_answer_and_keeps_the_sync(oms: Installation, sim: Simulator) -> None:
    oms.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    status, _, err = oms.run("sync_orders", "amazon", "--background")
    assert (status, "Traceback" in err) == (1, False), err
    assert "amazon orders: could not be queued" in err
    assert [log["status"] for log in oms.logs] == ["queued"]
