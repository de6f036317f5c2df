"""Database problems in the middle of a sync: what it means, what is tried again, and what the row says in the end.

Real errors of real databases: SQLite without room or with its lock in other hands, and a MariaDB server of the
tests' own that refuses, forgets or cuts.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cutting import LosesAnAnswer
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from installation import ORDERS, PAGE_SIZE, PAGES, Installation, MariaDB, a_mariadb, ask, codes, on_sqlite

from core.database.errors import classify
from integrations.tests.processes import PATIENCE, Hold, ended, line_with, migrated, until
from simulator import Account, Simulator

pytestmark = pytest.mark.own_database

COMMAND = ("sync_orders", "amazon")
AGAIN, NO = True, False


class DriverError(Exception):
    """As the drivers of SQLite and PostgreSQL carry their code."""

    def __init__(self, **codes: Any) -> None:
        super().__init__("the driver's text")
        vars(self).update(codes)


def caused(error: Exception, **codes: Any) -> Exception:
    error.__cause__ = DriverError(**codes)
    return error


# --- what an error means


@pytest.mark.parametrize(
    ("error", "code", "may_pass"),
    [
        # MySQL and MariaDB
        (OperationalError(1213, "Deadlock found when trying to get lock"), "database_busy", AGAIN),
        (OperationalError(1205, "Lock wait timeout exceeded"), "database_busy", AGAIN),
        (OperationalError(1020, "Record has changed since last read"), "database_busy", AGAIN),
        (OperationalError(2006, "Server has gone away"), "database_unavailable", AGAIN),
        (OperationalError(2013, "Lost connection to server during query"), "database_unavailable", AGAIN),
        (OperationalError(2002, "Can't connect to server"), "database_unavailable", AGAIN),
        (OperationalError(1053, "Server shutdown in progress"), "database_unavailable", AGAIN),
        (OperationalError(1927, "Connection was killed"), "database_unavailable", AGAIN),
        (OperationalError(1040, "Too many connections"), "database_unavailable", AGAIN),
        (OperationalError(1290, "running with the --read-only option"), "database_read_only", AGAIN),
        (OperationalError(1290, "running with the --secure-file-priv option"), "database_error", NO),
        (OperationalError(1836, "Running in read-only mode"), "database_read_only", AGAIN),
        (OperationalError(1021, "Disk full (/tmp); waiting for someone to free some space"), "disk_full", NO),
        (OperationalError(1114, "The table 'orders' is full"), "disk_full", NO),
        (OperationalError(1030, 'Got error 28 "No space left on device" from InnoDB'), "disk_full", NO),
        (InternalError(3, "Error writing file (Errcode: 28 \"No space left on device\")"), "disk_full", NO),
        (OperationalError(1030, "Got error 130 from storage engine"), "database_error", NO),
        (OperationalError(1045, "Access denied for user 'oms'"), "database_error", NO),
        (ProgrammingError(1146, "Table 'oms.orders' doesn't exist"), "database_error", NO),
        (InterfaceError(0, ""), "database_unavailable", AGAIN),
        # PostgreSQL
        (caused(OperationalError("deadlock detected"), sqlstate="40P01"), "database_busy", AGAIN),
        (caused(OperationalError("could not serialize"), sqlstate="40001"), "database_busy", AGAIN),
        (caused(OperationalError("canceling statement"), sqlstate="57014"), "database_busy", AGAIN),
        (caused(OperationalError("lock not available"), pgcode="55P03"), "database_busy", AGAIN),
        (caused(OperationalError("terminating connection"), sqlstate="57P01"), "database_unavailable", AGAIN),
        (caused(OperationalError("connection failure"), sqlstate="08006"), "database_unavailable", AGAIN),
        (caused(OperationalError("too many clients"), sqlstate="53300"), "database_unavailable", AGAIN),
        (caused(InternalError("read-only transaction"), sqlstate="25006"), "database_read_only", AGAIN),
        (caused(OperationalError("could not extend file"), sqlstate="53100"), "disk_full", NO),
        (caused(OperationalError("i/o error"), sqlstate="58030"), "disk_error", NO),
        (caused(ProgrammingError("undefined table"), sqlstate="42P01"), "database_error", NO),
        (OperationalError("server closed the connection unexpectedly"), "database_unavailable", AGAIN),
        (InterfaceError("connection already closed"), "database_unavailable", AGAIN),
        # SQLite
        (caused(OperationalError("database is locked"), sqlite_errorcode=5), "database_busy", AGAIN),
        (caused(OperationalError("database is locked"), sqlite_errorcode=517), "database_busy", AGAIN),
        (caused(OperationalError("database table is locked"), sqlite_errorcode=262), "database_busy", AGAIN),
        (caused(OperationalError("unable to open"), sqlite_errorcode=14), "database_unavailable", AGAIN),
        (caused(OperationalError("readonly database"), sqlite_errorcode=1032), "database_read_only", AGAIN),
        (caused(OperationalError("database or disk is full"), sqlite_errorcode=13), "disk_full", NO),
        (caused(OperationalError("disk I/O error"), sqlite_errorcode=778), "disk_error", NO),
        (caused(OperationalError("no such table: orders"), sqlite_errorcode=1), "database_error", NO),
        (OperationalError("database is locked"), "database_busy", AGAIN),
        (OperationalError("database or disk is full"), "disk_full", NO),
        # About a value, not about the database
        (DataError(1406, "Data too long for column 'sku'"), "database_error", NO),
        (IntegrityError(1062, "Duplicate entry"), "database_error", NO),
        (OperationalError(), "database_error", NO),
    ],
)  # fmt: skip
def test_it_knows_what_may_pass(error: Exception, code: str, may_pass: bool) -> None:
    problem = classify(error)
    assert (problem.code, problem.may_pass) == (code, may_pass)
    assert all(text.endswith(".") for text in (problem.happened, problem.advice))


# --- SQLite


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(Account(orders=ORDERS, skus=8), page_size=PAGE_SIZE) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated(), tmp_path / "oms.sqlite3"))


@pytest.fixture
def oms(path: Path) -> Iterator[Installation]:
    installation = on_sqlite(path, "?timeout=0")
    yield installation
    installation.end()


@pytest.fixture
def big() -> Iterator[Simulator]:
    """Pages of so many orders that a database grows with each of them."""
    with Simulator(Account(orders=120, skus=5), page_size=30) as running:
        yield running


def test_it_says_that_the_disk_is_full_and_keeps_whole_pages(
    oms: Installation, big: Simulator, path: Path
) -> None:
    oms.meets(big)
    ((page_count,),) = oms.query("PRAGMA page_count")
    full = {"DATABASE_URL": f"sqlite:///{path}?init_command=PRAGMA max_page_count={page_count + 60};"}
    status, out, err = oms.run(*COMMAND, environment=full)
    assert (status, "Traceback" in out + err) == (1, False), err
    log = oms.log
    assert (log["status"], log["error_code"]) == ("failed", "disk_full")
    assert log["error_message"] == (
        "The database has no room left: its disk, its quota or its largest allowed size is used up. What was read "
        "before is stored, the current page is not. Make room there; the next sync fetches the rest."
    )
    assert 0 < log["pages"] < 4
    assert oms.order_count == log["fetched"] == 30 * log["pages"]

    assert oms.run(*COMMAND).status == 0  # somebody made room
    oms.assert_nothing_is_lost_or_doubled()


def test_it_leaves_the_row_to_the_next_run_where_not_even_the_reason_fits(
    oms: Installation, big: Simulator, path: Path
) -> None:
    oms.meets(big)
    big.faults = hold = Hold(2)
    process = oms.start(*COMMAND)
    oms.waits_for_the_page(hold)
    # From now on no file of this process may grow: the log of SQLite cannot take another byte.
    sizes = [each.stat().st_size for each in path.parent.iterdir()]
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (min(sizes), resource.RLIM_INFINITY))
    hold.release()
    status, out, err = ended(process)
    assert (status, "Traceback" in out + err) == (1, False), err
    assert "what was read before is stored: The database could not write to or read from its disk." in err
    log = oms.log
    assert (log["status"], log["pages"], oms.order_count) == ("running", 1, 30)

    oms.lose_the_lease()
    assert oms.run(*COMMAND).status == 0
    log = oms.log
    assert (log["status"], log["created"], codes(log["notes"])) == ("succeeded", 120, ["worker_lost"])
    assert "after page 1." in str(log["notes"])
    oms.assert_nothing_is_lost_or_doubled()


@pytest.fixture
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program that takes the write lock when it begins."""
    with closing(sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)) as other:
        yield other


LOG_IN = """
import logging
from django.test import Client
logging.disable()
client = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1")
response = client.post("/admin/login/", {"username": "anna", "password": "right"})
print(response.status_code, response.headers.get("Retry-After"), response.content.decode())
"""
ANNA = "from django.contrib.auth.models import User; User.objects.create_superuser('anna', password='right')"


def test_it_answers_with_a_page_that_says_so_while_nobody_can_log_in(
    oms: Installation, locked: sqlite3.Connection
) -> None:
    oms.environment["REQUIRE_HTTPS"] = "off"
    assert oms.run("shell", "--verbosity", "0", "--command", ANNA).status == 0
    locked.execute("BEGIN EXCLUSIVE")  # the session is stored by middleware, when the view has answered
    status, out, err = oms.run("shell", "--verbosity", "0", "--command", LOG_IN)
    assert status == 0, err
    assert out.startswith("503 30 <!doctype html>"), out
    assert "The database is busy or cannot be reached" in out
    locked.execute("ROLLBACK")
    assert "302 None" in oms.run("shell", "--verbosity", "0", "--command", LOG_IN).out


PATIENT = {"DJANGO_SETTINGS_MODULE": "oms.settings"}


def test_it_waits_for_a_lock_and_counts_the_page_once(
    oms: Installation, sim: Simulator, locked: sqlite3.Connection
) -> None:
    oms.meets(sim)
    sim.faults = hold = Hold(2)
    process = oms.start(*COMMAND, environment=PATIENT)
    oms.waits_for_the_page(hold)
    locked.execute("BEGIN IMMEDIATE")
    hold.release()
    line_with(process.stderr, "Database problem (database_busy, OperationalError); attempt 2 of 8 follows.")
    locked.execute("ROLLBACK")
    assert ended(process).status == 0
    log = oms.log
    assert (log["status"], log["pages"], log["created"], log["unchanged"]) == ("succeeded", PAGES, ORDERS, 0)
    assert sim.calls["searchOrders"] == PAGES
    oms.assert_nothing_is_lost_or_doubled()


def test_it_stores_nothing_once_it_was_overtaken_while_it_waited(
    oms: Installation, sim: Simulator, locked: sqlite3.Connection
) -> None:
    oms.meets(sim)
    sim.faults = hold = Hold(2)
    process = oms.start(*COMMAND, environment=PATIENT)
    oms.waits_for_the_page(hold)
    locked.execute("BEGIN IMMEDIATE")
    hold.release()
    line_with(process.stderr, "Database problem (database_busy")
    locked.execute("UPDATE sync_logs SET lease_token = 'another worker'")
    locked.execute("COMMIT")
    line_with(process.stderr, "was taken over by another worker; stopped without storing")
    log = oms.log
    assert (log["status"], log["pages"], oms.order_count) == ("running", 1, PAGE_SIZE)
    oms.lose_the_lease()  # that one dies; the command, which followed it, goes on
    assert ended(process).status == 0
    assert (oms.log["status"], oms.log["created"]) == ("succeeded", ORDERS)
    oms.assert_nothing_is_lost_or_doubled()


def test_it_sweeps_the_stock_once_though_a_page_waited(
    oms: Installation, sim: Simulator, locked: sqlite3.Connection
) -> None:
    oms.meets(sim)
    sim.faults = hold = Hold(2, "getInventorySummaries")
    process = oms.start("sync_inventory", "amazon", environment=PATIENT)
    oms.waits_for_the_page(hold)
    locked.execute("BEGIN IMMEDIATE")
    hold.release()
    line_with(process.stderr, "Database problem (database_busy")
    locked.execute("ROLLBACK")
    assert ended(process).status == 0
    ((rows, gone),) = oms.query("SELECT COUNT(*), COUNT(gone_at) FROM inventory_items")
    assert (rows, gone) == (len(sim.accounts[0].truth_inventory()), 0)
    log = oms.log
    assert (log["status"], log["fetched"], log["created"], log["pages"]) == ("succeeded", rows, rows, 3)
    assert sim.calls["getInventorySummaries"] == 3


def test_it_gives_up_on_a_lock_that_nobody_lets_go(
    oms: Installation, sim: Simulator, locked: sqlite3.Connection
) -> None:
    oms.meets(sim)
    sim.faults = hold = Hold(2)
    process = oms.start(*COMMAND)
    oms.waits_for_the_page(hold)
    locked.execute("BEGIN IMMEDIATE")
    hold.release()
    status, out, err = ended(process)
    assert (status, "Traceback" in out + err) == (1, False), err
    assert "The database was busy: others held its locks" in err
    assert (oms.log["status"], oms.log["pages"]) == ("running", 1)  # the reason could not be written either
    locked.execute("ROLLBACK")
    oms.lose_the_lease()
    assert oms.run(*COMMAND).status == 0
    oms.assert_nothing_is_lost_or_doubled()


# --- MariaDB


# So that it can be filled up.
IN_ONE_SMALL_FILE = ("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:10M:autoextend:max:32M")
A_LARGER_FILE = "--innodb-data-file-path=ibdata1:10M:autoextend:max:128M"


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    server = a_mariadb(tmp_path_factory.mktemp("mariadb"), *IN_ONE_SMALL_FILE)
    yield server
    server.kill()


@pytest.fixture
def on_mariadb(mariadb: MariaDB, sim: Simulator) -> Iterator[Installation]:
    mariadb.clear()
    installation = mariadb.installation("?init_command=SET innodb_lock_wait_timeout = 1")
    installation.meets(sim)
    yield installation
    installation.end()


@pytest.fixture
def in_mid_page(mariadb: MariaDB, on_mariadb: Installation, sim: Simulator) -> Iterator[Any]:
    """A command that stores its second page and waits for our lock: the process, our connection, its number."""
    other = mariadb.connect()
    sim.faults = hold = Hold(2)
    process = on_mariadb.start(*COMMAND, environment=PATIENT)
    on_mariadb.waits_for_the_page(hold)
    ask(other, "BEGIN")
    # So much work that InnoDB chooses the other one where two block each other.
    ask(other, "INSERT INTO api_quotas (account_key, operation, rate, burst, tokens, updated_at) "
        "SELECT seq, 'none', 1, 1, 1, NOW() FROM seq_1_to_500")  # fmt: skip
    ask(other, "SELECT * FROM platforms FOR UPDATE")  # which new orders refer to
    hold.release()
    (number,) = until(mariadb.blocked, "a page that is being stored")
    yield process, other, number
    other.close()


def assert_all_is_well(oms: Installation, process: Any) -> None:
    status, _, err = ended(process)
    assert (status, "Traceback" in err) == (0, False), err
    log = oms.log
    assert (log["status"], log["pages"], log["created"], log["unchanged"]) == ("succeeded", PAGES, ORDERS, 0)
    assert oms.sim.calls["searchOrders"] == PAGES
    oms.assert_nothing_is_lost_or_doubled()


@pytest.mark.mariadb
def test_it_repeats_the_page_when_its_connection_is_killed(
    mariadb: MariaDB, on_mariadb: Installation, in_mid_page: Any
) -> None:
    process, other, number = in_mid_page
    mariadb.query(f"KILL {number}")
    line_with(process.stderr, "Database problem (database_unavailable")
    assert on_mariadb.order_count == PAGE_SIZE  # not half a page
    ask(other, "ROLLBACK")
    assert_all_is_well(on_mariadb, process)


@pytest.mark.mariadb
def test_it_repeats_the_page_after_a_lock_timeout(on_mariadb: Installation, in_mid_page: Any) -> None:
    process, other, _ = in_mid_page
    line_with(process.stderr, "Database problem (database_busy, OperationalError 1205)")
    ask(other, "ROLLBACK")
    assert_all_is_well(on_mariadb, process)


@pytest.mark.mariadb
def test_it_repeats_the_page_after_a_deadlock(on_mariadb: Installation, in_mid_page: Any) -> None:
    process, other, _ = in_mid_page
    ask(other, "UPDATE sync_logs SET request_id = 'ours'")  # which the page has locked
    line_with(process.stderr, "Database problem (database_busy, OperationalError 1213)")
    ask(other, "ROLLBACK")
    assert_all_is_well(on_mariadb, process)


@pytest.mark.mariadb
def test_it_counts_a_page_once_whose_commit_went_through_unheard(
    mariadb: MariaDB, on_mariadb: Installation, sim: Simulator
) -> None:
    sim.faults = hold = Hold(2)
    with closing(LosesAnAnswer(mariadb.port)) as between:
        elsewhere = {"DATABASE_URL": f"mysql://root@127.0.0.1:{between.port}/oms"}
        process = on_mariadb.start(*COMMAND, environment=elsewhere)
        on_mariadb.waits_for_the_page(hold)
        between.armed.set()
        hold.release()
        assert between.cut.wait(PATIENCE)
        assert_all_is_well(on_mariadb, process)


@pytest.mark.mariadb
def test_it_says_that_the_server_has_no_room(
    mariadb: MariaDB, on_mariadb: Installation, big: Simulator
) -> None:
    on_mariadb.meets(big)
    big.faults = hold = Hold(2)
    process = on_mariadb.start(*COMMAND)
    on_mariadb.waits_for_the_page(hold)
    fill_up(mariadb)
    hold.release()
    status, out, err = ended(process)
    assert (status, "Traceback" in out + err) == (1, False), err
    log = on_mariadb.log
    # Whether the reason still fits is InnoDB's to say.
    assert (log["status"], log["error_code"]) in [("running", ""), ("failed", "disk_full")]
    assert "no room left" in err + log["error_message"]
    assert (log["pages"], on_mariadb.order_count) == (1, 30)

    # More disk. A file that is full to the last page does not even drop a table.
    mariadb.kill()
    mariadb.start(A_LARGER_FILE)
    mariadb.query("DROP TABLE rubbish")
    on_mariadb.lose_the_lease()
    assert on_mariadb.run(*COMMAND).status == 0
    on_mariadb.assert_nothing_is_lost_or_doubled()


def fill_up(server: MariaDB) -> None:
    """Until InnoDB has no page left."""
    import MySQLdb

    server.query(
        "CREATE TABLE rubbish (id INT AUTO_INCREMENT PRIMARY KEY, content MEDIUMBLOB) ENGINE = InnoDB"
    )
    with closing(server.connect()) as connection:

        def for_ever() -> None:
            while True:
                ask(connection, "INSERT INTO rubbish (content) VALUES (REPEAT('x', 14000))")

        with pytest.raises(MySQLdb.OperationalError, match="is full"):
            for_ever()
