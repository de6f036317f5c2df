"""/sync-logs, /sync-failures, and what a sync answers in its several ends."""

from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from api.tests.rest import amazon, fetch_all, superuser
from conftest import api_config
from integrations.as_json import sync_as_json
from integrations.models import SyncFailure, SyncLog
from platforms.models import Platform
from simulator import Canned


@pytest.fixture
def api(db: None) -> APIClient:
    return superuser()


def make_log(**values: Any) -> SyncLog:
    defaults = {"platform": amazon(), "kind": "orders", "trigger": "schedule", "status": "succeeded"}
    return SyncLog.objects.create(**defaults | values)


def make_failure(external_id: str = "111-1", **values: Any) -> SyncFailure:
    log = make_log()
    defaults = {
        "log": log,
        "platform": log.platform,
        "kind": "orders",
        "error_code": "malformed",
        "error_message": "No id.",
    }
    return SyncFailure.objects.create(external_id=external_id, **defaults | values)


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_shows_a_sync_as_the_commands_do(api: APIClient, slash: str) -> None:
    started = timezone.now()
    log = make_log(
        started_at=started, finished_at=started, error_code="x", window_by="updated", window_start=started
    )
    shown = api.get(f"/sync-logs/{log.pk}{slash}").json()
    assert shown == sync_as_json(log)
    assert (shown["platform"], shown["requested_by"], shown["duration"]) == ("amazon", None, 0.0)
    assert api.get(f"/sync-logs{slash}").json()["results"] == [shown]
    assert not {"open_key", "lease_token", "checkpoint"} & set(shown)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("platform_name=amazon-de", "b"),
        ("kind=inventory", "b"),
        ("status=failed", "b"),
        ("status=failed,running,succeeded", "ab"),
        ("kind=inventory&kind=orders", "ab"),
        ("trigger=api,admin", ""),
        ("trigger=schedule", "ab"),
        ("error_code=invalid_grant,throttled", "b"),
        ("queued_before=2026-01-01", ""),
        ("source=mock", "a"),
        ("search=invalid_grant", "b"),
        ("search=REVOKED", "b"),
        ("search=999999999999", ""),
        ("search=99999999999999999999999", ""),
    ],
)
def test_it_filters_syncs(api: APIClient, query: str, found: str) -> None:
    error = {"error_code": "invalid_grant", "error_message": "The refresh token was revoked."}
    other = Platform.objects.create(name="amazon-de")
    names = {make_log(source="mock").pk: "a"}
    names[make_log(platform=other, kind="inventory", status="failed", **error).pk] = "b"
    assert (
        "".join(sorted(names[row["id"]] for row in fetch_all(api, f"/sync-logs?page_size=1&{query}")))
        == found
    )


def test_it_finds_a_sync_by_its_id(api: APIClient) -> None:
    logs = [make_log() for _ in range(3)]
    assert [row["id"] for row in fetch_all(api, f"/sync-logs?search={logs[1].pk}")] == [logs[1].pk]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("search=111-", 1),
        ("search=malformed", 2),
        ("kind=inventory", 1),
        ("search=no ID", 2),
        ("kind=inventory,orders", 2),
        ("external_id=111-1&external_id=SKU-1", 2),
        ("external_id=111", 0),
        ("error_code=malformed,x", 2),
        ("ids=0", 0),
        ("created_after=2026-01-01", 2),
        ("created_before=2026-01-01", 0),
    ],
)
def test_it_filters_failures(api: APIClient, query: str, count: int) -> None:
    make_failure(), make_failure("SKU-1", kind="inventory")
    assert len(fetch_all(api, f"/sync-failures/?page_size=1&{query}")) == count


@pytest.mark.parametrize(
    "address", ["/sync-logs?state=failed", "/sync-failures?status=failed", "/sync-logs?status=done"]
)
def test_it_refuses_odd_filters(api: APIClient, address: str) -> None:
    assert api.get(address).status_code == 400


def test_it_lists_the_oldest_first(api: APIClient) -> None:
    failures = [make_failure(f"o-{number}") for number in range(5)]
    rows = fetch_all(api, "/sync-failures?ordering=id&page_size=2")
    assert [row["id"] for row in rows] == [failure.pk for failure in failures]
    rows = fetch_all(api, "/sync-logs?ordering=id&page_size=2&fields=id")
    assert rows == [{"id": failure.log_id} for failure in failures]
    found = fetch_all(
        api, f"/sync-failures?sync={failures[1].log_id},{failures[3].log_id}&fields=external_id"
    )
    assert [row["external_id"] for row in found] == ["o-3", "o-1"]


@pytest.mark.parametrize("address", ["/sync-logs", "/sync-failures"])
def test_it_lists_with_a_fixed_number_of_queries(
    api: APIClient, address: str, django_assert_num_queries: Any
) -> None:
    for number in range(8):
        make_failure(f"o-{number}")
    api.get(address)  # notes that the token is used
    for size in (2, 8):
        with django_assert_num_queries(4):
            assert len(api.get(f"{address}?page_size={size}").json()["results"]) == size


def test_it_cancels_a_queued_sync(api: APIClient) -> None:
    [sync] = api.post("/orders/sync").json()["syncs"]
    answer = api.post(f"/sync-logs/{sync['id']}/cancel/")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert api.post("/orders/sync").json()["syncs"][0]["id"] != sync["id"]
    again = api.post(f"/sync-logs/{sync['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_it_asks_a_running_sync_to_stop(api: APIClient) -> None:
    log = make_log(status="running", open_key="1:orders")
    answer = api.post(f"/sync-logs/{log.pk}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    log.refresh_from_db()
    assert log.cancel_requested


def test_it_does_not_know_a_sync_to_cancel(api: APIClient) -> None:
    assert api.post("/sync-logs/4711/cancel").json()["code"] == "not_found"


def test_it_answers_202_while_somebody_else_works_on_it(api: APIClient) -> None:
    log = make_log(status="running", open_key=SyncLog.open_key_for(amazon(), "orders"))
    answer = api.post("/orders/sync?wait=true")
    [sync] = answer.json()["syncs"]
    assert (answer.status_code, sync["id"], sync["already_open"]) == (202, log.pk, True)


@pytest.mark.parametrize("address", ["/orders/sync", "/inventory/sync"])
def test_it_starts_nothing_where_a_rehearsal_is_asked_for(api: APIClient, address: str) -> None:
    for answer in (api.post(f"{address}?dry_run=true"), api.post(address, {"dry_run": True}, format="json")):
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["dry_run"])
    assert not SyncLog.objects.exists()


def test_it_goes_on_with_other_platforms_when_one_fails(
    api: APIClient, start_simulator: Any, settings: Any
) -> None:
    settings.MOCK_FALLBACK = "never"
    account = start_simulator(orders=5).accounts[0]
    api.put(f"/platforms/{amazon().pk}", {"api_config": api_config(account, client_secret="wrong")})
    api.post("/platforms", {"name": "b-good", "api_config": api_config(account)})
    api.post("/platforms", {"name": "c-empty"})
    answer = api.post("/orders/sync?days=60&wait=true")
    assert answer.status_code == 200
    ends = {sync["platform"]: (sync["status"], sync["error_code"]) for sync in answer.json()["syncs"]}
    assert ends["b-good"] == ("succeeded", "")
    assert ends["amazon"][0] == ends["c-empty"][0] == "failed"
    assert ends["c-empty"][1] == "config"


def test_it_says_when_mock_data_stood_in(api: APIClient) -> None:
    [sync] = api.post("/orders/sync?wait=true").json()["syncs"]
    assert (sync["status"], sync["source"], sync["error_code"]) == ("fallback", "mock", "config")
    assert {row["source"] for row in fetch_all(api, "/orders")} == {"mock"}


@pytest.mark.django_db(transaction=True)
def test_it_answers_202_and_queues_the_rest_when_the_quota_is_used_up(start_simulator: Any) -> None:
    sim, platform, api = start_simulator(orders=5), amazon(), superuser()
    api.put(f"/platforms/{platform.pk}", {"api_config": api_config(sim.accounts[0])})
    sim.script("searchOrders", *[Canned.json(429, {"errors": [{"code": "QuotaExceeded"}]})] * 9)
    answer = api.post("/orders/sync?wait=true")
    [sync] = answer.json()["syncs"]
    assert (answer.status_code, sync["status"]) == (202, "waiting")
    assert DBTaskResult.objects.get().args_kwargs["args"] == [sync["id"]]
