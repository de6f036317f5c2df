"""Secrets that come from files (NAME_FILE), and a source tree that cannot be written."""

import subprocess
from pathlib import Path

import pytest

from integrations.tests.processes import python
from oms.env import FROM_FILES

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
