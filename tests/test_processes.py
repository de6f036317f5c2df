"""The commands, the worker and the scheduler as real processes: exit statuses, signals, and what they leave behind.

They have a database file of their own, whatever the suite runs on, and meet the simulator in this process.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from redis import Redis
from rq import Queue
from rq.job import Job

from integrations.management.base import OUR_APPS
from integrations.sync.leases import LEASE
from integrations.tests.processes import (
    PATIENCE,
    Hold,
    Installation,
    ended,
    installed,
    line_with,
    on_sqlite,
    redis_url,
    until,
)
from simulator import Account, Canned, Simulator

pytestmark = pytest.mark.own_database

PAGES, PAGE_SIZE = 4, 3
ORDERS = PAGES * PAGE_SIZE

ENCRYPTED = "Encrypted the credentials of platform amazon, which had been written in plain.\n"


@pytest.fixture
def oms(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        yield installation


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
        status, out, err = oms.run(*arguments, cold=True)
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
        status, out, err = on_sqlite(tmp_path / "oms.sqlite3").run(*command)
        assert (status, out) == (1, "")
        assert "python manage.py migrate" in err
        assert "Traceback" not in err


def test_it_exits_1_where_the_database_cannot_be_reached(tmp_path: Path) -> None:
    path = tmp_path / "oms.sqlite3"
    installation = on_sqlite(path)
    path.mkdir()  # a folder where the file should be
    status, _, err = installation.run("sync_orders")
    assert (status, "Traceback" in err) == (1, False), err
    assert "The database cannot be reached; nothing was done." in err


# --- a sync that is stopped, and goes on


def test_it_continues_after_ctrl_c(oms: Installation, sim: Simulator, hold: Hold) -> None:
    process = oms.start("sync_orders", "amazon")
    oms.waits_for_the_page(hold)
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


def test_it_finishes_the_current_page_on_sigterm(oms: Installation, sim: Simulator, hold: Hold) -> None:
    process = oms.start("sync_orders", "amazon", "--json")
    oms.waits_for_the_page(hold)
    process.send_signal(signal.SIGTERM)
    hold.release()
    status, out, err = ended(process)
    assert (status, json.loads(out)["status"]) == (143, "queued"), err
    (log,) = oms.logs
    # The second page where it was waited for by then; else the sync left right after the first.
    assert log["pages"] in (1, 2)
    assert f"Stopped. What was read is stored ({log['pages'] * PAGE_SIZE} fetched" in err
    assert (oms.order_count, log["lease_token"]) == (log["pages"] * PAGE_SIZE, "")
    status, out, _ = oms.run("sync_orders", "amazon", "--json")
    # The page that was on its way is fetched again.
    assert (status, oms.order_count, sim.calls["searchOrders"]) == (0, ORDERS, PAGES + 1)


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
    month = ("sync_orders", "amazon", "--days", "30", "--json")
    first = oms.start(*month)
    hold.wait()
    second = oms.start(*month)
    assert second.stderr is not None
    line_with(second.stderr, "is already being worked on; following it")
    status, out, err = oms.run("sync_orders", "amazon", "--days", "3", "--json")
    assert (status, json.loads(out)["code"]) == (1, "another_sync_is_open")
    assert "sync #1 is open (orders updated in the last 30 days; running; started by: command line)" in err
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


@pytest.mark.parametrize(
    "arguments", [("sync_orders", "--json"), ("sync_orders", "--help"), ("help",), ("showmigrations",)]
)
def test_it_does_its_work_where_nobody_reads_its_output(
    oms: Installation, sim: Simulator, arguments: tuple[str, ...]
) -> None:
    (row,) = oms.sql("SELECT * FROM platforms")
    row |= {"id": 2, "name": "second"}
    oms.sql(f"INSERT INTO platforms ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())  # noqa: S608
    reading, writing = os.pipe()
    os.close(reading)  # `… | head -1` once that has ended
    ended_as = oms.run(*arguments, stdout=writing)
    os.close(writing)
    assert ended_as.status == 0, ended_as.err
    assert not re.search("Traceback|Broken|ignored", ended_as.err)
    if "--json" in arguments:
        assert [log["status"] for log in oms.logs] == ["succeeded", "succeeded"]


# Each command of OMS: arguments with which it does no harm, how it ends then, and whether it prints what it was asked
# for with `-v 0` too. 1: it says that nothing was done; 3: something falls short.
EACH: dict[str, tuple[tuple[str, ...], int, bool]] = {
    "audit_orders": (("nowhere",), 2, False),
    "audit_inventory": (("nowhere",), 2, False),
    "authorize_amazon": (("nowhere",), 2, False),
    "backfill_orders": (("nowhere",), 2, False),
    "backup_database": ((), 0, False),
    "check_alerts": ((), 3, False),
    "check_platform": (("amazon",), 0, False),
    "connect_oidc_user": (("nobody",), 2, False),
    "create_api_token": (("jo",), 0, True),
    "create_first_admin": ((), 0, False),
    "dpp_report": ((), 3, True),
    "end_stock": (("amazon",), 1, False),
    "erase_buyer_data": (("--order", "none"), 2, False),
    "export_file": (("orders.csv", "--user", "nobody", "--folder", "."), 2, False),
    "import_shipments": (("nowhere.csv", "--platform", "amazon"), 2, False),
    "list_api_tokens": ((), 0, True),
    "privacy_report": ((), 0, True),
    "purge_mock": ((), 0, False),
    "purge_pii": ((), 0, False),
    "reencrypt": ((), 0, False),
    "replay_failures": ((), 0, False),
    "reset_second_factor": (("jo",), 0, False),
    "resume_writing": ((), 0, False),
    "revoke_api_token": (("TWICE",), 0, False),
    "rotate_client_secret": (("nowhere",), 2, False),
    "run_exports": ((), 0, False),
    "run_scheduler": (("--once",), 0, False),
    "run_webhooks": (("--once",), 0, False),
    "run_worker": (("--once",), 0, False),
    "stop_writing": ((), 0, False),
    "sync_inventory": ((), 0, False),
    "sync_orders": ((), 0, False),
    "unlock_user": (("jo",), 0, False),
    "verify_audit": ((), 0, False),
}


# Runs each twice, in one process: told to be quiet, and at the end of a pipe that nobody reads (`… | head -1`).
WALK = """
import json, os, sys
from manage import main
from django.contrib.auth.models import User

User.objects.create_user("jo", is_staff=True)
commands, folder = json.loads(os.environ["COMMANDS"]), os.environ["FOLDER"]
reading, writing = os.pipe()
os.close(reading)
ended = []
for name, given in commands:
    for quiet in (True, False):
        arguments = [each.replace("TWICE", str(int(quiet) + 1)) for each in given] + ["-v", "0"] * quiet
        paths = [f"{folder}/{stream}" for stream in ("out", "err")]
        files = [os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR) for path in paths]
        os.dup2(files[0] if quiet else writing, 1)
        os.dup2(files[1], 2)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
        sys.argv = ["manage.py", name, *arguments]
        try:
            status = main() or 0
        except SystemExit as stop:
            status = stop.code or 0
        for stream in (sys.stdout, sys.stderr) * 2:  # what a closed pipe did not take goes to nowhere
            stream.flush()
        ended.append([name, quiet, status, *(open(path).read() for path in paths)])
with open(f"{folder}/ended", "w") as file:
    json.dump(ended, file)
"""


def test_each_command_is_quiet_when_told_to_be_and_bears_a_closed_pipe(
    oms: Installation, sim: Simulator, tmp_path: Path
) -> None:
    ours = {name for name, app in get_commands().items() if app in {*OUR_APPS, "backoffice"}}
    assert set(EACH) == ours
    given_to = {name: list(given) for name, (given, _status, _prints) in EACH.items()}
    given_to["backup_database"] = [f"{tmp_path}/copyTWICE.sqlite3"]
    oms.environment |= {"COMMANDS": json.dumps(list(given_to.items())), "FOLDER": str(tmp_path)}
    walked = oms.run("shell", "--verbosity", "0", "--command", WALK)
    for name, quiet, status, out, err in json.loads((tmp_path / "ended").read_text()):
        _given, expected, prints = EACH[name]
        assert status == expected, (name, quiet, out, err)
        assert not re.search("Traceback|Broken|ignored", err), (name, err)
        if quiet and status == 0:
            assert (bool(out), err) == (prints, ""), (name, out)
    assert walked.status == 0


def test_it_draws_progress_on_a_terminal(oms: Installation, sim: Simulator, hold: Hold) -> None:
    oms.environment |= {"TERM": "xterm", "COLUMNS": "120"}
    ours, theirs = pty.openpty()
    process = oms.start("sync_orders", "amazon", stderr=theirs)
    os.close(theirs)
    hold.wait()
    drawn = b""
    while b"3 orders" not in drawn:
        drawn += os.read(ours, 1000)
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
    oms.waits_for_the_page(hold)
    worker.send_signal(signal.SIGTERM)
    hold.release()
    status, _, err = ended(worker)
    assert status == 0, err
    (log,) = oms.logs
    assert (log["status"], log["pages"] in (1, 2)) == ("queued", True)
    assert oms.order_count == log["pages"] * PAGE_SIZE
    assert oms.run("db_worker", "--no-startup-delay", "--no-reload", "--batch")[0] == 0
    (log,) = oms.logs
    assert (log["status"], log["fetched"], sim.calls["searchOrders"]) == ("succeeded", ORDERS, PAGES + 1)


def test_it_goes_on_with_what_a_killed_worker_lost_once_its_lease_expired(
    oms: Installation, sim: Simulator, hold: Hold
) -> None:
    assert oms.run("sync_orders", "amazon", "--background")[0] == 0
    worker = oms.start("run_worker")
    oms.waits_for_the_page(hold)
    worker.kill()
    worker.communicate()
    hold.release()
    oms.sql("UPDATE stream_states SET interval_minutes = 0 WHERE stream = 'inventory'")
    assert oms.run("run_scheduler", "--once")[1] == "Nothing was due.\n"
    # Five minutes later: the lease expired a moment ago.
    now = datetime.now(UTC)
    oms.sql(
        "UPDATE sync_logs SET lease_expires_at = ?, heartbeat_at = ?",
        f"{now:%Y-%m-%d %H:%M:%S}",
        f"{now - LEASE:%Y-%m-%d %H:%M:%S}",
    )
    assert oms.run("run_scheduler", "--once")[1] == "Queued sync #1: amazon orders was not worked on.\n"
    assert oms.run("run_worker", "--once")[0] == 0
    (log,) = oms.logs
    assert (log["status"], log["fetched"], oms.order_count) == ("succeeded", ORDERS, ORDERS)
    assert sim.calls["searchOrders"] == PAGES + 1  # it continued from the checkpoint


def test_a_worker_tells_of_syncs_and_of_messages_where_that_is_asked_for(
    oms: Installation, sim: Simulator
) -> None:
    assert oms.run("sync_orders", "amazon", "--background")[0] == 0
    told = oms.run("run_worker", "--once")[2]
    assert "Sync 1 of amazon (orders) closed: succeeded" in told
    assert "Task id=" not in told
    assert oms.run("sync_orders", "amazon", "--background")[0] == 0
    assert "state=SUCCESSFUL" in oms.run("run_worker", "--once", "--verbosity", "2")[2]


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


def lease(oms: Installation) -> dict[str, Any]:
    (row,) = oms.sql("SELECT * FROM scheduler_leases") or [{"holder": "", "expires_at": None}]
    return row


def test_it_has_one_active_scheduler_and_another_takes_over_when_that_dies(oms: Installation) -> None:
    first = oms.start("run_scheduler")
    until(lambda: lease(oms)["holder"].endswith(f"process {first.pid}"), "the lease of the first")
    second = oms.start("run_scheduler")
    assert second.stdout is not None
    said = line_with(second.stdout, "standing by")
    assert said.startswith("Another scheduler is active (")
    assert f", process {first.pid})" in said
    status, out, err = oms.run("run_scheduler", "--once")
    assert (status, err) == (0, "")
    assert f", process {first.pid}); left it to that one." in out
    first.kill()
    first.communicate()
    assert lease(oms)["holder"].endswith(f"process {first.pid}")
    oms.sql("UPDATE scheduler_leases SET expires_at = '2026-01-01 00:00:00'")  # a minute later
    line_with(second.stdout, "This scheduler is active now.")
    assert lease(oms)["holder"].endswith(f"process {second.pid}")
    second.send_signal(signal.SIGTERM)
    assert ended(second) == (0, "Scheduler stopped.\n", "")
    assert lease(oms)["expires_at"] is None  # the next one need not wait


def test_it_says_once_that_a_refusal_is_suspected_and_once_that_it_is_over(
    oms: Installation, sim: Simulator
) -> None:
    oms.environment["MOCK_FALLBACK"] = "never"
    sim.revoke(*sim.accounts)
    assert oms.run("sync_orders", "amazon")[0] == 1
    scheduler = oms.start("run_scheduler", "--every", "1")
    assert scheduler.stdout is not None
    said = line_with(scheduler.stdout, "amazon: ")
    assert said.startswith("amazon: Next orders sync: 20")
    assert "(Login with Amazon does not accept the refresh token (invalid_grant)), which may pass" in said
    for _tick in range(3):
        before = lease(oms)["expires_at"]
        until(lambda before=before: lease(oms)["expires_at"] != before, "another tick")  # type: ignore[misc]
    sim.restore()
    assert oms.run("sync_orders", "amazon", "--days", "2")[0] == 0
    assert line_with(scheduler.stdout, "orders is ") == "amazon: orders is scheduled as usual again.\n"


def test_it_goes_on_scheduling_while_the_database_is_not_there(tmp_path: Path) -> None:
    installation = on_sqlite(tmp_path / "oms.sqlite3")
    scheduler = installation.start("run_scheduler")
    assert scheduler.stderr is not None
    try:
        line_with(scheduler.stderr, "The database cannot be used right now")
        assert scheduler.poll() is None
        scheduler.send_signal(signal.SIGTERM)
        assert ended(scheduler)[0] == 0
    finally:
        installation.end()


RQ_WORKER = ("run_worker",)


@pytest.mark.redis
def test_it_runs_in_the_background_on_redis(oms: Installation, sim: Simulator) -> None:
    oms.environment["REDIS_URL"] = redis_url()
    status, out, err = oms.run("sync_orders", "amazon", "--background", "--json")
    assert (status, json.loads(out)["status"]) == (0, "queued"), err
    assert oms.run(*RQ_WORKER, "--once")[0] == 0
    (log,) = oms.logs
    assert (log["status"], log["fetched"]) == ("succeeded", ORDERS)


@pytest.mark.redis
def test_it_works_on_a_sync_whose_message_on_redis_an_earlier_version_queued(
    oms: Installation, sim: Simulator
) -> None:
    oms.environment["REDIS_URL"] = redis_url()
    with Redis.from_url(redis_url()) as server:
        queue = Queue("default", connection=server)
        queue.empty()  # type: ignore[no-untyped-call]
        assert oms.run("sync_orders", "amazon", "--background")[0] == 0
        queue.empty()  # type: ignore[no-untyped-call]
        pickled = Job.create(
            "integrations.tasks.continue_sync", args=(1,), connection=server, meta={"backend_name": "default"}
        )
        queue.enqueue_job(pickled)
    status, _, err = oms.run(*RQ_WORKER, "--once")
    assert (status, err.count("A message in Redis was refused")) == (0, 1), err
    oms.sql("UPDATE stream_states SET interval_minutes = 0 WHERE stream = 'inventory'")
    oms.sql("UPDATE sync_logs SET queued_at = '2026-01-01 00:00:00'")  # a minute later
    assert (
        oms.run("run_scheduler", "--once")[1]
        == ENCRYPTED + "Queued sync #1: amazon orders was not worked on.\n"
    )
    assert oms.run(*RQ_WORKER, "--once")[0] == 0
    assert [(log["status"], log["fetched"]) for log in oms.logs] == [("succeeded", ORDERS)]


def test_it_starts_a_deferred_sync_after_everything_was_killed(
    oms: Installation, sim: Simulator, hold: Hold
) -> None:
    assert oms.run("sync_orders", "amazon", "--background")[0] == 0
    worker = oms.start("run_worker")
    hold.wait()
    arguments = ("sync_orders", "amazon", "--days", "45", "--wait")
    assert oms.run(*arguments, "--background")[0] == 0
    waiting = oms.start(*arguments)
    assert waiting.stderr is not None
    line_with(waiting.stderr, "waiting for that here")
    for process in (worker, waiting):
        process.kill()
        process.communicate()
    hold.release()
    assert [log["status"] for log in oms.logs] == ["running", "deferred"]
    oms.sql("UPDATE stream_states SET interval_minutes = 0 WHERE stream = 'inventory'")
    now = datetime.now(UTC)
    oms.sql(
        "UPDATE sync_logs SET lease_expires_at = ?, heartbeat_at = ? WHERE id = 1",
        f"{now:%Y-%m-%d %H:%M:%S}",
        f"{now - LEASE:%Y-%m-%d %H:%M:%S}",
    )
    assert oms.run("run_scheduler", "--once")[1] == "Queued sync #1: amazon orders was not worked on.\n"
    assert oms.run("run_worker", "--once")[0] == 0
    first, second = oms.logs
    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    assert second["window_start"] < first["window_start"]


@pytest.mark.redis
def test_it_announces_again_what_redis_lost(oms: Installation, sim: Simulator) -> None:
    oms.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert oms.run("sync_orders", "amazon", "--background")[0] == 1
    oms.environment["REDIS_URL"] = redis_url()
    oms.sql("UPDATE stream_states SET interval_minutes = 0 WHERE stream = 'inventory'")
    assert oms.run("run_scheduler", "--once")[1] == ENCRYPTED
    oms.sql("UPDATE sync_logs SET queued_at = '2026-01-01 00:00:00'")  # a minute later
    assert oms.run("run_scheduler", "--once")[1] == "Queued sync #1: amazon orders was not worked on.\n"
    assert oms.run(*RQ_WORKER, "--once")[0] == 0
    assert [(log["status"], log["fetched"]) for log in oms.logs] == [("succeeded", ORDERS)]


@pytest.mark.redis
def test_it_survives_the_redis_workers_sigterm(oms: Installation, sim: Simulator, hold: Hold) -> None:
    oms.environment["REDIS_URL"] = redis_url()
    assert oms.run("sync_orders", "amazon", "--background")[0] == 0
    worker = oms.start(*RQ_WORKER)
    oms.waits_for_the_page(hold)
    worker.send_signal(signal.SIGTERM)
    hold.release()
    assert ended(worker)[0] == 0
    assert [(log["status"], log["pages"] in (1, 2)) for log in oms.logs] == [("queued", True)]
    assert oms.run(*RQ_WORKER, "--once")[0] == 0
    assert [(log["status"], log["fetched"]) for log in oms.logs] == [("succeeded", ORDERS)]


def test_it_says_when_redis_does_not_answer_and_keeps_the_sync(oms: Installation, sim: Simulator) -> None:
    oms.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    status, _, err = oms.run("sync_orders", "amazon", "--background")
    assert (status, "Traceback" in err) == (1, False), err
    assert "Sync #1 (orders of amazon) is stored, but could not be handed to the workers" in err
    assert [log["status"] for log in oms.logs] == ["queued"]
