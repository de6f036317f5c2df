"""Secrets that come from files (NAME_FILE) or from a command, and a source tree that cannot be written."""

import re
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from conftest import OWN_ENVIRONMENT, SERVICES
from integrations.tests.processes import python
from oms import env
from oms.env import FROM_FILES
from oms.key_command import keys_printed_by

SHOW = (
    "from django.conf import settings as s; "
    "print(s.SECRET_KEY, s.FIELD_ENCRYPTION_KEY, s.DATABASES['default']['NAME'], s.REDIS_URL, sep='\\n')"
)


def settings_under(**changes: str) -> subprocess.CompletedProcess[str]:
    """What a new process reads under this environment: SECRET_KEY, the encryption keys, database, Redis."""
    named = {"DATABASE_URL": "sqlite://:memory:", "DJANGO_SETTINGS_MODULE": "oms.settings"}
    return python(["-c", SHOW], named | changes)


def test_it_reads_secrets_from_the_files_that_the_environment_names(tmp_path: Path) -> None:
    values = {
        "SECRET_KEY": "key-from-a-file-0123456789",
        "FIELD_ENCRYPTION_KEY": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
        "DATABASE_URL": f"sqlite:///{tmp_path}/from-a-file.sqlite3",
        "REDIS_URL": "redis://redis.invalid:6379/3",
        "METRICS_TOKEN": "metrics-token-0123456789",
        "EMAIL_URL": "smtp+tls://oms:pass@mail.invalid:587",
        "SENTRY_DSN": "https://key@sentry.invalid/1",
        "OIDC_CLIENT_SECRET": "of-a-client",
        "AMAZON_CLIENT_SECRET": "of-an-application",
        "EXPORTS_STORE_ACCESS_KEY": "of-a-store",
        "EXPORTS_STORE_SECRET_KEY": "of-a-store-too",
    }
    assert set(values) == set(FROM_FILES)
    environment = dict.fromkeys(values, "")
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n")  # as editors and `echo` leave it
        environment[f"{name}_FILE"] = str(tmp_path / name)
    shown = settings_under(**environment)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines() == [
        values["SECRET_KEY"],
        f"['{values['FIELD_ENCRYPTION_KEY']}']",
        f"{tmp_path}/from-a-file.sqlite3",
        values["REDIS_URL"],
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "The file that SECRET_KEY_FILE names cannot be read: {path} (No such file or directory)."),
        (b"\n", "The file that SECRET_KEY_FILE names is empty: {path}."),
        (b"\xff\xfe", "The file that SECRET_KEY_FILE names cannot be read: {path} (it is not UTF-8 text)."),
    ],
    ids=["missing", "empty", "binary"],
)
def test_it_refuses_a_secret_file_with_a_sentence(
    content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret_key"
    if content is not None:
        path.write_bytes(content)
    shown = settings_under(SECRET_KEY="", SECRET_KEY_FILE=str(path))
    assert shown.returncode != 0
    assert sentence.format(path=path) in shown.stderr


def test_it_refuses_a_secret_that_is_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    path.write_text("another")
    shown = settings_under(SECRET_KEY="one", SECRET_KEY_FILE=str(path))
    assert "SECRET_KEY and SECRET_KEY_FILE are both set; leave one of them." in shown.stderr
    assert "another" not in shown.stderr


def test_it_names_a_database_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown = settings_under(DATABASE_URL=f"sqlite:///{tmp_path}/file/oms.sqlite3")
    assert f"The folder of the SQLite database cannot be made: {tmp_path}/file" in shown.stderr


def test_every_secret_may_come_from_a_file() -> None:
    """Also one that is added: by how its name ends."""
    secret = re.compile(r"(_KEY|_TOKEN|_DSN|_PASSWORD|_SECRET|(DATABASE|REDIS|EMAIL|LOG)_URL)$")
    names = {name for name in {*OWN_ENVIRONMENT, *SERVICES} if secret.search(name)}
    assert names == set(FROM_FILES)


def test_it_takes_the_keys_that_a_command_prints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(3)]
    (tmp_path / "two keys").write_text(f"{keys[0]}\n{keys[1]},{keys[2]}\n")
    monkeypatch.setattr(env, "VARIABLES", {"FIELD_ENCRYPTION_KEY_COMMAND": f"cat '{tmp_path}/two keys'"})
    assert env.encryption_keys() == keys
    monkeypatch.setitem(env.VARIABLES, "FIELD_ENCRYPTION_KEY", keys[0])
    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEY_COMMAND are both set"):
        env.encryption_keys()


@pytest.mark.parametrize(
    ("command", "sentence", "timeout"),
    [
        ("sh -c 'echo s3cr3t; echo s3cr3t >&2; exit 7'", "failed with exit status 7", 60),
        ("sh -c 'echo s3cr3t; exec sleep 600'", "did not end within 0.2 seconds", 0.2),
        ("/nowhere/vault s3cr3t", r"cannot be started \(No such file or directory\)", 60),
        ("true s3cr3t", "printed no key", 60),
        ("printf '\\377s3cr3t'", "printed no key", 60),
        ("vault 's3cr3t", "is not understood", 60),
    ],
)
def test_it_says_why_a_command_gives_no_key_and_repeats_nothing_of_it(
    command: str, sentence: str, timeout: float
) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence) as problem:
        keys_printed_by(command, timeout=timeout)
    assert "s3cr3t" not in str(problem.value)
    assert "/nowhere" not in str(problem.value)
    assert problem.value.__cause__ is None
    assert problem.value.__suppress_context__ or problem.value.__context__ is None


def test_it_repeats_nothing_of_what_a_command_printed_instead_of_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(env, "VARIABLES", {"FIELD_ENCRYPTION_KEY_COMMAND": "echo nearly-a-key"})
    with pytest.raises(
        ImproperlyConfigured, match="Key number 1 in what FIELD_ENCRYPTION_KEY_COMMAND printed"
    ) as at:
        env.encryption_keys()
    assert "nearly" not in str(at.value)
