"""What a database server must be like: `migrate` refuses before it makes a table, and says which statement helps.

Real servers: a MariaDB of the tests' own, started as somebody's configuration might have it, and databases of the
PostgreSQL that answers here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import Installation, MariaDB, ask, bare_mariadb, bare_postgresql, free_port, on_sqlite

pytestmark = pytest.mark.own_database

PASSWORD = "pass-word-not-to-be-shown"
EMOJI = "A cup \U0001f984"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    server = bare_mariadb(
        tmp_path_factory.mktemp("mariadb"),
        "--log-bin",
        "--binlog-format=STATEMENT",
        "--innodb-default-row-format=compact",
        "--default-storage-engine=MyISAM",
        "--character-set-server=latin1",
    )
    yield server
    server.kill()


STATEMENTS = (
    "ALTER DATABASE `oms` CHARACTER SET utf8mb4",
    "SET GLOBAL binlog_format = 'MIXED'",
    "SET GLOBAL innodb_default_row_format = 'dynamic'",
    "SET GLOBAL default_storage_engine = 'InnoDB'",
)


@pytest.mark.mariadb
def test_it_refuses_before_the_first_table_and_names_what_helps(mariadb: MariaDB) -> None:
    connection = mariadb.connect("mysql")
    ask(connection, "CREATE DATABASE oms")
    oms = mariadb.installation()
    migrate, check = ("migrate", "--verbosity", "0"), ("check", "--database", "default")
    for done, statement in enumerate(STATEMENTS):
        status, _, err = oms.run(*(check if done == 0 else migrate))
        assert (status, "Traceback" in err) == (1, False), err
        assert [each for each in STATEMENTS if each in err] == list(STATEMENTS[done:]), err
        ask(connection, statement)
    assert mariadb.query("SHOW TABLES") == []
    status, _, err = oms.run(*migrate)
    assert status == 0, err

    # What somebody altered later is named too, but not the table of another program.
    ask(connection, "ALTER TABLE oms.scheduler_leases ENGINE = MyISAM")
    ask(connection, "ALTER TABLE oms.api_usage ROW_FORMAT = COMPACT")
    ask(connection, "CREATE TABLE oms.somebody_elses (name varchar(9)) CHARACTER SET latin1 ENGINE MyISAM")
    status, _, err = oms.run(*check)
    assert status == 1
    assert "(their engine is not InnoDB): scheduler_leases." in err
    assert "in which a new index may find no room: api_usage." in err
    assert "somebody_elses" not in err
    ask(connection, "ALTER TABLE oms.scheduler_leases ENGINE = InnoDB")
    ask(connection, "ALTER TABLE oms.api_usage ROW_FORMAT = DYNAMIC")
    assert oms.run(*check, "--fail-level", "WARNING").status == 0


@pytest.mark.mariadb
def test_it_moves_the_rows_of_a_narrow_database_into_another_as_the_manual_says(
    mariadb: MariaDB, tmp_path: Path
) -> None:
    old = migrated(mariadb, "narrow", "--skip-checks", charset="utf8mb3")
    ask(mariadb.connect("narrow"), "UPDATE platforms SET display_name = 'kept'")
    ask(mariadb.connect("narrow"), "UPDATE stream_states SET interval_minutes = 77 WHERE stream = 'orders'")
    refused = old.run("migrate")
    assert refused.status == 1
    assert "has tables that cannot store every character (not utf8mb4): " in refused.err

    steps = documented_steps("#### Tables that are not utf8mb4").replace("oms_new", "wide")
    steps = re.sub(r"\boms \|", "narrow |", steps).replace(
        "mysql://oms:password@db.internal:3306", mariadb.url
    )
    network = f"--host=127.0.0.1 --port={mariadb.port} --user=root"
    for program in ("mariadb-dump", "mariadb"):
        link = tmp_path / program
        link.write_text(f'#!/bin/sh\nexec {shutil.which(program)} --no-defaults {network} "$@"\n')
        link.chmod(0o755)
    environment = {**old.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["/bin/bash", "-euc", steps], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    new = mariadb.installation(database="wide")
    assert new.run("check", "--database", "default").status == 0
    assert "[ ]" not in new.run("showmigrations").out
    other = mariadb.connect("wide")
    ask(other, "SET NAMES utf8mb4")
    ask(other, "UPDATE platforms SET display_name = CONCAT(display_name, ?)", EMOJI)
    ((name, interval, collation),) = ask(
        other,
        "SELECT display_name, interval_minutes, (SELECT collation_name FROM information_schema.columns WHERE "
        "table_schema = 'wide' AND table_name = 'orders' AND column_name = 'external_id') FROM platforms "
        "JOIN stream_states ON platform_id = platforms.id AND stream = 'orders'",
    )
    assert (name, interval, collation) == (f"kept{EMOJI}", 77, "utf8mb4_nopad_bin")


def migrated(server: MariaDB, name: str, *options: str, charset: str = "utf8mb4") -> Installation:
    ask(connection := server.connect("mysql"), f"CREATE DATABASE {name} CHARACTER SET {charset}")
    for statement in STATEMENTS[1:]:
        ask(connection, statement)
    oms = server.installation(database=name)
    status, _, err = oms.run("migrate", "--verbosity", "0", *options)
    assert status == 0, err
    return oms


def documented_steps(heading: str) -> str:
    """The commands of the manual's first block below this heading."""
    manual = (ROOT / "docs" / "operations.md").read_text()
    return manual.split(heading, 1)[1].split("```bash\n", 1)[1].split("```", 1)[0]


@pytest.mark.mariadb
def test_it_says_in_sentences_why_mariadb_cannot_be_used(mariadb: MariaDB) -> None:
    ask(mariadb.connect("mysql"), "CREATE USER oms IDENTIFIED BY 'right'")
    at = f"127.0.0.1:{mariadb.port}"
    for url, sentence in (
        (f"mysql://oms:{PASSWORD}@{at}/oms", "refuses the user or the password"),
        (f"mysql://root@{at}/nowhere", "The database that DATABASE_URL names does not exist."),
        (f"mysql://oms:{PASSWORD}@127.0.0.1:{free_port()}/oms", "cannot be reached"),
    ):
        assert_one_message(mariadb.installation(), url, sentence)


@pytest.mark.postgresql
def test_it_says_in_sentences_why_postgresql_cannot_be_used() -> None:
    with bare_postgresql() as oms:
        server, _, name = oms.environment["DATABASE_URL"].rpartition("/")
        at = server.rpartition("@")[2]
        for url, sentence in (
            (f"postgres://nobody_of_ours:{PASSWORD}@{at}/{name}", "refuses the user or the password"),
            (f"{server}/nowhere", "The database that DATABASE_URL names does not exist."),
            (f"postgres://oms:{PASSWORD}@127.0.0.1:{free_port()}/oms", "cannot be reached"),
        ):
            assert_one_message(oms, url, sentence)
        assert_one_message(oms, f"{server}/{name}", "manage.py migrate", "create_first_admin")


def test_it_says_in_sentences_why_a_file_cannot_be_used(tmp_path: Path) -> None:
    oms = on_sqlite(tmp_path / "unused")
    assert_one_message(oms, f"sqlite:///{tmp_path}", "The file of the SQLite database cannot be opened.")
    assert_one_message(oms, f"sqlite:///{tmp_path}/new", "manage.py migrate", "create_first_admin")


def assert_one_message(oms: Installation, url: str, sentence: str, *command: str) -> None:
    ended = oms.run(*(command or ("migrate",)), environment={"DATABASE_URL": url})
    assert (ended.status, sentence in ended.err) == (1, True), ended.err
    assert "Traceback" not in ended.err
    assert PASSWORD not in ended.out + ended.err


@pytest.mark.postgresql
def test_it_refuses_a_database_of_postgresql_that_is_not_unicode() -> None:
    with bare_postgresql("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0") as oms:
        status, _, err = oms.run("migrate")
        assert (status, "Traceback" in err) == (1, False), err
        assert "is made for the encoding LATIN1, which cannot store every character" in err
        assert oms.query("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.mark.postgresql
def test_it_accepts_the_database_of_the_manual() -> None:
    statement = (ROOT / "docs" / "operations.md").read_text().split("CREATE DATABASE oms ENCODING", 1)[1]
    with bare_postgresql("ENCODING" + statement.split(";", 1)[0]) as oms:
        status, _, err = oms.run("migrate", "--verbosity", "0")
        assert status == 0, err
        assert oms.run("check", "--database", "default", "--fail-level", "WARNING").status == 0
