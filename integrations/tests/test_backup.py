"""A back-up is restored and compared, table by table, on whichever database the suite runs."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import load_backend

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
