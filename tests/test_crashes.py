"""kill -9 of the command, of the worker and of the database, at several moments: the next run continues from the
checkpoint, and the database equals Amazon's truth."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from installation import (
    LONG_AGO,
    ORDERS,
    PAGE_SIZE,
    PAGES,
    Installation,
    MariaDB,
    a_mariadb,
    ask,
    codes,
    killed,
    on_sqlite,
)

from integrations.tests.processes import Hold, ended, line_with, migrated, redis_url, until
from simulator import Account, Simulator

pytestmark = pytest.mark.own_database

COMMAND, WORKER = ("sync_orders", "amazon"), ("run_worker",)
GOES_ON = "It goes on from its checkpoint when its lease has expired."
# Endless work inside the transaction that stores a page.
STALL = (
    "CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
    "CREATE TRIGGER stall AFTER INSERT ON order_items BEGIN SELECT COUNT(*) FROM endless; END",
)
GO_ON = ("DROP TRIGGER stall", "DROP VIEW endless")
# Where it is killed: the current call, and whether its page is half stored. What is stored by then.
POINTS = pytest.mark.parametrize(
    ("nth", "inside", "pages"),
    [(1, False, 0), (3, False, 2), (2, True, 1)],
    ids=["before the first page", "between pages", "inside a page's transaction"],
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(Account(orders=ORDERS, skus=5), page_size=PAGE_SIZE) as running:
        yield running


@pytest.fixture
def oms(tmp_path: Path, sim: Simulator) -> Iterator[Installation]:
    installation = on_sqlite(Path(shutil.copy(migrated(), tmp_path / "oms.sqlite3")))
    installation.meets(sim)
    yield installation
    installation.end()


def is_locked(path: Path) -> bool:
    connection = sqlite3.connect(path, timeout=0)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    else:
        return False
    finally:
        connection.close()


@POINTS
@pytest.mark.parametrize("victim", [COMMAND, WORKER], ids=["command", "worker"])
def test_it_continues_after_a_kill(
    oms: Installation,
    sim: Simulator,
    tmp_path: Path,
    victim: tuple[str, ...],
    nth: int,
    inside: bool,
    pages: int,
) -> None:
    if victim == WORKER:
        assert oms.run(*COMMAND, "--background").status == 0
    sim.faults = hold = Hold(nth)
    process = oms.start(*victim)
    oms.waits_for_the_page(hold)
    for statement in STALL if inside else ():
        oms.query(statement)
    if inside:
        hold.release()
        until(lambda: is_locked(tmp_path / "oms.sqlite3"), "a page that is being stored")
    killed(process)
    hold.release()
    for statement in GO_ON if inside else ():
        oms.query(statement)
    assert (oms.log["status"], oms.log["pages"], oms.order_count) == ("running", pages, pages * PAGE_SIZE)

    oms.lose_the_lease()
    if victim == WORKER:
        out = oms.run("run_scheduler", "--once").out
        assert "amazon orders was not worked on" in out
        assert oms.run(*WORKER, "--once").status == 0
    else:
        assert oms.run(*COMMAND).status == 0
    log = oms.log
    assert (log["status"], log["pages"], log["fetched"], log["created"]) == (
        "succeeded",
        PAGES,
        ORDERS,
        ORDERS,
    )
    assert codes(log["notes"]) == ["worker_lost"]
    # The current page is asked for again; so is the one after it, which is fetched while that is stored.
    assert sim.calls["searchOrders"] in ([PAGES + 1, PAGES + 2] if inside else [PAGES + 1])
    oms.assert_nothing_is_lost_or_doubled()


@pytest.mark.parametrize(("here", "in_all"), [(5, 5), (1, 20)], ids=["at one page", "in all"])
def test_it_gives_up_on_a_sync_that_loses_worker_after_worker(
    oms: Installation, sim: Simulator, here: int, in_all: int
) -> None:
    assert oms.run(*COMMAND, "--background").status == 0
    # As if all of these but the last had been noticed already.
    oms.query(
        "UPDATE sync_logs SET status = 'running', lease_token = 'x', checkpoint = ?, notes = ?",
        json.dumps({"lost": here - 1}),
        json.dumps([{"code": "worker_lost", "message": f"No. {number}."} for number in range(1, in_all)]),
    )
    oms.lose_the_lease()
    assert oms.run(*COMMAND).status == 1
    assert (oms.log["status"], oms.log["error_code"]) == ("failed", "worker_lost")
    assert f"{in_all} workers stopped without a word" in oms.log["error_message"]
    assert sim.calls["searchOrders"] == 0


# --- an erasure in the background

ASK = """
from django.utils import timezone
from orders.background_erasing import ask_to_erase_platform
from orders.models import LegalHold, Order, OrderBuyer
from platforms.models import Platform
platform, now = Platform.objects.get(name="amazon"), timezone.now()
rows = [Order(platform=platform, external_id=f"9-{n}", purchased_at=now, platform_updated_at=now, synced_at=now,
              status="unshipped", source="live", payload={}) for n in range(1500)]
Order.objects.bulk_create(rows)
stored = list(Order.objects.order_by("pk"))
late = now.replace(year=now.year + 1)
OrderBuyer.objects.bulk_create([OrderBuyer(order=order, data={"name": "Canary"}, purge_after=late) for order in stored])
LegalHold.objects.create(platform=platform, order=stored[-1], reason="a lawsuit", until=late)
ask_to_erase_platform(platform, reason="a request")
"""
# Endless work inside the transaction that erases the second batch.
STALL_ERASING = (
    STALL[0],
    "CREATE TRIGGER stall AFTER DELETE ON order_buyers WHEN (SELECT COUNT(*) FROM order_buyers) < 250 "
    "BEGIN SELECT COUNT(*) FROM endless; END",
)


def test_an_erasure_goes_on_after_the_scheduler_was_killed(oms: Installation, tmp_path: Path) -> None:
    assert oms.run("shell", "-c", ASK).status == 0
    for statement in STALL_ERASING:
        oms.query(statement)
    process = oms.start("run_scheduler")
    until(lambda: erasing(oms) == (500, 1000, None), "the first batch")
    until(lambda: is_locked(tmp_path / "oms.sqlite3"), "the second batch")
    killed(process)
    for statement in GO_ON:
        oms.query(statement)
    assert erasing(oms) == (500, 1000, None)  # nothing of the second batch

    oms.query("UPDATE scheduler_leases SET expires_at = ?", LONG_AGO)
    assert "Erased the buyer data of 1499 orders of amazon" in oms.run("run_scheduler", "--once").out
    left, erased, finished = erasing(oms)
    assert (left, erased, finished is None) == (1, 1499, False)
    assert oms.query("SELECT held FROM erasures") == [(1,)]
    entries = oms.query(
        "SELECT changes_json FROM audit_entries WHERE action = 'buyer_data.erased' ORDER BY id"
    )
    assert [json.loads(changes)["orders"] for (changes,) in entries] == [1000, 499]
    (told,) = oms.query(
        "SELECT COUNT(*), COUNT(DISTINCT object_id) FROM changes WHERE kind = 'order.updated'"
    )
    assert told == (1499, 1499)
    assert oms.run("verify_audit").status == 0


def erasing(oms: Installation) -> tuple[Any, ...]:
    """How many orders have buyer data, how many the receipt says are erased, and when it was finished."""
    ((left,),) = oms.query("SELECT COUNT(*) FROM order_buyers")
    ((erased, finished),) = oms.query("SELECT orders, finished_at FROM erasures")
    return left, erased, finished


# --- the database is killed


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    server = a_mariadb(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.kill()


@pytest.fixture
def on_mariadb(mariadb: MariaDB, sim: Simulator) -> Iterator[Installation]:
    mariadb.clear()
    installation = mariadb.installation()
    installation.meets(sim)
    yield installation
    installation.end()


@pytest.mark.mariadb
@POINTS
def test_it_continues_after_the_database_was_killed(
    mariadb: MariaDB, on_mariadb: Installation, sim: Simulator, nth: int, inside: bool, pages: int
) -> None:
    sim.faults = hold = Hold(nth)
    process = on_mariadb.start(*COMMAND)
    on_mariadb.waits_for_the_page(hold)
    if inside:
        other = mariadb.connect()
        ask(other, "BEGIN")
        ask(other, "SELECT * FROM platforms FOR UPDATE")  # which new orders refer to
        hold.release()
        until(mariadb.blocked, "a page that is being stored")
    mariadb.kill()
    hold.release()
    status, _, err = ended(process)
    assert (status, "Traceback" in err) == (1, False), err
    assert "The database could not be reached" in err
    assert "what was read before is stored" in err

    mariadb.start()
    log = on_mariadb.log
    assert (log["status"], log["pages"], on_mariadb.order_count) == ("running", pages, pages * PAGE_SIZE)
    on_mariadb.lose_the_lease()
    assert on_mariadb.run(*COMMAND).status == 0
    log = on_mariadb.log
    assert (log["status"], log["fetched"], log["created"], codes(log["notes"])) == (
        "succeeded",
        ORDERS,
        ORDERS,
        ["worker_lost"],
    )
    on_mariadb.assert_nothing_is_lost_or_doubled()


@pytest.mark.mariadb
def test_it_waits_for_a_database_that_restarts(
    mariadb: MariaDB, on_mariadb: Installation, sim: Simulator
) -> None:
    sim.faults = hold = Hold(2)
    process = on_mariadb.start(*COMMAND, environment={"DJANGO_SETTINGS_MODULE": "oms.settings"})
    on_mariadb.waits_for_the_page(hold)
    mariadb.kill()
    hold.release()
    line_with(process.stderr, "Database problem (database_unavailable")
    mariadb.start()
    status, _, err = ended(process)
    assert status == 0, err
    log = on_mariadb.log
    assert (log["status"], log["created"], sim.calls["searchOrders"]) == ("succeeded", ORDERS, PAGES)
    on_mariadb.assert_nothing_is_lost_or_doubled()


def assert_worker_survives(mariadb: MariaDB, oms: Installation, sim: Simulator, *says: str) -> None:
    """The database is gone while the worker works on a sync, and comes back: the same worker ends the sync. `says`
    is what it has to tell of the outage, in this order."""
    assert oms.run(*COMMAND, "--background").status == 0
    sim.faults = hold = Hold(2)
    worker = oms.start(*WORKER)
    oms.waits_for_the_page(hold)
    mariadb.kill()
    hold.release()
    for line in says:
        line_with(worker.stderr, line)
    mariadb.start()
    oms.lose_the_lease()
    assert oms.run("run_scheduler", "--once").status == 0
    until(lambda: oms.log["status"] == "succeeded", "the worker that came back")
    worker.send_signal(signal.SIGTERM)
    status, out, err = ended(worker)
    assert (status, "Traceback" in out + err) == (0, False), err
    oms.assert_nothing_is_lost_or_doubled()


@pytest.mark.mariadb
def test_it_keeps_the_worker_alive_while_the_database_is_gone(
    mariadb: MariaDB, on_mariadb: Installation, sim: Simulator
) -> None:
    # Its queue is in the same database, so it has to wait for that, too.
    assert_worker_survives(mariadb, on_mariadb, sim, GOES_ON, "Trying again in 5 seconds.")


@pytest.mark.mariadb
@pytest.mark.redis
def test_it_keeps_the_worker_on_redis_alive_too(
    mariadb: MariaDB, on_mariadb: Installation, sim: Simulator
) -> None:
    on_mariadb.environment["REDIS_URL"] = redis_url()
    assert_worker_survives(mariadb, on_mariadb, sim, GOES_ON)
