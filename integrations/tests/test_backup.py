"""A back-up is restored and compared, table by table, on whichever database the suite runs."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import load_backend

from core.database.backup import BackupFailed, _standing_still, back_up
from integrations.tests.syncing import INVENTORY, platform_of, sync
from platforms.models import Platform
from simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)
LOADERS = {
    "mysql": ("mariadb", "--default-character-set=utf8mb4"),
    "postgresql": ("pg_restore", "--no-owner", "--exit-on-error"),
}


def rows_of(database: Any) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    found = {}
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found


@contextmanager
def restored(file: Path) -> Iterator[Any]:
    """A connection to a database of its own that was made from this file."""
    settings = {**connection.settings_dict, "NAME": str(file)}
    name = f"{connection.settings_dict['NAME']}_restored"
    if connection.vendor != "sqlite":
        settings["NAME"] = name
        _execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
        client = connection.client
        _program, *where = client.settings_to_cmd_args_env(settings, [])[0]
        if connection.vendor == "postgresql":
            where[-1:] = [f"--dbname={name}", str(file)]
        with file.open() as written:
            command = [*LOADERS[connection.vendor], *where]
            subprocess.run(command, stdin=written, check=True, capture_output=True, env=dict(os.environ))
    database = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "restored")
    try:
        yield database
    finally:
        database.close()
        if connection.vendor != "sqlite":
            _execute(f"DROP DATABASE {name}")


def _execute(*statements: str) -> None:
    with connection._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_it_restores_all_that_was_stored(
    start_simulator: Callable[..., Simulator], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sim = start_simulator(orders=12, skus=4)
    Platform.objects.update(include_pii=True)
    platform = platform_of(sim)
    sync(platform)
    sync(platform, kind=INVENTORY)
    file = tmp_path / "backups" / "oms"
    call_command("backup_database", str(file))
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file]
    printed = "".join(capsys.readouterr())
    assert f"Wrote {file}" in printed
    assert "FIELD_ENCRYPTION_KEY" in printed
    before = rows_of(connection)
    assert len(before["orders"]) == 12
    with restored(file) as database:
        assert rows_of(database) == before


@pytest.fixture
def age_key(tmp_path: Path) -> tuple[str, list[str]]:
    """A recipient, and the command that decrypts."""
    if shutil.which("age") is None:
        pytest.skip("age is not installed")
    key = tmp_path / "key.txt"
    keygen = [str(shutil.which("age-keygen")), "-o", str(key)]
    made = subprocess.run(keygen, capture_output=True, text=True, check=True)
    return made.stderr.split()[-1], ["age", "--decrypt", "-i", str(key)]


@pytest.fixture
def gpg_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    gpg = [str(shutil.which("gpg")), "--batch", "--quiet", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", "ops@shop.example"], check=True)
    yield "ops@shop.example", ["gpg", "--batch", "--quiet", "--decrypt"]
    subprocess.run([str(shutil.which("gpgconf")), "--kill", "gpg-agent"], check=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Any]:
    """The suite's database; of SQLite, whose is in memory, a copy in a file, as OMS opens it."""
    if connection.vendor != "sqlite":
        yield connection
        return
    settings = {**connection.settings_dict, "NAME": str(tmp_path / "oms.sqlite3")}
    call_command("backup_database", settings["NAME"])
    opened = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "in_a_file")
    yield opened
    opened.close()


def rename(database: Any, name: str) -> None:
    with database.cursor() as cursor:
        cursor.execute("UPDATE platforms SET display_name = %s", [name])


@pytest.mark.parametrize("sort", ["age", "gpg"])
def test_it_encrypts_and_what_is_decrypted_is_restored(
    sort: str, request: pytest.FixtureRequest, tmp_path: Path, database: Any
) -> None:
    """Nothing in clear is left beside the file."""
    recipient, decrypt = request.getfixturevalue(f"{sort}_key")
    rename(database, "CANARY")
    file = tmp_path / "backups" / f"oms.{sort}"
    before = rows_of(database)
    back_up(database, file, [recipient])
    assert list(file.parent.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"CANARY" not in file.read_bytes()
    plain = tmp_path / "plain"
    with plain.open("wb") as written:
        subprocess.run([*decrypt, str(file)], stdout=written, stderr=subprocess.DEVNULL, check=True)
    with restored(plain) as again:
        assert rows_of(again) == before


def test_it_leaves_nothing_where_it_cannot_encrypt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_key: tuple[str, list[str]], database: Any
) -> None:
    file = tmp_path / "backups" / "oms.age"
    for recipients, why in (
        ([age_key[0], "ops@shop.example"], "either all of age, or all of gpg"),
        (["--output=x"], "begins with a letter or a digit"),
    ):
        with pytest.raises(CommandError, match=why):
            call_command("backup_database", str(file), encrypt_to=recipients)
    with pytest.raises(BackupFailed, match="age failed, and nothing was kept"):
        back_up(database, file, ["age1nobody"])
    assert list(file.parent.iterdir()) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="age is not installed; install the package age"):
        call_command("backup_database", str(file), encrypt_to=[age_key[0]])


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the others have a server that sees to it")
def test_the_file_of_sqlite_stands_still_while_others_write(tmp_path: Path, database: Any) -> None:
    """It holds all that was committed before, and nothing of what is committed while it is read."""
    rename(database, "before")
    with _standing_still(database) as file:
        first = _copied(file, tmp_path / "first")
        for number in range(50):
            rename(database, f"later-{number}")
        with database.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert _copied(file, tmp_path / "second").read_bytes() == first.read_bytes()
    assert (file.with_name(f"{file.name}-wal")).stat().st_size
    with restored(first) as copy:
        assert "'before'" in str(rows_of(copy)["platforms"])


def _copied(file: Path, target: Path) -> Path:
    """By another process, as it is done: closing the file here would drop SQLite's locks on it."""
    subprocess.run([shutil.which("cp") or "cp", str(file), str(target)], check=True)
    return target


def test_it_never_replaces_a_file(tmp_path: Path) -> None:
    file = tmp_path / "oms"
    file.write_text("kept")
    with pytest.raises(CommandError, match="is there already; nothing was written"):
        call_command("backup_database", str(file))
    assert file.read_text() == "kept"


def test_it_leaves_nothing_where_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # the programs of a database server are not found
    folder = tmp_path / "folder"
    if connection.vendor == "sqlite":
        folder.touch()  # no folder
    with pytest.raises(CommandError, match="There is no back-up"):
        call_command("backup_database", str(folder / "oms"))
    assert not folder.is_dir() or list(folder.iterdir()) == []
