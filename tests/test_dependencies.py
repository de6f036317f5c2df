"""Dependencies: each with its reason, pinned once, and with hashes."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
LOCKS = [path.with_suffix(".lock") for path in REQUIREMENTS]
PAGE = ROOT / "docs" / "dependencies.md"
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


def listed() -> dict[str, list[str]]:
    """The rows of docs/dependencies.md by package and version, as cells."""
    rows = re.findall(r"^\| ([\w.-]+ \| \d.*) \|$", PAGE.read_text(), flags=re.MULTILINE)
    cells = [row.split(" | ") for row in rows]
    return {f"{name}=={version}": rest for name, version, *rest in cells}


def test_it_lists_every_dependency_with_licence_release_and_reason() -> None:
    rows = listed()
    assert set(rows) == {name for path in LOCKS for name in entries(path)}, "Run: make dependencies"
    day = re.compile(r"20\d\d-\d\d-\d\d")
    for name, (licence, released, last_release, why) in rows.items():
        assert licence, name
        assert day.fullmatch(released), name
        assert day.fullmatch(last_release), name
        assert released <= last_release, name
        assert why.removeprefix("for "), name


def test_it_lists_the_reasons_of_the_requirements() -> None:
    reasons = {cells[-1].rpartition("in development: ")[2] for cells in listed().values()}
    for path in REQUIREMENTS:
        assert {line.partition(" # ")[2] for line in direct(path)} - reasons == set(), (
            "Run: make dependencies"
        )


def test_it_runs_on_nothing_whose_licence_reaches_over_to_it() -> None:
    """The drivers that a person installs besides may; docs/dependencies.md shows theirs."""
    rows = listed()
    strict = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
    named = [name for name in entries(ROOT / "requirements.lock") if strict.search(rows[name][0])]
    assert named == []
    assert not any(rows[name][0] == "not stated" for name in entries(ROOT / "requirements.lock"))


def test_it_says_in_a_sentence_that_nothing_could_be_audited() -> None:
    """A proxy that nobody serves stands for a machine without network."""
    environment = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    environment |= {"NO_PROXY": "", "no_proxy": "", "https_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "scripts.audit"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    sentences = answer.stdout.splitlines()
    assert len(sentences) == len(LOCKS)
    assert all(
        "nothing was audited. The database of vulnerabilities did not answer" in line for line in sentences
    )


class Vulnerabilities(BaseHTTPRequestHandler):
    """A database of vulnerabilities that speaks OSV's protocol and knows one, of Django."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
        known = [self.of(asked)] if asked["name"] == "django" else []
        body = json.dumps({"vulns": known} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def of(self, package: dict[str, str]) -> dict[str, object]:
        fixed = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}
        affected = [{"package": package, "ranges": [fixed]}]
        return {
            "id": "OSV-2026-1",
            "aliases": ["CVE-2026-99999"],
            "summary": "Made up.",
            "affected": affected,
        }

    def log_message(self, *_: object) -> None:
        pass


def test_it_names_the_vulnerabilities_that_a_database_knows() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Vulnerabilities) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        command = [sys.executable, "-m", "scripts.audit", "-s", "osv", "--osv-url", address]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        server.shutdown()
    assert answer.returncode == 1, answer.stdout + answer.stderr
    version = next(name for name in entries(ROOT / "requirements.lock") if name.startswith("django=="))[8:]
    assert f"  django {version}: CVE-2026-99999 OSV-2026-1; fixed in 99.1" in answer.stdout
    assert re.search(r"requirements\.lock: \d\d packages audited; known vulnerabilities: 1\.", answer.stdout)
