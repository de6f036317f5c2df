"""What a missing or broken environment says, and that production settings leave no warning."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client

from integrations.tests.processes import python
from scripts.make_env import filled

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "pass-word-not-to-be-shown"


def check(*options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` under this environment. What is set, even to nothing, wins over a developer's .env."""
    return python(["manage.py", "check", *options], {"DATABASE_URL": "sqlite://:memory:", **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set. `make setup` writes one into .env"),
        ({"FIELD_ENCRYPTION_KEY": ""}, "FIELD_ENCRYPTION_KEY is not set. `make setup` writes one into .env"),
        (
            {"FIELD_ENCRYPTION_KEY": "bad-key-value"},
            "Key number 1 in FIELD_ENCRYPTION_KEY is not a Fernet key",
        ),
        (
            {"MOCK_FALLBACK": "sometimes"},
            "MOCK_FALLBACK is 'sometimes'; it takes one of: auto, always, never.",
        ),
        ({"ORDERS_INITIAL_DAYS": "0"}, "ORDERS_INITIAL_DAYS is '0'; it takes a whole number of at least 1."),
        ({"ORDERS_INITIAL_DAYS": "x"}, "ORDERS_INITIAL_DAYS is 'x'; it takes a whole number of at least 1."),
        ({"DEBUG": "onn"}, "DEBUG is 'onn'; it takes on or off."),
        ({"REQUIRE_HTTPS": "please"}, "REQUIRE_HTTPS is 'please'; it takes on or off."),
        ({"DATABASE_URL": f"msql://oms:{PASSWORD}@db/oms"}, "DATABASE_URL is not understood"),
        (
            {"REDIS_URL": "localhost:6379"},
            "REDIS_URL is not understood; write it like redis://127.0.0.1:6379/0",
        ),
        ({"REDIS_URL": f"redis//:{PASSWORD}@db"}, "REDIS_URL is not understood"),
        ({"METRICS_TOKEN": PASSWORD[:19]}, "METRICS_TOKEN takes at least 20 letters, digits and"),
        ({"METRICS_TOKEN": f"{PASSWORD} {PASSWORD} {PASSWORD}"}, "METRICS_TOKEN takes at least 20 letters"),
        ({"EMAIL_URL": f"mail://oms:{PASSWORD}@mail.example"}, "EMAIL_URL is not understood"),
        ({"EMAIL_URL": f"smtp+tls://oms:{PASSWORD}@mail.example:many"}, "EMAIL_URL is not understood"),
        ({"EMAIL_URL": f"smtp://oms:{PASSWORD}@"}, "EMAIL_URL is not understood"),
        (
            {"AUDIT_LOG": "audit.jsonl"},
            "AUDIT_LOG is 'audit.jsonl'; it takes stdout, the full path of a file",
        ),
        (
            {"AUDIT_SYSLOG": "logs.example:514"},
            "AUDIT_SYSLOG is 'logs.example:514'; write it like tls://logs.example",
        ),
        ({"PUBLIC_URL": "oms.example"}, "PUBLIC_URL is 'oms.example'; write it like https://oms.example."),
        ({"SECRET_KEY": "  "}, "SECRET_KEY is not set."),
        ({"SECRET_KEY": "$DJANGO_SECRET"}, "SECRET_KEY begins with $ and reads like the name of a variable"),
        (
            {"DATABASE_URL": "${UNSET_URL}"},
            "DATABASE_URL begins with $ and reads like the name of a variable",
        ),
        (
            {"DATABASE_URL": "sqlite:///x?conn_max_age=often"},
            "DATABASE_URL says conn_max_age=often; it takes",
        ),
        (
            {"DATABASE_URL": "sqlite:///x?conn_health_checks=maybe"},
            "conn_health_checks=maybe; it takes on or off.",
        ),
        ({"ALLOWED_HOSTS": "oms_1.example"}, "ALLOWED_HOSTS has 'oms_1.example'"),
        (
            {"CSRF_TRUSTED_ORIGINS": "https://oms_1.example"},
            "CSRF_TRUSTED_ORIGINS has 'https://oms_1.example'",
        ),
        ({"AMAZON_SP_API_ENDPOINT": "http://127.0.0.1:9"}, "(oms.E002)"),
        ({"AMAZON_SP_API_ENDPOINT": "no-url", "AMAZON_LWA_ENDPOINT": "http://127.0.0.1:9"}, "(oms.E001)"),
    ],
)
def test_it_refuses_an_environment_with_a_sentence(changes: dict[str, str], sentence: str) -> None:
    answer = check(**changes)
    assert answer.returncode != 0
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr


def shown(expression: str, **changes: str) -> str:
    """What an expression about the settings `s` is under this environment."""
    script = f"from django.conf import settings as s; print({expression})"
    answer = python(["-c", script], {"DJANGO_SETTINGS_MODULE": "oms.settings", **changes})
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


# Django's own generator makes keys with every one of these characters.
@pytest.mark.parametrize(
    "key", ["$R3example-of-a-key(5JaOMDTtO9", "$$two#", "$(x)", "$lower_case_only", " spaced$ ", "'$q'"]
)
def test_it_takes_a_secret_key_as_it_is(key: str) -> None:
    assert shown("repr(s.SECRET_KEY)", SECRET_KEY=key) == repr(key)


@pytest.mark.parametrize("written", ["$MYSQL_URL", "${MYSQL_URL}"])
def test_it_takes_the_value_of_a_variable_that_another_one_names(written: str) -> None:
    name = "s.DATABASES['default']['NAME']"
    assert shown(name, DATABASE_URL=written, MYSQL_URL="sqlite:////tmp/referred") == "/tmp/referred"  # noqa: S108


def test_it_stops_where_variables_name_each_other() -> None:
    answer = check(SECRET_KEY="$OTHER", OTHER="$SECRET_KEY")
    assert "SECRET_KEY begins with $ and reads like the name of a variable" in answer.stderr


def test_it_drops_the_blanks_and_quotes_that_tools_leave_around_values() -> None:
    changes = {
        "DEBUG": ' "on" ',
        "ORDERS_INITIAL_DAYS": "'7'\r",
        "MOCK_FALLBACK": " Never",
        "ALLOWED_HOSTS": "' a, b'",
    }
    expression = "(s.DEBUG, s.ORDERS_INITIAL_DAYS, s.MOCK_FALLBACK, s.ALLOWED_HOSTS)"
    assert shown(expression, **changes) == repr((True, 7, "never", ["a", "b"]))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (60, True, True)),
        ("?conn_max_age=0", (0, True, True)),
        ("?conn_max_age=600&conn_health_checks=off", (600, False, True)),
        ("?conn_max_age=None", (None, True, True)),
        ("?CONN_MAX_AGE=none", (None, True, True)),
        ("?disable_server_side_cursors=false", (60, True, False)),
        ("?disable_server_side_cursors=True&sslmode=require", (60, True, True)),
    ],
)
def test_it_keeps_what_the_databases_address_says(query: str, expected: tuple[Any, ...]) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    names = ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS")
    expression = f"tuple(s.DATABASES['default'][name] for name in {names})"
    assert shown(expression, DATABASE_URL=f"postgres://oms@127.0.0.1/oms{query}") == repr(expected)


def test_it_refuses_to_speak_less_than_utf8mb4_with_mysql() -> None:
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    answer = check(DATABASE_URL=f"mysql://oms:{PASSWORD}@127.0.0.1/oms?charset=utf8")
    assert "DATABASE_URL asks for charset=utf8, which cannot carry every character." in answer.stderr
    assert PASSWORD not in answer.stderr + answer.stdout


@pytest.mark.parametrize(
    ("url", "modules", "label", "requirements"),
    [
        ("mysql://oms@127.0.0.1/oms", ("MySQLdb",), "MySQL", "requirements-mysql.txt"),
        (
            "postgres://oms@127.0.0.1/oms",
            ("psycopg", "psycopg2"),
            "PostgreSQL",
            "requirements-postgresql.txt",
        ),
    ],
)
@pytest.mark.parametrize("error", ["ModuleNotFoundError", "ImportError"])
def test_it_says_what_to_install_where_the_driver_is_absent(
    tmp_path: Path, url: str, modules: tuple[str, ...], label: str, requirements: str, error: str
) -> None:
    for module in modules:  # before the real one, if that is installed
        (tmp_path / f"{module}.py").write_text(
            f"raise {error}('libneeded.so.3: cannot open', name='{module}')"
        )
    changes = {"DATABASE_URL": url, "PYTHONPATH": str(tmp_path)}
    answer = python(["manage.py", "check"], changes, cold=True)  # the real one is not imported yet
    assert answer.returncode == 1
    assert f"names {label}, whose driver is not installed: pip install -r {requirements}" in answer.stderr
    assert (ROOT / requirements).is_file()
    assert ("cannot be loaded: libneeded.so.3" in answer.stderr) == (error == "ImportError")
    assert "Traceback" not in answer.stderr


def in_an_installation_with(env_file: bytes, folder: Path) -> subprocess.CompletedProcess[str]:
    """The environment as oms/env.py reads it beside this .env."""
    (folder / "oms").mkdir()
    for name in ("__init__.py", "env.py", "key_command.py", "private_files.py"):
        (folder / "oms" / name).write_text((ROOT / "oms" / name).read_text())
    (folder / ".env").write_bytes(env_file)
    script = "from oms.env import raw, text; print(repr([raw('SECRET_KEY'), text('ALLOWED_HOSTS')]))"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_it_reads_the_file_of_a_windows_editor_and_keys_of_djangos_making(tmp_path: Path) -> None:
    lines = "\ufeffSECRET_KEY=$a#b=c\r\n\r\n  # a comment\r\nexport ALLOWED_HOSTS= a.example, b.example \r\n"
    answer = in_an_installation_with(lines.encode(), tmp_path)
    assert answer.stdout.strip() == repr(["$a#b=c", "a.example, b.example"]), answer.stderr


@pytest.mark.parametrize("line", ["SECRET_KEY = hush-hush", " SECRET_KEY=hush-hush", "SECRET_KEY: hush-hush"])
def test_it_names_a_line_that_means_nothing_without_repeating_it(tmp_path: Path, line: str) -> None:
    answer = in_an_installation_with(f"DEBUG=off\n{line}\n".encode(), tmp_path)
    assert "ImproperlyConfigured: Line 2 of" in answer.stderr
    assert "hush" not in answer.stdout + answer.stderr


def test_it_says_that_the_file_is_no_text(tmp_path: Path) -> None:
    answer = in_an_installation_with("SECRET_KEY=x\n".encode("utf-16"), tmp_path)
    assert ".env cannot be read (it is not UTF-8 text)." in answer.stderr


def test_it_says_how_to_make_the_keys_that_are_missing() -> None:
    assert "secrets.token_urlsafe" in check(SECRET_KEY="").stderr
    assert "Fernet.generate_key" in check(FIELD_ENCRYPTION_KEY="").stderr


def test_it_repeats_neither_a_broken_key_nor_a_password() -> None:
    good = settings.FIELD_ENCRYPTION_KEY[0]
    answer = check(FIELD_ENCRYPTION_KEY=f"{good},{good[:-3]}")
    assert "Key number 2" in answer.stderr
    assert good[:-3] not in answer.stderr + answer.stdout
    answer = check(DATABASE_URL=f"msql://oms:{PASSWORD}@db/oms")
    assert PASSWORD not in answer.stderr + answer.stdout


def test_it_passes_the_deployment_check_without_a_warning() -> None:
    lines = filled((ROOT / ".env.example").read_text(), "oms.example").splitlines()
    written = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    assert (written["REQUIRE_HTTPS"], written["ALLOWED_HOSTS"]) == ("on", "oms.example")
    del written["DATABASE_URL"]
    answer = check("--deploy", "--fail-level", "WARNING", **written)
    assert (answer.returncode, "no issues" in answer.stdout) == (0, True), answer.stderr


def test_it_accepts_both_endpoints_together_and_neither() -> None:
    address = "http://127.0.0.1:9"
    both = check(AMAZON_SP_API_ENDPOINT=address, AMAZON_LWA_ENDPOINT=f"{address}/auth/o2/token")
    assert (both.returncode, run_checks()) == (0, [])


def test_it_keeps_its_database_under_var_unless_told_otherwise() -> None:
    assert shown("s.DATABASES['default']['NAME']", DATABASE_URL="") == str(ROOT / "var" / "oms.sqlite3")


@pytest.mark.django_db
def test_it_creates_one_admin_and_prints_the_password_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    call_command("create_first_admin", stdout=first)
    password = first.getvalue().split("with password")[1].split()[0]
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser, admin.check_password(password)) == ("admin", True, True)
    call_command("create_first_admin", stdout=second)
    assert "Sign in as before." in second.getvalue()
    assert User.objects.count() == 1
    client = Client()
    assert client.post("/admin/login/", {"username": "admin", "password": password}).status_code == 302
    assert client.get("/admin/")["Location"] == "/admin/password_change/"
