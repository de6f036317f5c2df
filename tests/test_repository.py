"""The repository: what a newcomer is told and given must agree with what the code does."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from django.conf import settings

import oms
from conftest import CLOSE, FIRST, OWN_ENVIRONMENT, SERVICES, is_in_share
from monitoring.dpp.controls import CONTROLS
from scripts.make_env import filled
from scripts.run import port_problem
from simulator import Account, Simulator

ROOT = Path(__file__).resolve().parent.parent
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
# A name is read with one of the helpers of oms/env.py.
READ = re.compile(r'\b(?:required|text|switch|one_of|whole_number)\(\s*"([A-Z_]+)"')

# Names of files and of folders in backticks and in the diagrams of the docs.
FILE_NAME = re.compile(r"(?<![\w./*<-])((?:[\w-]+/)*[\w-]+\.(?:py|md|html|js|css|toml|sh|lock))\b(?!/)")
FOLDER_NAME = re.compile(r"`((?:[\w-]+/)+)`")
# What the docs tell somebody to make.
MADE_UP = ("var/", ".secrets/", "integrations/example/", "integrations/sync/streams/returns.py")


def variables_of(text: str) -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", text, flags=re.MULTILINE))


def variables_read() -> set[str]:
    sources = (
        ROOT / "oms" / name for name in ("env.py", "settings.py", "oidc_settings.py", "exports_settings.py")
    )
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


def described_pages() -> list[Path]:
    """Pages about the code as it is. The changelog may name what is gone."""
    return [path for path in tracked_files() if path.suffix == ".md" and path.name != "CHANGELOG.md"]


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
    assert re.search(rf"^  make {target} +\S", shown.stdout, flags=re.MULTILINE)


def test_it_starts_every_process() -> None:
    names = re.findall(r"^(\w+):", (ROOT / "Procfile").read_text(), flags=re.MULTILINE)
    assert names == ["web", "worker", "scheduler", "webhooks"]


def test_it_keeps_places_on_somebodys_machine_out_of_the_repository() -> None:
    homes = re.compile(rb"(?<![\w.])/(?:home|Users|root)/\w")  # backoffice/home/ is a folder of ours
    here = Path(__file__).resolve()
    assert [path for path in tracked_files() if path != here and homes.search(path.read_bytes())] == []


# Where a line outside a channel's folder may name it: its registration, names of settings (the stable surface), the
# kind that a platform has where nobody says one, and examples with the platform that migrating creates.
NAMES_A_CHANNEL = re.compile(
    r"integrations/(registry\.py|management/(commands/\w+|sync_command)\.py)|platforms/models\.py|oms/(settings|env)\.py"
)


def test_it_names_no_channel_outside_its_folder() -> None:
    rooms = (
        "oms",
        "backoffice",
        "api",
        "integrations",
        "orders",
        "inventory",
        "webhooks",
        "access",
        "platforms",
        "core",
        "templates",
    )
    named = []
    for path in tracked_files():
        room, *inner = path.relative_to(ROOT).parts
        if room not in rooms or {"amazon", "tests", "migrations"} & set(inner):
            continue
        if path.suffix in (".py", ".html", ".js") and not NAMES_A_CHANNEL.fullmatch(
            path.relative_to(ROOT).as_posix()
        ):
            lines = path.read_text().splitlines()
            named += [f"{path}: {line}" for line in lines if re.search("amazon|seller central", line, re.I)]
    assert named == []


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


def test_it_says_its_version_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "oms.__version__"}
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == oms.__version__
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest is not None
    assert newest[1] == oms.__version__


def test_it_comes_with_a_licence_and_a_security_policy_that_the_readme_names() -> None:
    readme = (ROOT / "README.md").read_text()
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) 2026 the OMS authors\n")
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "MIT"
    for name in ("LICENSE", "SECURITY.md"):
        assert f"]({name})" in readme


def test_it_links_only_to_files_that_are_there() -> None:
    broken = []
    for page in [path for path in tracked_files() if path.suffix == ".md"]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_it_names_only_files_in_its_docs_that_are_there() -> None:
    """A page may leave out the folders in front: `run.py` for integrations/sync/run.py."""
    files = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    folders = {parent.as_posix() + "/" for name in files for parent in Path(name).parents}
    unknown = []
    for page in described_pages():
        for name in {*FILE_NAME.findall(page.read_text()), *FOLDER_NAME.findall(page.read_text())}:
            is_there = any(
                f"/{known}".endswith(f"/{name}") for known in (folders if name[-1] == "/" else files)
            )
            if not is_there and not name.startswith(MADE_UP):
                unknown.append(f"{page.relative_to(ROOT)}: {name}")
    assert sorted(unknown) == []


def test_it_names_only_functions_and_tables_in_its_docs_that_are_there() -> None:
    words: set[str] = set()
    for path in tracked_files():
        if path.suffix in (".py", ".html", ".js", ".yaml", ".toml") or path.name in (
            "Makefile",
            "Dockerfile",
        ):
            words.update(re.findall(r"\w+", path.read_text()))
    unknown = []
    for page in [*(ROOT / "docs" / "decisions").glob("*.md"), ROOT / "docs" / "architecture.md"]:
        for name in re.findall(r"`([A-Za-z_][\w.]*)(?:\(.*?\))?`", page.read_text()):
            if not set(name.split(".")) <= words | {"md"}:
                unknown.append(f"{page.relative_to(ROOT)}: {name}")
    assert unknown == []


def test_each_control_of_the_dpp_report_names_tests_that_are_there() -> None:
    """So that who renames one sees it here."""
    missing = []
    for name in {test for control in CONTROLS for test in control.tests}:
        file, _colons, function = name.partition("::")
        if not (ROOT / file).is_file() or f"def {function}(" not in (ROOT / file).read_text():
            missing.append(name)
    assert sorted(missing) == []


def test_it_checks_before_a_commit_with_commands_that_are_there() -> None:
    """The hooks fetch nothing and run what `make check` runs."""
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    for hook in configuration["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        program, *options = hook["entry"].split()
        if program == "make":
            assert options == ["check"]
            continue
        assert (ROOT / program).exists()
        assert " ".join(option for option in options if option != "--force-exclude") in recipe


def test_it_runs_each_test_in_one_share_and_in_all_what_stands_close_to_the_database() -> None:
    assert [path for path in (*CLOSE, *FIRST) if not (ROOT / path).exists()] == []
    shares = [(number, 3) for number in (1, 2, 3)]
    for test in (f"backoffice/tests/test_home.py::test_it[{number}]" for number in range(50)):
        assert [is_in_share(test, *each) for each in shares].count(True) == 1
    assert all(is_in_share(f"{CLOSE[0]}tests/test_search.py::test_it", *each) for each in shares)
