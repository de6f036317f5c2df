"""What a missing or broken environment says, and that production settings leave no warning."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "pass-word-not-to-be-shown"


def check(*options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` under this environment. What is set, even to nothing, wins over a developer's .env."""
    environment = {**os.environ, "DATABASE_URL": "sqlite://:memory:", "REDIS_URL": "", **changes}
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # the browser tests' own
    command = [sys.executable, "manage.py", "check", *options]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


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
        ({"AMAZON_SP_API_ENDPOINT": "http://127.0.0.1:9"}, "(oms.E002)"),
        ({"AMAZON_SP_API_ENDPOINT": "no-url", "AMAZON_LWA_ENDPOINT": "http://127.0.0.1:9"}, "(oms.E001)"),
    ],
)
def test_it_refuses_an_environment_with_a_sentence(changes: dict[str, str], sentence: str) -> None:
    answer = check(**changes)
    assert answer.returncode != 0
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr


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
    answer = check(
        "--deploy", "--fail-level", "WARNING", DEBUG="off", REQUIRE_HTTPS="", ALLOWED_HOSTS="oms.example"
    )
    assert answer.returncode == 0, answer.stderr


def test_it_accepts_both_endpoints_together_and_neither() -> None:
    address = "http://127.0.0.1:9"
    both = check(AMAZON_SP_API_ENDPOINT=address, AMAZON_LWA_ENDPOINT=f"{address}/auth/o2/token")
    assert (both.returncode, run_checks()) == (0, [])


def test_it_keeps_its_database_under_var_unless_told_otherwise() -> None:
    script = "from django.conf import settings; print(settings.DATABASES['default']['NAME'])"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "oms.settings", "DATABASE_URL": ""}
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == str(ROOT / "var" / "oms.sqlite3")


@pytest.mark.django_db
def test_it_creates_one_admin_and_prints_the_password_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    call_command("create_first_admin", stdout=first)
    password = first.getvalue().split("with the password")[1].split()[0]
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser, admin.check_password(password)) == ("admin", True, True)
    call_command("create_first_admin", stdout=second)
    assert "There is a user already" in second.getvalue()
    assert User.objects.count() == 1
