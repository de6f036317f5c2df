"""Dependencies: each with its reason, pinned once, and with hashes."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
LOCKS = [path.with_suffix(".lock") for path in REQUIREMENTS]
CONSTRAINTS = ROOT / "constraints.txt"
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def names(path: Path) -> str:
    return path.name


def direct(path: Path) -> Iterator[str]:
    """The lines of a requirements file that name a package."""
    yield from (line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-")))


def entries(path: Path) -> dict[str, str]:
    """Package and version of each entry of a lock or of the constraints, with what follows them (marker, hashes)."""
    text = re.sub(r"\\\n\s*", "", path.read_text())
    lines = (line for line in text.splitlines() if line and not line.lstrip().startswith("#"))
    return {line.split()[0]: line.partition(" ")[2] for line in lines}


@pytest.mark.parametrize("path", [*REQUIREMENTS, *LOCKS, CONSTRAINTS], ids=names)
def test_it_names_no_package_index_and_no_place_on_a_machine(path: Path) -> None:
    assert not re.search(r"https?://|file:/|index-url|find-links|trusted-host|/opt/|/home/", path.read_text())


@pytest.mark.parametrize("path", REQUIREMENTS, ids=names)
def test_it_pins_every_direct_dependency_and_says_what_it_is_for(path: Path) -> None:
    pinned = re.compile(r"[\w.\[\]-]+==[\w.]+ +# \S.+")
    assert [line for line in direct(path) if not pinned.fullmatch(line)] == []


@pytest.mark.parametrize("path", REQUIREMENTS, ids=names)
def test_it_locks_the_versions_that_the_requirements_name(path: Path) -> None:
    named = {re.sub(r"\[.*\]", "", line.split()[0]).lower() for line in direct(path)}
    assert named - set(entries(path.with_suffix(".lock"))) == set()


@pytest.mark.parametrize("path", LOCKS, ids=names)
def test_it_has_a_hash_for_everything_that_is_locked(path: Path) -> None:
    locked = entries(path)
    assert locked
    assert [name for name, rest in locked.items() if not HASH.search(rest)] == []


def test_it_has_the_same_versions_in_every_lock_and_in_the_constraints() -> None:
    locked = {name for path in LOCKS for name in entries(path)}
    assert len({name.partition("==")[0] for name in locked}) == len(locked)
    assert set(entries(CONSTRAINTS)) == locked


def test_it_keeps_what_only_developers_need_out_of_the_lock_of_production() -> None:
    production, development = (set(entries(ROOT / f"requirements{name}.lock")) for name in ("", "-dev"))
    assert production < development
    only_for_developers = {line.split()[0].lower() for line in direct(ROOT / "requirements-dev.txt")}
    # Some are needed by what OMS runs on as well, and are listed with it by name alone.
    assert {name.partition("==")[0] for name in production & only_for_developers} <= {"jsonschema"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_it_locks_what_is_installed_here(name: str) -> None:
    """pip would have to fetch whatever is installed in another version, and may not."""
    options = ["--dry-run", "--no-index", "--require-hashes", "--quiet", "-r", name]
    command = [sys.executable, "-m", "pip", "install", *options]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
