"""How many requests a token may make."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun import freeze_time

from api import throttling
from api.models import RequestCount
from api.tests.rest import superuser, token_client

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
