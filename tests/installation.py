"""Real processes of OMS on a database of their own: SQLite, or a MariaDB server that may be killed.

They meet the simulator in the process of the test.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from integrations.tests import processes
from integrations.tests.processes import PATIENCE, Answer, Query, sqlite_query, until
from simulator import Simulator

PAGES, PAGE_SIZE = 4, 3
ORDERS = PAGES * PAGE_SIZE
# Of sync_logs.
COLUMNS = (
    "id",
    "status",
    "pages",
    "fetched",
    "created",
    "unchanged",
    "failed",
    "error_code",
    "error_message",
    "notes",
)
EMPTIED = (
    "order_packages", "order_items", "orders", "sync_failures", "sync_logs", "api_quotas",
    "django_tasks_database_dbtaskresult",
)  # fmt: skip
LONG_AGO = "2026-01-01 00:00:00"


class Installation(processes.Installation):
    """One that is in a hurry, with nothing scheduled and one sync to look at."""

    def __init__(self, url: str, query: Query) -> None:
        super().__init__(url, query)
        self.environment |= {
            "MOCK_FALLBACK": "never",
            "PYTHONPATH": str(processes.ROOT / "tests"),
            "DJANGO_SETTINGS_MODULE": "impatient_settings",
        }

    def meets(self, sim: Simulator) -> None:
        super().meets(sim)
        self.query("UPDATE stream_states SET interval_minutes = 0")

    @property
    def log(self) -> dict[str, Any]:
        """The one sync there is."""
        (row,) = self.query(f"SELECT {', '.join(COLUMNS)} FROM sync_logs")  # noqa: S608
        return dict(zip(COLUMNS, row, strict=True))

    def lose_the_lease(self) -> None:
        """As if the minutes of the lease had passed."""
        self.query("UPDATE sync_logs SET lease_expires_at = ?, heartbeat_at = ?", LONG_AGO, LONG_AGO)

    def assert_nothing_is_lost_or_doubled(self) -> None:
        """Orders, amounts and lines are the simulator's, each once."""
        assert self._stored() == self._truth()

    def _stored(self) -> list[tuple[Any, ...]]:
        rows = self.query(
            "SELECT orders.external_id, orders.platform_status, orders.total, order_items.external_id, sku, "
            "quantity_ordered, unit_price FROM orders LEFT JOIN order_items ON order_items.order_id = orders.id"
        )
        return sorted((*row[:2], _money(row[2]), *row[3:6], _money(row[6])) for row in rows)

    def _truth(self) -> list[tuple[Any, ...]]:
        return sorted(
            (
                number,
                order["platform_status"],
                _money(order["total"]),
                *(line[name] for name in ("external_id", "sku", "quantity_ordered")),
                _money(line["unit_price"]),
            )
            for number, order in self.sim.accounts[0].truth_orders().items()
            for line in order["items"]
        )


def _money(amount: Any) -> str:
    return "" if amount is None else f"{Decimal(str(amount)):.4f}"


def on_sqlite(path: Path, options: str = "") -> Installation:
    return Installation(f"sqlite:///{path}{options}", sqlite_query(path))


class MariaDB:
    """A server of the tests' own, which they may kill. Its data stay when it dies."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._options = [
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            f"--tmpdir={folder}",  # another server that starts clears /tmp
            "--innodb-log-file-size=8M",
            *options,
        ]
        if os.geteuid() == 0:
            self._options.append("--user=root")
        self._make()

    def _make(self) -> None:
        command = [
            "mariadb-install-db",
            *self._options,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        made = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert made.returncode == 0, made.stdout + made.stderr

    def start(self, *more_options: str) -> None:
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        network = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self._folder / 'socket'}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, *self._options, *more_options, *network, f"--pid-file={self._folder / 'pid'}"],
                stdout=log,
                stderr=log,
            )
        until(self._answers, "the database server")

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)

    def connect(self, database: str = "oms") -> Any:
        """A connection of its own that commits each statement, unless told otherwise."""
        import MySQLdb

        return MySQLdb.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
            connect_timeout=5,
        )

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._answer(statement, *values)[1]

    def _answer(self, statement: str, *values: Any) -> Answer:
        connection = self.connect()
        try:
            cursor = connection.cursor()
            cursor.execute(statement.replace("?", "%s"), values or None)
            return [each[0] for each in cursor.description or ()], list(cursor.fetchall())
        finally:
            connection.close()

    def clear(self) -> None:
        """As after `migrate`."""
        for table in EMPTIED:
            self.query(f"DELETE FROM {table}")  # noqa: S608
        self.query("UPDATE stream_states SET watermark = NULL")

    def blocked(self) -> list[int]:
        """The connections that wait for a lock."""
        rows = self.query(
            "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        )
        return [int(number) for (number,) in rows]

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}"

    def installation(self, options: str = "", database: str = "oms") -> Installation:
        return Installation(f"{self.url}/{database}{options}", self._answer)

    def _answers(self) -> bool:
        import MySQLdb

        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            self.connect("mysql").close()
        except MySQLdb.Error:
            return False
        return True


def ask(connection: Any, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    cursor.execute(statement.replace("?", "%s"), values or None)
    return list(cursor.fetchall())


def bare_mariadb(folder: Path, *options: str) -> MariaDB:
    """A server without a database; skips where the programs or the driver are missing."""
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    if shutil.which("mariadb-install-db") is None:
        pytest.skip("no MariaDB server is installed here (mariadb-install-db)")
    server = MariaDB(folder, *options)
    server.start()
    return server


def a_mariadb(folder: Path, *options: str) -> MariaDB:
    """A server with OMS set up on it; skips where the programs or the driver are missing."""
    server = bare_mariadb(folder, *options)
    connection = server.connect("mysql")
    ask(connection, "CREATE DATABASE oms CHARACTER SET utf8mb4")
    connection.close()
    status, _, err = server.installation().run("migrate", "--verbosity", "0")
    assert status == 0, err
    return server


POSTGRESQL = "postgres://postgres@127.0.0.1:5432"  # where DATABASE_URL names no PostgreSQL


@contextmanager
def bare_postgresql(how: str = "") -> Iterator[Installation]:
    """An empty database of the PostgreSQL that answers here, dropped at the end; skips where none answers."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    url = os.environ.get("DATABASE_URL", "")
    server = url.rsplit("/", 1)[0] if url.startswith("postgres") else POSTGRESQL
    name = f"oms_test_{uuid4().hex[:12]}"
    try:
        connection = psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL answers at {server.rsplit('@', 1)[-1]}: {type(error).__name__}")
    with closing(connection):
        connection.execute(f"CREATE DATABASE {name} {how}")
        oms = Installation(f"{server}/{name}", _postgresql_query(f"{server}/{name}"))
        try:
            yield oms
        finally:
            oms.end()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _postgresql_query(url: str) -> Query:
    import psycopg

    def query(statement: str, *values: Any) -> Answer:
        with psycopg.connect(url) as connection:  # commits
            cursor = connection.execute(statement.replace("?", "%s"), values or None)
            return [
                each.name for each in cursor.description or ()
            ], cursor.fetchall() if cursor.description else []

    return query


def killed(process: subprocess.Popen[str]) -> None:
    """kill -9."""
    process.kill()
    process.communicate()


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def codes(notes: Any) -> Sequence[str]:
    """Of a log's notes, as the driver returns them."""
    return [note["code"] for note in (json.loads(notes) if isinstance(notes, str | bytes) else notes)]
