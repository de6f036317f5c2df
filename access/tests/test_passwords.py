"""Which passwords are taken, and when one must be changed: over HTTP."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from access.models import LoginFailures, PasswordRecord
from audit.models import AuditEntry, AuditSum

pytestmark = pytest.mark.django_db

FIRST = "A long pass phrase"
CHANGE = "/admin/password_change/"


@pytest.fixture
def ops() -> User:
    return User.objects.create_superuser("ops", password=FIRST)


def sign_in(password: str = FIRST) -> Client:
    client = Client()
    assert client.post("/admin/login/", {"username": "ops", "password": password}).status_code == 302
    return client


def change(client: Client, old: str, new: str) -> Any:
    return client.post(CHANGE, {"old_password": old, "new_password1": new, "new_password2": new})


def problems(password: str, user: User | None = None) -> set[str]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return {each.code or "" for each in error.error_list}
    return set()


def make_older(days: int) -> None:
    PasswordRecord.objects.update(set_at=timezone.now() - timedelta(days=days))


def test_twelve_characters_of_several_kinds() -> None:
    assert problems("Four-kinds-1") == problems("Three kinds of") == set()
    assert problems("two kinds only") == {"password_of_few_kinds"}
    assert problems("Too-short-1") == {"password_too_short"}


def test_none_of_the_last_ten(ops: User, settings: Any) -> None:
    assert problems(FIRST, ops) == {"password_used_before"}
    for number in range(9):
        ops.set_password(f"A long pass phrase {number}")
        ops.save()
    assert problems(FIRST, ops) == {"password_used_before"}
    ops.set_password("A long pass phrase 9")
    ops.save()
    assert problems(FIRST, ops) == set()
    assert PasswordRecord.objects.filter(user=ops).count() == 10
    settings.PASSWORD_HISTORY = 0
    assert problems("A long pass phrase 9", ops) == set()


def test_none_that_is_in_the_list_where_one_is_installed(settings: Any, tmp_path: Path) -> None:
    words = [f"Word number {number}" for number in range(200)]
    digests = sorted(
        hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper() for word in words[::2]
    )
    path = tmp_path / "breached.txt"
    path.write_text("".join(f"{digest}:{number * 7}\n" for number, digest in enumerate(digests)))
    settings.PASSWORD_BREACHED_LIST = str(path)
    found = [problems(word) == {"password_breached"} for word in words]
    assert found == [True, False] * 100
    settings.PASSWORD_BREACHED_LIST = str(tmp_path / "none.txt")
    assert problems(words[1]) == {"no_list_of_breached_passwords"}


def test_an_old_password_is_changed_before_anything_else(ops: User, settings: Any) -> None:
    make_older(366)
    client = sign_in()
    assert client.get("/admin/")["Location"] == CHANGE
    page = client.get(CHANGE).content.decode()
    assert "too old" in page
    assert change(client, FIRST, FIRST).status_code == 200
    assert client.get("/admin/auth/user/")["Location"] == CHANGE
    assert change(client, FIRST, "Another pass phrase").status_code == 302
    assert client.get("/admin/").status_code == 200
    make_older(366)
    settings.PASSWORD_MAX_AGE_DAYS = 0
    assert sign_in("Another pass phrase").get("/admin/").status_code == 200


def test_a_new_password_is_kept_for_a_day(ops: User) -> None:
    client = sign_in()
    answer = change(client, FIRST, "Another pass phrase")
    assert "you can change it again in 1 day." in answer.content.decode()
    make_older(1)
    assert change(client, FIRST, "Another pass phrase").status_code == 302


def test_what_one_person_gives_another_is_good_for_one_sign_in(ops: User, client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    new = {"password1": "Known to root", "password2": "Known to root", "usable_password": "true"}
    assert client.post(f"/admin/auth/user/{ops.pk}/password/", new).status_code == 302
    other = sign_in("Known to root")
    assert other.get("/admin/")["Location"] == CHANGE
    assert change(other, "Known to root", "Known to nobody").status_code == 302
    assert other.get("/admin/").status_code == 200


def test_an_older_hash_becomes_argon2_at_the_sign_in(ops: User, settings: Any) -> None:
    """As the settings have it, and not the fast hasher of tests; the API tokens and the age of the password stay."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    User.objects.filter(pk=ops.pk).update(password=make_password(FIRST, hasher="md5"))
    client = sign_in()
    ops.refresh_from_db()
    assert ops.password.startswith("argon2$argon2id$")
    assert PasswordRecord.objects.filter(user=ops).count() == 1
    assert client.get("/admin/").status_code == 200


def test_a_list_that_cannot_be_read_is_told_of_at_the_start(settings: Any, tmp_path: Path) -> None:
    """And not by whoever wants to change a password."""

    def found() -> list[str]:
        return [str(each.id) for each in run_checks() if "PASSWORD_BREACHED_LIST" in each.msg]

    settings.PASSWORD_BREACHED_LIST = str(tmp_path / "missing.txt")
    assert found() == ["oms.W013"]
    settings.PASSWORD_BREACHED_LIST = str(tmp_path)  # a folder
    assert found() == ["oms.W013"]
    (tmp_path / "list.txt").write_text("0" * 40)
    settings.PASSWORD_BREACHED_LIST = str(tmp_path / "list.txt")
    assert found() == []


def test_guesses_at_the_old_password_count_like_those_at_the_sign_in(ops: User) -> None:
    """Whoever finds a browser that somebody left open tries no more passwords than at the log-in."""
    make_older(2)
    with freeze_time(timezone.now()):  # the sixth has to wait for a second
        client = sign_in()
        for _each in range(5):
            page = change(client, "wrong", "X").content.decode()
            assert "Your old password was entered incorrectly" in page
        assert LoginFailures.objects.get(user=ops).count == 5
        page = change(client, FIRST, "Another pass phrase").content.decode()
        assert "your password was not looked at" in page
    assert AuditEntry.objects.filter(action="login.failed", object_name="ops").count() == 5
    assert AuditSum.objects.get(action="login.refused", object_name="ops").count == 1
    LoginFailures.objects.all().delete()
    assert change(client, FIRST, "Another pass phrase").status_code == 302
    assert not LoginFailures.objects.filter(user=ops).exists()
