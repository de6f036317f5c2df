"""Dockerfile and compose.yaml: every command of them runs as it is written, without an engine (tests/container.py).

The image is built once; then the services of compose.yaml run side by side with a MariaDB and a Redis of their own, on
a read-only root file system, as the image's user, without a home, without capabilities.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from container import Build, Network, Stage, why_not

from integrations.tests.processes import PATIENCE, until
from scripts import healthcheck

ROOT = Path(__file__).resolve().parent.parent
HOST = "oms.example"

compose: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def checked_out() -> list[str]:
    """The files that git holds or would hold: the context of a build from a fresh clone."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def values(service: str) -> dict[str, str]:
    """The environment of a service, as compose fills it in with OMS_HOST alone set."""
    environment = {}
    for name, value in compose["services"][service].get("environment", {}).items():
        value = re.sub(r"\$\{OMS_HOST(:\?[^}]*)?\}", HOST, str(value))
        environment[name] = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return environment


# --- The image ------------------------------------------------------------


def check_that_the_image_ran_every_command(build: Build) -> None:
    steps = build.stages["build"].ran
    assert [step for step in steps if "--require-hashes" in step]
    assert [step for step in steps if "collectstatic" in step]
    commands = re.findall(
        r"^RUN (?:--mount\S+ )?(\S+)", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE
    )
    assert len(steps) == len(commands) - commands.count("apt-get")


def check_that_the_image_holds_what_it_needs_and_nothing_else(build: Build) -> None:
    app = build.image.root / "app"
    assert (app / "staticfiles" / "oms" / "admin.css").is_file()
    assert (app / "staticfiles" / "oms" / "admin.css.gz").is_file()
    kept_out = (".git", ".env", ".secrets", ".venv", "var", "tests", "bench", "docs", "simulator")
    assert [name for name in kept_out if (app / name).exists()] == []
    assert not list(app.rglob("test_*.py"))
    owned = {path.stat().st_uid for path in (app, app / "manage.py", app / "staticfiles")}
    assert owned == {0}
    assert build.image.user.partition(":")[0] not in ("0", "root")


def check_that_the_image_has_the_libraries_of_the_driver(build: Build) -> None:
    """apt-get is not run here; the names of the packages are compared with what this machine knows of them."""
    (driver,) = (build.image.root / "venv").rglob("MySQLdb/_mysql*.so")
    linked = subprocess.run(["/usr/bin/ldd", str(driver)], capture_output=True, text=True, check=True).stdout
    library = re.search(r"(/\S*lib(?:mariadb|mysqlclient)\S*)", linked)
    assert library is not None, linked
    path = str(Path(library[1]).resolve())
    owner = subprocess.run(["/usr/bin/dpkg", "-S", path], capture_output=True, text=True, check=False).stdout
    if not owner:
        pytest.skip(f"dpkg does not know which package {path} belongs to")
    assert owner.partition(":")[0] in build.image.installed
    asked_for = (ROOT / "requirements-mysql.txt").read_text()
    assert {"default-libmysqlclient-dev", "gcc", "pkg-config"} <= set(build.stages["build"].installed)
    assert "apt-get install default-libmysqlclient-dev pkg-config gcc" in asked_for


# --- The services ------------------------------------------------------------


class Stack:
    """The services of compose.yaml. Each host name is 127.0.0.1 of one network."""

    def __init__(self, image: Stage, folder: Path) -> None:
        self.image, self.folder = image, folder
        self.network = Network()
        self.processes: dict[str, subprocess.Popen[str]] = {}
        (folder / "hosts").write_text("127.0.0.1 localhost db redis\n")
        self._make_secrets()

    def _make_secrets(self) -> None:
        script = self.folder / "scripts" / "make_secrets.py"
        script.parent.mkdir()
        script.write_text((ROOT / "scripts" / "make_secrets.py").read_text())
        subprocess.run([sys.executable, str(script)], check=True, capture_output=True)

    def secret(self, name: str) -> Path:
        return self.folder / str(compose["secrets"][name]["file"])

    def argv(self, service: str, command: list[str] | None = None) -> list[str]:
        """The command of a service of ours, or another one in its container, the way compose.yaml runs it."""
        settings = compose["services"][service]
        assert settings["read_only"]
        assert settings["cap_drop"] == ["ALL"]
        binds = {self.folder / "hosts": "/etc/hosts"}
        for name in settings["secrets"]:
            target = f"/run/secrets/{name}"
            (self.image.root / "run/secrets").mkdir(parents=True, exist_ok=True)
            (self.image.root / target.lstrip("/")).touch()
            binds[self.secret(name)] = target
        command = command or settings.get("command") or self.image.command
        return self.image.argv(command, environment=values(service), read_only=True, binds=binds)

    def start(self, service: str) -> None:
        self.processes[service] = self.network.start(self.argv(service), self.folder / f"{service}.log")

    def run(self, service: str, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        return self.network.run(self.argv(service, command), timeout=3 * PATIENCE)

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()

    def start_database(self) -> None:
        """MariaDB with the options of compose.yaml, and the user and the database that its image makes."""
        data, service = self.folder / "data", compose["services"]["db"]
        own = ["--no-defaults", f"--datadir={data}", f"--tmpdir={self.folder}", "--user=root"]
        made = ["mariadb-install-db", *own, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(made, check=True, capture_output=True)
        password = self.secret("database_password").read_text()
        name, user = (service["environment"][key] for key in ("MARIADB_DATABASE", "MARIADB_USER"))
        first = self.folder / "first.sql"
        first.write_text(
            f"CREATE DATABASE {name};\nCREATE USER {user} IDENTIFIED BY '{password}';\n"
            f"GRANT ALL ON {name}.* TO {user};\n"
        )
        more = [
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            f"--init-file={first}",
        ]
        argv = ["/usr/sbin/mariadbd", *own, *more, *service["command"]]
        self.processes["db"] = self.network.start(argv, self.folder / "db.log")
        until(lambda: self.query("SELECT 1") == "1", "the database")

    def query(self, statement: str) -> str:
        """The answer of the database to its user from the network."""
        password = self.secret("database_password").read_text()
        argv = ["mariadb", "-h", "127.0.0.1", "-u", "oms", f"-p{password}", "-N", "-e", statement, "oms"]
        return self.network.run(argv).stdout.strip()

    def start_redis(self) -> None:
        argv = [
            "/bin/sh",
            "-c",
            f'cd {self.folder} && exec "$@"',
            "sh",
            *map(self._with_config, compose["services"]["redis"]["command"]),
        ]
        self.processes["redis"] = self.network.start(argv, self.folder / "redis.log")
        sort, asked = compose["services"]["redis"]["healthcheck"]["test"]
        assert sort == "CMD-SHELL"
        argv = ["/bin/sh", "-c", self._with_config(asked).replace("$$", "$")]
        until(lambda: self.network.run(argv).stdout == "PONG\n", "Redis")

    def _with_config(self, text: str) -> str:
        return text.replace("/run/secrets/redis_config", str(self.secret("redis_config")))

    def get(self, path: str, *headers: str) -> tuple[int, str]:
        """Status and headers of an answer of the web service, asked as a TLS proxy asks."""
        options = [
            "--silent",
            "--dump-header",
            "-",
            "--output",
            str(self.folder / "body"),
            "--max-time",
            "20",
        ]
        sent = [f"Host: {HOST}", "X-Forwarded-Proto: https", *headers]
        asked = [word for line in sent for word in ("--header", line)]
        shown = self.network.run(["curl", *options, *asked, f"http://127.0.0.1:8000{path}"]).stdout
        status = re.match(r"HTTP/\S+ (\d+)", shown)
        return int(status[1]) if status else 0, shown.lower()


@contextmanager
def started(image: Stage, folder: Path) -> Iterator[Stack]:
    """All services, in the order that compose.yaml asks for."""
    folder.mkdir()
    stack = Stack(image, folder)
    try:
        stack.start_database()
        stack.start_redis()
        migrated = stack.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        for service in ("web", "worker", "scheduler", "webhooks"):
            stack.start(service)
        until(lambda: stack.run("web", image.health_check).returncode == 0, "the health check")
        yield stack
    finally:
        stack.network.close()


def check_that_the_web_service_serves_pages_and_compressed_files(stack: Stack) -> None:
    assert stack.get("/readyz")[0] == 200
    assert stack.get("/admin/login/")[0] == 200
    status, headers = stack.get("/static/oms/admin.css", "Accept-Encoding: gzip")
    assert (status, "content-encoding: gzip" in headers) == (200, True)


def check_that_the_deployment_check_finds_nothing(stack: Stack) -> None:
    answer = stack.run("web", ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"])
    assert answer.returncode == 0, answer.stderr


def check_that_a_service_can_write_temporary_files_alone(stack: Stack) -> None:
    script = (
        "import os, tempfile, pathlib; tempfile.TemporaryFile().close(); print(os.getuid(), pathlib.Path.home());\n"
        "for path in ('/app/x', '/venv/x', '/run/x', '/x', '/run/secrets/secret_key'):\n"
        "    try: open(path, 'a')\n"
        "    except OSError as error: print(path, type(error).__name__, error.strerror)"
    )
    lines = stack.run("worker", ["python", "-c", script]).stdout.splitlines()
    assert lines[0] == "10001 /nonexistent"
    assert [line.split()[0] for line in lines[1:]] == [
        "/app/x",
        "/venv/x",
        "/run/x",
        "/x",
        "/run/secrets/secret_key",
    ]
    assert all("Read-only file system" in line or "Permission denied" in line for line in lines[1:])


def check_that_the_worker_takes_a_sync_from_redis(stack: Stack) -> None:
    queued = stack.run("web", ["python", "manage.py", "sync_orders", "amazon", "--background"])
    assert queued.returncode == 0, queued.stdout + queued.stderr
    closed = "SELECT status, error_code FROM sync_logs WHERE open_key IS NULL"
    until(lambda: stack.query(closed) != "", "the worker")
    assert stack.query(closed).split() == [
        "failed",
        "config",
    ]  # MOCK_FALLBACK is never, and nothing is configured


def check_that_redis_asks_for_its_password(stack: Stack) -> None:
    assert "NOAUTH" in stack.network.run(["redis-cli", "ping"]).stdout
    assert stack.secret("redis_config").read_text().split()[1] not in str(compose)


def check_that_the_documented_backup_is_complete(stack: Stack) -> None:
    """The command of docs/containers.md, with the address that stands in for the container's own socket."""
    page = (ROOT / "docs" / "containers.md").read_text()
    documented = re.search(r"docker compose exec db sh -c '(mariadb-dump .*?)' >", page)
    assert documented is not None
    command = documented[1].replace("/run/secrets/database_password", str(stack.secret("database_password")))
    dumped = stack.network.run(
        ["/bin/sh", "-c", command.replace("mariadb-dump", "mariadb-dump -h 127.0.0.1", 1)]
    )
    assert (dumped.returncode, dumped.stderr) == (0, "")
    assert "INSERT INTO `platforms`" in dumped.stdout
    assert "-- Dump completed" in dumped.stdout


def check_that_the_health_check_fails_where_nobody_answers(stack: Stack) -> None:
    alone = Network()
    try:
        answer = alone.run(stack.argv("web", stack.image.health_check))
    finally:
        alone.close()
    assert answer.returncode == 1
    assert "The web process does not answer on port 8000" in answer.stderr


def check_that_the_services_end_in_time(stack: Stack) -> None:
    for service in ("webhooks", "scheduler", "worker", "web"):
        process, before = stack.processes[service], time.monotonic()
        assert process.poll() is None, stack.log(service)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in (0, -signal.SIGTERM), stack.log(service)
        grace = int(str(compose["services"][service].get("stop_grace_period", "10s")).rstrip("s"))
        assert time.monotonic() - before < grace
        assert "Traceback" not in stack.log(service)


@pytest.mark.own_database
def test_every_command_of_the_image_and_of_its_services_runs_as_written(tmp_path: Path) -> None:
    """One test, since what it needs is made once, whichever process runs which test."""
    if reason := why_not():
        pytest.skip(f"containers cannot be imitated: {reason}")
    if missing := [name for name in ("mariadb-install-db", "redis-server", "curl") if not shutil.which(name)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    build = Build(ROOT, checked_out(), tmp_path / "image")
    check_that_the_image_ran_every_command(build)
    check_that_the_image_holds_what_it_needs_and_nothing_else(build)
    check_that_the_image_has_the_libraries_of_the_driver(build)
    with started(build.image, tmp_path / "stack") as stack:
        check_that_the_web_service_serves_pages_and_compressed_files(stack)
        check_that_the_deployment_check_finds_nothing(stack)
        check_that_a_service_can_write_temporary_files_alone(stack)
        check_that_the_worker_takes_a_sync_from_redis(stack)
        check_that_redis_asks_for_its_password(stack)
        check_that_the_documented_backup_is_complete(stack)
        check_that_the_health_check_fails_where_nobody_answers(stack)
        check_that_the_services_end_in_time(stack)


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [
        ("oms.example", "oms.example"),
        ("oms.example, other.example", "oms.example"),
        (".oms.example", "oms.example"),
        ("https://oms.example:8443/", "oms.example"),
        ("oms.example other.example", "oms.example"),
        ('["oms.example", "other.example"]', "oms.example"),
        ("*.oms.example", "oms.example"),
        ("::1", "[::1]"),
        ("[::1]", "[::1]"),
        ("*", "localhost"),
        ("", "localhost"),
    ],
)
def test_the_health_check_asks_under_a_name_that_oms_answers_to(
    allowed: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", allowed)
    assert healthcheck.host() == asked


def test_it_starts_nothing_before_the_database_is_migrated() -> None:
    services = compose["services"]
    ours = [name for name, service in services.items() if "build" in service]
    assert ours == ["migrate", "web", "worker", "scheduler", "webhooks"]
    for name in ours[1:]:
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert services[name]["restart"] == "unless-stopped"
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"


def test_it_keeps_secrets_in_files_and_names_each_variable_that_is_read() -> None:
    for service in compose["services"].values():
        assert not {"SECRET_KEY", "FIELD_ENCRYPTION_KEY", "DATABASE_URL"} & set(
            service.get("environment", {})
        )
        assert "password" not in str(service.get("command", ""))
    documented = (ROOT / ".env.example").read_text()
    for name in values("web"):
        assert re.search(rf"\b{name.removesuffix('_FILE')}=", documented), name


def test_it_is_what_compose_and_the_other_tools_accept() -> None:
    """Against the published schemas, which check-jsonschema brings along."""
    files = {
        "vendor.compose-spec": "compose.yaml",
        "vendor.renovate": "renovate.json",
        "vendor.github-workflows": ".github/workflows/ci.yml",
    }
    for schema, name in files.items():
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, name]
        checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_workflow_calls_make_on_every_python_and_database() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    jobs = workflow["jobs"]
    pythons = ["3.11", "3.12", "3.13"]
    assert jobs["check"]["strategy"]["matrix"]["python"] == pythons
    assert jobs["test"]["strategy"]["matrix"]["python"] == pythons
    databases = {each["name"]: each["url"] for each in jobs["test"]["strategy"]["matrix"]["database"]}
    schemes = {name: url.partition(":")[0] for name, url in databases.items()}
    assert schemes == {"SQLite": "", "MariaDB": "mysql", "PostgreSQL": "postgres"}
    steps = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    assert "make check" in steps["check"]
    assert any(step.startswith("make test") for step in steps["test"])
    assert workflow["permissions"] == {"contents": "read"}
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|[0-9a-f]{40})", action)] == []


def test_a_source_tree_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    """Before anybody has collected the static files: no traceback, and a check that names the command."""
    if reason := why_not():
        pytest.skip(f"a read-only file system cannot be imitated: {reason}")
    for name in checked_out():
        (tmp_path / "oms" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "oms" / name)
    folder = shlex.quote(str(tmp_path / "oms"))
    steps = f'mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && cd {folder} && exec "$@"'
    command = [
        "/usr/bin/env",
        "unshare",
        "--mount",
        "/bin/sh",
        "-c",
        steps,
        "sh",
        sys.executable,
        "manage.py",
        "check",
    ]
    environment = {**os.environ, "DATABASE_URL": "sqlite://:memory:", "PYTHONDONTWRITEBYTECODE": "1"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "(oms.W001) The folder of the static files is missing and cannot be made" in answer.stderr
    assert "manage.py collectstatic --no-input" in answer.stderr
    environment["DATABASE_URL"] = ""
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert f"The folder of the SQLite database cannot be made: {tmp_path / 'oms' / 'var'}" in answer.stderr
