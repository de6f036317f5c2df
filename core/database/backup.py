"""A copy of the whole database in one file, made while OMS runs: what it held at one moment.

SQLite is copied with its own backup API, so that what is still in the write-ahead log is in it, too. MySQL, MariaDB and
PostgreSQL bring programs for it, which must be on the path.
https://www.sqlite.org/backup.html  https://mariadb.com/kb/en/mariadb-dump/
https://www.postgresql.org/docs/current/app-pgdump.html
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

SUFFIXES = {"sqlite": ".sqlite3", "mysql": ".sql", "postgresql": ".dump"}
# The first of them that is installed; MariaDB's newer packages have the first name alone.
PROGRAMS = {"mysql": ("mariadb-dump", "mysqldump"), "postgresql": ("pg_dump",)}
PACKAGES = {"mysql": "mariadb-client (or mysql-client)", "postgresql": "postgresql-client"}
OPTIONS = {
    # One transaction, so that nobody waits, and all tables are of one moment; no table is held in memory.
    "mysql": ("--single-transaction", "--quick", "--skip-lock-tables"),
    "postgresql": ("--format=custom", "--no-owner"),
}


class BackupFailed(Exception):
    """Says in a sentence what went wrong. No file is left behind."""


def back_up(connection: Any, target: Path) -> None:
    """Write the database of this connection to `target`, a new file that its owner alone may read.

    Raises BackupFailed, also where `target` is there already; OSError where it cannot be written.
    """
    if target.exists():
        raise BackupFailed(f"{target} is there already; nothing was written.")
    target.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    os.close(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    try:
        if connection.vendor == "sqlite":
            _copy_sqlite(connection, unfinished)
        else:
            _dump(connection, unfinished)
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _copy_sqlite(connection: Any, file: Path) -> None:
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise BackupFailed(f"The copy is damaged ({verdict}); the database itself may be. It was not kept.")


def _dump(connection: Any, file: Path) -> None:
    vendor = connection.vendor
    program = next(filter(None, map(shutil.which, PROGRAMS[vendor])), None)
    if program is None:
        raise BackupFailed(
            f"{' or '.join(PROGRAMS[vendor])} is not installed; install {PACKAGES[vendor]}. Nothing was written."
        )
    # Django knows how the database's own programs are told where it is; passwords go by the environment.
    client = connection.client
    arguments, secrets = client.settings_to_cmd_args_env(connection.settings_dict, [])
    command = [program, *OPTIONS[vendor], *arguments[1:]]
    with file.open("wb") as written:
        done = subprocess.run(
            command,
            stdout=written,
            stderr=subprocess.PIPE,
            env={**os.environ, **(secrets or {})},
            check=False,
        )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BackupFailed(
            f"{Path(program).name} failed, and nothing was kept: {said[-1] if said else done.returncode}"
        )
