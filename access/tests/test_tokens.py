"""How tokens are made, noted and ended: over HTTP, and by command."""

import json
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun import freeze_time
from knox.models import AuthToken
from rest_framework.test import APIClient

from access import tokens
from access.models import ApiToken
from access.tokens import make_token, prune_expired
from platforms.models import Platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops() -> User:
    return User.objects.create_superuser("ops", password="a long pass phrase")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert error.value.returncode == 2
    return str(error.value)


def ask(text: str, address: str = "/orders", **options: Any) -> Any:
    return APIClient().get(address, HTTP_AUTHORIZATION=f"Bearer {text}", **options)


# --- by command


def test_it_makes_a_token_with_what_is_asked_for(ops: User) -> None:
    Platform.objects.create(name="amazon-de")
    made = ["create_api_token", "ops", "--name", "BI", "--scope", "read", "--platform", "amazon-de"]
    known = json.loads(run(*made, "--expires-days", "0", "--json"))
    assert ask(known.pop("token")).status_code == 200
    (listed,) = map(json.loads, run("list_api_tokens", "--json").splitlines())
    assert {**known, "last_used_at": listed["last_used_at"], "last_used_from": "127.0.0.1"} == listed
    assert (listed["name"], listed["user"], listed["scopes"]) == ("BI", "ops", ["read"])
    assert (listed["platforms"], listed["expires_at"]) == (["amazon-de"], None)


@freeze_time("2026-01-31T12:00:00Z")
def test_it_makes_a_token_of_90_days_without_buyer_data(ops: User) -> None:
    text = run("create_api_token", "ops").strip()
    assert ask(text).status_code == 200
    line = run("list_api_tokens")
    assert "made by command  (ops): read, sync, manage; all platforms; expires 2026-05-01; last used" in line
    assert text not in line


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--scope", "write"),
            "--scope: there is no scope 'write'. It takes: read, sync, ship, manage, buyer_data.",
        ),
        (("--platform", "nowhere"), "PLATFORM: there is no platform 'nowhere'"),
        (("--expires-days", "-1"), "--expires-days: it takes a whole number from 0"),
        (("--expires-days", "99999"), "--expires-days: it takes a whole number from 0"),
        (("--name", " "), "--name: it takes 1 to 64 characters"),
    ],
)
def test_it_makes_no_token_of_what_it_does_not_know(ops: User, options: tuple[str, ...], says: str) -> None:
    assert says in refused("create_api_token", "ops", *options)
    assert not AuthToken.objects.exists()


def test_it_revokes_a_token_by_its_number(ops: User) -> None:
    text, other = (run("create_api_token", "ops").strip() for _each in range(2))
    number = str(ApiToken.objects.order_by("pk")[0].pk)
    assert f"Token {number} (made by command) of ops is revoked." in run("revoke_api_token", number)
    assert (ask(text).status_code, ask(other).status_code) == (401, 200)
    assert "there is no token" in refused("revoke_api_token", number)
    assert "there is no token" in refused("revoke_api_token", "x")


def test_it_lists_those_of_one_user(ops: User) -> None:
    User.objects.create_user("jo")
    for name in ("ops", "jo"):
        run("create_api_token", name)
    lines = run("list_api_tokens", "--user", "jo", "--json").splitlines()
    assert [json.loads(line)["user"] for line in lines] == ["jo"]
    assert run("list_api_tokens", "--user", "nobody") == ""


# --- its end


def test_it_answers_an_expired_token_with_a_sentence_until_it_is_deleted(ops: User) -> None:
    with freeze_time("2026-01-01T12:00:00Z"):
        text = make_token(ops, name="BI", days=30).text
    with freeze_time("2026-01-31T11:59:59Z"):
        assert ask(text).status_code == 200
    with freeze_time("2026-01-31T12:00:00Z"):
        answer = ask(text)
        prune_expired()
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert "The token 'BI' expired at 2026-01-31 12:00 UTC." in answer.json()["detail"]
    assert AuthToken.objects.exists()
    with freeze_time("2026-03-03T12:00:00Z"):
        prune_expired()
    assert not AuthToken.objects.exists()


def new_password_in_the_admin(user: User) -> None:
    root = User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    values = {
        "password1": "Another pass phrase",
        "password2": "Another pass phrase",
        "usable_password": "true",
    }
    assert client.post(f"/admin/auth/user/{user.pk}/password/", values).status_code == 302


def new_password_in_a_shell(user: User) -> None:
    user.set_password("another pass phrase")
    user.save()


def no_password(user: User) -> None:
    user.set_unusable_password()
    user.save(update_fields=["password"])


def new_hash(user: User) -> None:
    user.password = make_password("another pass phrase")
    user.save(update_fields=["password"])


def switched_off(user: User) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])


@pytest.mark.parametrize(
    "change", [new_password_in_the_admin, new_password_in_a_shell, no_password, new_hash, switched_off]
)
def test_tokens_end_with_the_password_and_with_the_user(ops: User, change: Callable[[User], None]) -> None:
    text = make_token(ops, name="BI").text
    kept = make_token(User.objects.create_superuser("jo"), name="BI").text
    assert ask(text).status_code == 200
    change(User.objects.get(pk=ops.pk))
    User.objects.filter(pk=ops.pk).update(is_active=True)
    assert (ask(text).status_code, ask(kept).status_code) == (401, 200)
    assert ApiToken.objects.count() == 1


def test_tokens_outlive_a_log_in_and_other_changes_of_the_user(ops: User, settings: Any) -> None:
    text = make_token(ops, name="BI").text
    # The log-in hashes the password anew, as after an update of Django.
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    before = User.objects.get(pk=ops.pk).password
    signed_in = Client().post("/admin/login/", {"username": "ops", "password": "a long pass phrase"})
    user = User.objects.get(pk=ops.pk)
    assert (signed_in.status_code, user.password == before) == (302, False)
    user.email = "ops@example.com"
    user.save()
    assert ask(text).status_code == 200


def test_who_is_switched_off_with_sql_is_nobody_at_the_next_request(ops: User) -> None:
    """Neither with a token nor with a session: both ask for the user each time."""
    text, browser = make_token(ops, name="BI").text, Client()
    browser.force_login(ops)
    assert (ask(text).status_code, browser.get("/admin/").status_code) == (200, 200)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET is_active = %s WHERE id = %s", [False, ops.pk])
    assert (ask(text).status_code, browser.get("/admin/").status_code) == (401, 302)
    assert browser.get("/orders").status_code == 401
    User.objects.filter(pk=ops.pk).update(is_active=True)
    assert ask(text).status_code == 200


def test_a_token_that_was_made_around_the_app_is_refused(ops: User) -> None:
    _stored, text = AuthToken.objects.create(ops)
    assert ask(text).status_code == 401


def test_a_token_of_before_scopes_goes_on_working_as_it_did(ops: User) -> None:
    _stored, text = AuthToken.objects.create(ops)
    migration = import_module("access.migrations.0002_tokens_before_scopes")
    for _again in range(2):
        migration.give_details(apps, connection.schema_editor())
    assert ask(text).status_code == 200
    (known,) = (json.loads(line) for line in run("list_api_tokens", "--json").splitlines())
    assert (known["name"], known["scopes"]) == ("before scopes", ["read", "sync", "manage", "buyer_data"])
    assert (known["platforms"], known["expires_at"]) == (None, None)


# --- its use


def test_it_notes_when_and_from_where_a_token_was_used_once_a_minute(ops: User, monkeypatch: Any) -> None:
    text = make_token(ops, name="BI", days=0).text
    written = []
    for moment, address in (
        ("12:00:00", "192.0.2.1"),
        ("12:00:50", "192.0.2.2"),
        ("12:01:01", "2001:db8::1"),
    ):
        monkeypatch.setattr(tokens, "_noted", {})  # as another process
        with freeze_time(f"2026-01-31T{moment}Z"), CaptureQueriesContext(connection) as queries:
            assert ask(text, REMOTE_ADDR=address).status_code == 200
        written.append(sum("UPDATE" in query["sql"] for query in queries.captured_queries))
    assert written == [1, 0, 1]
    assert ApiToken.objects.get().last_used_from == "2001:db8::1"


def test_a_process_tries_to_note_it_once_a_minute_even_where_it_fails(ops: User, monkeypatch: Any) -> None:
    text = make_token(ops, name="BI").text
    tried = []

    def read_only(execute: Any, sql: str, *rest: Any) -> Any:
        connection.needs_rollback = False  # the test is one transaction, a request is none
        if sql.startswith("UPDATE"):
            tried.append(sql)
            raise OperationalError("read-only")
        return execute(sql, *rest)

    with connection.execute_wrapper(read_only):
        assert [ask(text).status_code for _each in range(3)] == [200, 200, 200]
    assert len(tried) == 1


def test_it_costs_one_query(ops: User) -> None:
    text = make_token(ops, name="BI").text
    ask(text)
    with CaptureQueriesContext(connection) as queries:
        ask(text, "/docs")
    assert len(queries) == 1


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "noted"),
    [
        (False, "198.51.100.7", "127.0.0.1"),
        (True, "10.1.1.1, 198.51.100.7", "198.51.100.7"),
        (True, "nonsense", ""),
        (True, "", "127.0.0.1"),
    ],
)
def test_it_believes_the_proxy_alone(
    ops: User, settings: Any, behind_proxy: bool, forwarded: str, noted: str
) -> None:
    if behind_proxy:
        settings.BEHIND_TLS_PROXY = True
    ask(make_token(ops, name="BI").text, HTTP_X_FORWARDED_FOR=forwarded)
    assert ApiToken.objects.get().last_used_from == noted
