"""A copy of the whole database in one file, made while OMS runs: what it held at one moment.

SQLite is copied with its own backup API, so that what is still in the write-ahead log is in it, too. MySQL, MariaDB and
PostgreSQL bring programs for it, which must be on the path.

An encrypted copy goes from the database straight into age or gpg: nothing of it is on a disk in clear.
https://www.sqlite.org/backup.html  https://mariadb.com/kb/en/mariadb-dump/
https://www.postgresql.org/docs/current/app-pgdump.html
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SUFFIXES = {"sqlite": ".sqlite3", "mysql": ".sql", "postgresql": ".dump"}
# The first of them that is installed; MariaDB's newer packages have the first name alone.
PROGRAMS = {"mysql": ("mariadb-dump", "mysqldump"), "postgresql": ("pg_dump",)}
PACKAGES = {
    "mysql": "mariadb-client (or mysql-client)",
    "postgresql": "postgresql-client",
    "age": "age",
    "gpg": "gnupg",
}
QUIET_SECONDS = 20.0  # for other programs to end what they read of SQLite's log, or write
OPTIONS = {
    # One transaction, so that nobody waits, and all tables are of one moment; no table is held in memory.
    "mysql": ("--single-transaction", "--quick", "--skip-lock-tables"),
    "postgresql": ("--format=custom", "--no-owner"),
}


class BackupFailed(Exception):
    """Says in a sentence what went wrong. No file is left behind."""


def back_up(connection: Any, target: Path, recipients: Sequence[str] = ()) -> None:
    """Write the database of this connection to `target`, a new file that its owner alone may read; encrypted to
    `recipients`, where there are any, in the place of a plain one.

    Raises BackupFailed, also where `target` is there already; OSError where it cannot be written.
    """
    encrypt = encryption_to(recipients) if recipients else None
    if target.exists():
        raise BackupFailed(f"{target} is there already; nothing was written.")
    target.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    os.close(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    try:
        if encrypt is not None and connection.vendor == "sqlite":
            with _standing_still(connection) as file:
                encrypt.run(unfinished, [str(file)])
        elif connection.vendor == "sqlite":
            _copy_sqlite(connection, unfinished)
        else:
            _dump(connection, unfinished, encrypt)
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


@contextmanager
def _standing_still(connection: Any) -> Iterator[Path]:
    """The file of SQLite, complete and unchanged within this context, while others go on writing to the write-ahead
    log.

    What is in that log is brought into the file while nobody can add to it; then a reader that needs the file alone
    keeps everybody from bringing in more. https://www.sqlite.org/wal.html#concurrency
    """
    path = Path(str(connection.settings_dict["NAME"]))
    if not path.is_file():
        raise BackupFailed("The database is not in a file; nothing was written.")
    with closing(_opened(path)) as writer, closing(_opened(path)) as reader:
        (verdict,) = reader.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise BackupFailed(f"The database is damaged ({verdict}); nothing was written.")
        end = time.monotonic() + QUIET_SECONDS
        while not _has_log_in_file(writer, reader):
            if time.monotonic() > end:
                raise BackupFailed(
                    "A program has been reading the database all the time, so it could not be copied; nothing was "
                    "written. Try again later."
                )
            time.sleep(0.2)
        yield path
        reader.execute("ROLLBACK")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=QUIET_SECONDS, isolation_level=None)


def _has_log_in_file(writer: sqlite3.Connection, reader: sqlite3.Connection) -> bool:
    """Whether `reader` has a transaction now that needs nothing of the log. Not while one that began earlier does."""
    writer.execute("BEGIN IMMEDIATE")
    try:
        _busy, written, in_file = reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if written != in_file:
            return False
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        return True
    finally:
        writer.execute("ROLLBACK")


def _dump(connection: Any, file: Path, encrypt: "Encryption | None") -> None:
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
    environment = {**os.environ, **(secrets or {})}
    with file.open("wb") as written, tempfile.TemporaryFile() as errors:
        stdout = subprocess.PIPE if encrypt else written
        with subprocess.Popen(command, stdout=stdout, stderr=errors, env=environment) as dumping:
            try:
                if encrypt:
                    encrypt.run(file, [], dumping.stdout)
            except BackupFailed:
                dumping.kill()
                raise
        if dumping.returncode:
            errors.seek(0)
            raise BackupFailed(_said(program, errors.read(), dumping.returncode))


def _said(program: str, errors: bytes, status: int) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    return f"{Path(program).name} failed, and nothing was kept: {lines[-1] if lines else status}"


@dataclass(frozen=True, slots=True)
class Encryption:
    """`command` reads what it is given, or a file that is named behind it, and writes ciphertext to stdout."""

    command: Sequence[str]
    suffix: str

    def run(self, target: Path, files: Sequence[str], source: IO[bytes] | None = None) -> None:
        """Raises BackupFailed."""
        with target.open("wb") as written:
            done = subprocess.run(
                [*self.command, *files],
                stdin=source or subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.PIPE,
                check=False,
            )
        if done.returncode:
            raise BackupFailed(_said(self.command[0], done.stderr, done.returncode))


def encryption_to(recipients: Sequence[str]) -> Encryption:
    """With age to keys of age and SSH (`age1…`, `ssh-ed25519 …`), otherwise with gpg to keys in its key ring: key ids,
    fingerprints, e-mail addresses. Raises BackupFailed where they are of both sorts, or the program is not there."""
    of_age = [recipient.startswith(("age1", "ssh-")) for recipient in recipients]
    if any(of_age) != all(of_age):
        raise BackupFailed("Recipients are either all of age, or all of gpg; nothing was written.")
    if any(recipient.startswith("-") for recipient in recipients):
        raise BackupFailed("A recipient begins with a letter or a digit; nothing was written.")
    name = "age" if of_age[0] else "gpg"
    program = shutil.which(name)
    if program is None:
        raise BackupFailed(
            f"{name} is not installed; install the package {PACKAGES[name]}. Nothing was written."
        )
    to = [part for recipient in recipients for part in ("--recipient", recipient)]
    if name == "age":
        return Encryption([program, *to], ".age")
    quiet = ("--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always", "--set-filename", "")
    return Encryption([program, *quiet, *to, "--output", "-", "--encrypt"], ".gpg")
