"""The SQLite file: readable by its owner alone, whatever the umask."""

import subprocess
from pathlib import Path

from integrations.tests.processes import python
from oms.private_files import make_private

USE = (
    "import os, glob, sys; os.umask(0)\n"
    "import django; django.setup()\n"
    "from django.db import connection\n"
    "connection.cursor().execute('CREATE TABLE t (x)')\n"
    "for path in sorted(glob.glob(sys.argv[1] + '/**', recursive=True)):\n"
    "    print(os.path.basename(path) or '/', oct(os.stat(path).st_mode & 0o777))\n"
)
CHECK = "from django.core.management import execute_from_command_line as run; run(['manage.py', 'check'])"


def run(script: str, database: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    named = {"DJANGO_SETTINGS_MODULE": "oms.settings", "DATABASE_URL": f"sqlite:///{database}"}
    return python(["-c", script, *arguments], named)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    done = run(USE, tmp_path / "data" / "oms.sqlite3", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    seen = dict(line.split() for line in done.stdout.splitlines())
    assert seen.pop("/") == "0o700"
    assert seen == dict.fromkeys(["oms.sqlite3", "oms.sqlite3-shm", "oms.sqlite3-wal"], "0o600")


def test_what_others_could_read_in_its_own_folder_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o755)
    files = [folder / name for name in ("oms.sqlite3", "oms.sqlite3-wal", "oms.sqlite3-shm")]
    for file in files:
        file.write_bytes(b"kept")
        file.chmod(0o644)
    make_private(files[0], is_own_folder=True)
    assert [mode(folder), *map(mode, files)] == [0o700, 0o600, 0o600, 0o600]
    assert {file.read_bytes() for file in files} == {b"kept"}


def test_another_place_keeps_the_permissions_that_a_person_gave_it_and_the_check_tells(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "oms.sqlite3"
    file.touch()
    file.chmod(0o644)
    warned = run(CHECK, file).stderr
    assert (mode(tmp_path), mode(file)) == (0o755, 0o644)
    assert f"Every user of this machine can read the database: {file}." in warned
    assert f"chmod 600 {file}*" in warned
    file.chmod(0o640)
    assert "can read the database" not in run(CHECK, file).stderr
