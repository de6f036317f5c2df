"""The house: what a newcomer is told and given must agree with what the code does."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from conftest import OWN_ENVIRONMENT, SERVICES
from scripts.make_env import filled
from scripts.run import port_problem
from simulator import Account, Simulator

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("help", "setup", "run", "test", "soak", "check", "bench", "reliability", "screenshots", "format")
# A name is read with one of the helpers of oms/env.py or with django-environ.
READ = re.compile(r'\b(?:env\.\w+|required|switch|one_of|whole_number)\(\s*"([A-Z_]+)"')


def variables_of(text: str) -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", text, flags=re.MULTILINE))


def variables_read() -> set[str]:
    sources = (ROOT / "oms" / name for name in ("env.py", "settings.py"))
    return {name for source in sources for name in READ.findall(source.read_text())} | {
        "FIELD_ENCRYPTION_KEY"
    }


def tracked_files() -> list[Path]:
    """What git holds or would hold."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_it_documents_every_variable_that_is_read_and_no_other() -> None:
    assert variables_of((ROOT / ".env.example").read_text()) == variables_read()


def test_it_keeps_every_variable_of_a_developers_file_out_of_the_tests() -> None:
    assert set(OWN_ENVIRONMENT) | set(SERVICES) == variables_read()


def test_it_explains_every_variable_in_the_operations_manual() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in sorted(variables_read()) if f"`{name}`" not in manual] == []


@pytest.mark.parametrize("target", TARGETS)
def test_it_lists_every_command_of_make(target: str) -> None:
    shown = subprocess.run(
        [shutil.which("make") or "make", "-C", str(ROOT)], capture_output=True, text=True, check=True
    )
    assert f"  make {target} " in shown.stdout


def test_it_starts_web_worker_and_scheduler() -> None:
    names = re.findall(r"^(\w+):", (ROOT / "Procfile").read_text(), flags=re.MULTILINE)
    assert names == ["web", "worker", "scheduler"]


def test_it_keeps_places_on_somebodys_machine_out_of_the_repository() -> None:
    homes = re.compile(rb"/(?:home|Users|root)/\w")
    here = Path(__file__).resolve()
    assert [path for path in tracked_files() if path != here and homes.search(path.read_bytes())] == []


def test_it_ignores_what_may_hold_secrets() -> None:
    command = ["git", "check-ignore", ".env", "var/oms.sqlite3", ".venv/bin/python"]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ignored.returncode == 128:
        pytest.skip("this is no git checkout")
    assert ignored.stdout.split() == command[2:]


def test_it_makes_an_environment_with_keys_of_its_own() -> None:
    one, other = (filled((ROOT / ".env.example").read_text()) for _ in range(2))
    values = dict(line.split("=", 1) for line in one.splitlines() if re.match(r"[A-Z_]+=", line))
    assert len(values["SECRET_KEY"]) >= 50
    assert Fernet(values["FIELD_ENCRYPTION_KEY"])
    assert values["SECRET_KEY"] not in other
    assert values["FIELD_ENCRYPTION_KEY"] not in other


def test_it_writes_the_environment_for_its_owner_alone_and_only_once(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "make_env.py"
    script.parent.mkdir()
    script.write_text((ROOT / "scripts" / "make_env.py").read_text())
    (tmp_path / ".env.example").write_text("SECRET_KEY=\nFIELD_ENCRYPTION_KEY=\n")
    subprocess.run([sys.executable, str(script)], check=True, capture_output=True)
    written = (tmp_path / ".env").read_text()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    again = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True)
    assert "stays as it is" in again.stdout
    assert (tmp_path / ".env").read_text() == written


def test_it_says_which_port_is_taken_and_how_to_take_another() -> None:
    with Simulator(Account(orders=0)) as server:
        port = int(server.endpoint.rpartition(":")[2])
        assert port_problem(port).startswith(f"Port {port} is in use")
        assert f"make run PORT={port + 1}" in port_problem(port)
    assert port_problem(port) == ""


def test_it_says_which_python_it_needs(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho Python 3.9.6\nexit 1\n")
    old.chmod(0o755)
    environment = {**os.environ, "PYTHON": str(old)}
    command = [str(ROOT / "scripts" / "find-python.sh")]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "OMS needs Python 3.11 or later" in found.stderr
    assert "Python 3.9.6" in found.stderr
