"""How many requests a token may make."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from freezegun import freeze_time
from knox.models import AuthToken

from access.models import ApiToken, LoginFailures
from api import throttling
from api.models import RequestCount
from api.tests.rest import make_text, superuser, token_client, user_with
from audit.models import AuditEntry
from audit.summing import write_sums
from backoffice.alerts.conditions import Kind, evaluate

pytestmark = pytest.mark.django_db

AT = "2026-01-31T12:00:20Z"


@pytest.fixture
def another_process(monkeypatch: Any) -> Callable[[], None]:
    """Calls after it are served by a process that has counted nothing yet."""
    return lambda: monkeypatch.setattr(throttling, "_counts", {})


def left(answer: Any) -> int:
    found = re.fullmatch(r'"requests";r=(\d+);t=40', answer["RateLimit"])
    assert found is not None, answer["RateLimit"]
    return int(found[1])


@freeze_time(AT)
def test_it_refuses_more_than_the_limit_and_says_when_to_go_on(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3
    api = superuser()
    answers = [api.get("/orders") for _each in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [left(answer) for answer in answers] == [2, 1, 0, 0, 0]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"requests";q=3;w=60'}
    refused = answers[-1]
    assert (refused["Retry-After"], refused.json()["code"]) == ("40", "throttled")
    assert "Go on in 40 seconds" in refused.json()["detail"]
    with freeze_time("2026-01-31T12:01:00Z"):
        assert api.get("/orders")["RateLimit"] == '"requests";r=2;t=60'


@freeze_time(AT)
def test_it_refuses_before_anything_is_done(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    api = superuser()
    assert api.get("/platforms").status_code == 200
    assert api.post("/orders/sync?platform_name=nowhere").status_code == 429
    assert api.get("/healthz").status_code == 200


@freeze_time(AT)
def test_each_token_has_a_limit_of_its_own_and_all_sessions_of_a_user_share_one(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    user = User.objects.create_superuser("root")
    assert [token_client(user).get("/orders").status_code for _each in range(3)] == [200, 200, 200]
    statuses = []
    for _each in range(2):
        browser = Client()
        browser.force_login(user)
        statuses.append(browser.get("/orders").status_code)
    assert statuses == [200, 429]


@freeze_time(AT)
def test_processes_count_together(settings: Any, another_process: Callable[[], None]) -> None:
    settings.API_REQUESTS_PER_MINUTE = 4
    api = superuser()
    served = 0
    for _process in range(3):
        another_process()
        served += [api.get("/orders").status_code for _each in range(3)].count(200)
    assert served == 4


@freeze_time(AT)
def test_it_lets_through_at_most_a_twentieth_more_for_each_process(
    settings: Any, another_process: Callable[[], None]
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 60
    api, served = superuser(), 0
    for _process in range(4):
        another_process()
        served += [api.get("/api-usage").status_code for _each in range(40)].count(200)
    assert 60 <= served <= 60 + 4 * 3


@freeze_time(AT)
def test_it_counts_in_the_database_only_now_and_then(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 200
    api = superuser()
    with CaptureQueriesContext(connection) as queries:
        assert [left(api.get("/orders")) for _each in range(9)] == list(range(199, 190, -1))
    assert not any("api_request_counts" in query["sql"] for query in queries)
    assert left(api.get("/orders")) == 190
    assert RequestCount.objects.get().count == 10


@freeze_time(AT)
def test_a_database_that_cannot_count_keeps_nobody_out(settings: Any, caplog: Any) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if "api_request_counts" in sql:
            raise OperationalError("locked")
        return execute(sql, *args)

    settings.API_REQUESTS_PER_MINUTE = 2
    api = superuser()
    with connection.execute_wrapper(fail):
        assert [api.get("/orders").status_code for _each in range(3)] == [200, 200, 429]
    assert "could not be counted" in caplog.text


def test_it_says_nothing_of_a_limit_where_there_is_none(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 0
    assert not superuser().get("/orders").has_header("RateLimit")


def test_it_forgets_who_was_not_heard_of_for_a_day(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    with freeze_time("2026-01-30T11:59:00Z"):
        superuser().get("/orders")
    assert RequestCount.objects.count() == 1
    with freeze_time(AT):
        throttling.prune_counts()
    assert RequestCount.objects.count() == 0


# --- without a valid token


@pytest.fixture
def _guarded(settings: Any, monkeypatch: Any) -> None:
    settings.API_FAILURES_PER_MINUTE = 3
    monkeypatch.setattr(throttling, "_counts", {})
    monkeypatch.setattr(throttling, "_seen", set())
    monkeypatch.setattr(throttling, "_refused", {})


def ask(token: str, address: str = "192.0.2.1", **headers: str) -> Any:
    scheme = {"Authorization": f"Bearer {token}"} if token else {}
    return Client(REMOTE_ADDR=address).get("/orders", headers=scheme | headers)


@freeze_time(AT)
@pytest.mark.usefixtures("_guarded")
def test_who_guesses_tokens_is_refused_before_they_are_looked_up() -> None:
    user = User.objects.create_superuser("root")
    known, other = (make_text(user) for _each in range(2))
    assert ask(known).status_code == 200
    answers = [ask(token) for token in ("wrong", "", "bad token", "a", "b", "")]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429, 429]
    refused = answers[-1]
    assert (refused["Retry-After"], refused.json()["code"]) == ("40", "throttled")
    assert "without a valid token" in refused.json()["detail"]
    with CaptureQueriesContext(connection) as queries:
        assert ask(other).status_code == 429  # valid, which this answer does not tell
    assert not any("knox" in query["sql"] for query in queries)
    assert ask(known).status_code == 200  # whoever worked before goes on
    (entry,) = AuditEntry.objects.filter(action="token.locked")
    assert (entry.address, entry.door, entry.changes) == ("192.0.2.1", "api", {"failures_a_minute": 3})
    assert ask("wrong", "192.0.2.2").status_code == 401
    with freeze_time("2026-01-31T12:01:00Z"):
        assert ask(other).status_code == 200


@freeze_time(AT)
@pytest.mark.usefixtures("_guarded")
def test_behind_a_proxy_the_address_is_what_the_proxy_heard(settings: Any) -> None:
    for number in range(4):
        ask("wrong", f"2001:db8::{number}")
    assert ask("wrong", "2001:db8::9").status_code == 429  # one network
    assert ask("wrong", "2001:db8:0:1::9").status_code == 401
    settings.BEHIND_TLS_PROXY = True
    for number in range(4):
        ask("wrong", "127.0.0.1", **{"X-Forwarded-For": f"10.0.0.{number}, 198.51.100.7"})
    last = [
        ask("wrong", "127.0.0.1", **{"X-Forwarded-For": each}) for each in ("198.51.100.7", "198.51.100.8")
    ]
    assert [answer.status_code for answer in last] == [429, 401]
    assert not RequestCount.objects.filter(caller__contains="198.51").exists()


@freeze_time(AT)
def test_what_is_not_permitted_counts(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    nobody = user_with()
    assert [nobody.get("/orders").status_code for _each in range(3)] == [403, 403, 429]


# --- guesses of tokens


def guess(times: int, address: str = "192.0.2.1") -> Any:
    """So far apart that none has to wait; the last answer."""
    answer = None
    for number in range(times):
        with freeze_time(timezone.now() - timedelta(seconds=20 * (times - number - 1))):
            answer = ask(f"guess-{number}", address)
            assert answer.status_code == 401, answer.json()
    return answer


@pytest.fixture
def _as_delivered(settings: Any, monkeypatch: Any) -> None:
    settings.API_FAILURES_PER_MINUTE = 60
    monkeypatch.setattr(throttling, "_counts", {})
    monkeypatch.setattr(throttling, "_seen", set())


@pytest.mark.usefixtures("_as_delivered")
def test_ten_wrong_tokens_lock_an_address_and_no_program_that_works(monkeypatch: Any) -> None:
    root = User.objects.create_superuser("root", password="right")
    working, fresh = (make_text(root) for _each in range(2))
    assert ask(working).status_code == 200
    guess(10)
    for token in ("another", fresh):
        refused = ask(token)
        assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
        assert 890 <= int(refused["Retry-After"]) <= 900
    assert ask(fresh, "192.0.2.2").status_code == 200
    monkeypatch.setattr(throttling, "_seen", set())  # another process
    assert ask(working).status_code == 200  # it was used from here before
    client = Client(REMOTE_ADDR="192.0.2.1")  # people are counted apart
    assert client.post("/admin/login/", {"username": "root", "password": "right"}).status_code == 302
    (entry,) = AuditEntry.objects.filter(action="token.locked")
    assert (entry.address, entry.door, entry.changes) == (
        "192.0.2.1",
        "api",
        {"by": "address", "minutes": 15},
    )
    with freeze_time(timezone.now() + timedelta(minutes=16)):
        assert ask(fresh).status_code == 200
        write_sums()
    (entry,) = AuditEntry.objects.filter(action="token.refused")
    assert (entry.changes["attempts"], entry.address) == (2, "192.0.2.1")


@pytest.mark.usefixtures("_as_delivered")
def test_after_five_each_wrong_token_waits_longer_and_a_command_unlocks() -> None:
    root = User.objects.create_superuser("root")
    guess(7)
    assert ask("another")["Retry-After"] in ("3", "4")
    with freeze_time(timezone.now() + timedelta(seconds=5)):
        assert ask("another").status_code == 401
        assert ask("more")["Retry-After"] in ("7", "8")
        call_command("unlock_user", "root", stdout=StringIO())
        assert ask(make_text(root)).status_code == 200


@pytest.mark.usefixtures("_as_delivered")
def test_a_program_that_goes_on_with_a_revoked_or_expired_token_locks_nobody() -> None:
    root = User.objects.create_superuser("root")
    revoked, expired, fresh = (make_text(root) for _each in range(3))
    AuthToken.objects.filter(token_key=revoked[:15]).delete()
    AuthToken.objects.filter(token_key=expired[:15]).update(expiry=timezone.now())
    assert {ask(token).status_code for _each in range(12) for token in (revoked, expired)} == {401}
    assert ask(fresh).status_code == 200
    assert LoginFailures.objects.get().count == 1


@pytest.mark.usefixtures("_as_delivered")
def test_who_knows_the_beginning_of_a_token_is_told_of_and_does_not_lock_it() -> None:
    root = User.objects.create_superuser("root")
    token = make_text(root)
    for number in range(4):
        assert ask(f"{token[:60]}{number:04}").status_code == 401
    assert ask(token).status_code == 200
    with freeze_time(timezone.now() + timedelta(minutes=16)):
        write_sums()
    first, rest = AuditEntry.objects.filter(action="token.guessed").order_by("pk")
    assert {entry.object_name for entry in (first, rest)} == {ApiToken.objects.get().name}
    assert (first.changes, rest.changes["attempts"]) == ({}, 3)
    assert "somebody knows a part of it" in next(
        each.say() for each in evaluate() if each.kind == Kind.KNOWN_TOKEN
    )
    assert token[:10] not in str(list(AuditEntry.objects.values()))


def test_a_database_that_takes_no_writes_answers_401() -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE")):
            raise OperationalError("attempt to write a readonly database")
        return execute(sql, *args)

    with connection.execute_wrapper(fail):
        assert ask("wrong").status_code == 401
