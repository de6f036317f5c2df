"""Starting a sync through the API, the commands and the scheduler while another one is open. (Through the admin:
backoffice/tests/test_platforms.py. With processes that are killed: tests/test_processes.py.)"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models.signals import post_init
from django.utils import timezone
from django_tasks_db import DatabaseBackend
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from api.tests.rest import amazon, superuser
from conftest import api_config
from integrations.models import Backfill, SyncLog
from integrations.schedule.plan import due_syncs, plan
from integrations.sync.leases import Lease
from integrations.sync.run import run_sync
from integrations.tests.racing_turns import race_for_turns
from integrations.tests.states import change
from integrations.tests.syncing import on_a_database_that_waits
from integrations.tests.test_commands import Ran
from platforms.models import Platform
from simulator import Account

pytestmark = pytest.mark.django_db
Status = SyncLog.Status
JANUARY = "since=2026-01-01&until=2026-02-01"


@pytest.fixture
def api(db: None) -> APIClient:
    return superuser()


def ask(api: APIClient, query: str) -> tuple[int, dict[str, Any]]:
    answer = api.post(f"/{query}")
    return answer.status_code, answer.json()


def open_one(kind: str = "orders") -> SyncLog:
    """The one that does not wait for its turn."""
    return SyncLog.objects.open().exclude(status=Status.DEFERRED).get(platform=amazon(), kind=kind)


def close(log: SyncLog, api: APIClient) -> None:
    assert api.post(f"/sync-logs/{log.pk}/cancel").status_code == 200


# --- what is the same, and what is not


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("orders/sync", "orders/sync?by=updated", True),
        ("orders/sync?days=7", "orders/sync?days=07", True),
        ("orders/sync?days=7", "orders/sync?days=8", False),
        ("orders/sync?days=7", "orders/sync?days=7&by=created", False),
        ("orders/sync?days=400", "orders/sync?days=400&until=2026-11-20", False),
        ("orders/sync?by=created", "orders/sync?days=7", False),
        (f"orders/sync?{JANUARY}", f"orders/sync?{JANUARY}", True),
        (
            f"orders/sync?{JANUARY}",
            "orders/sync?since=2026-01-01T01:00:00%2B01:00&until=2026-02-01T00:00Z",
            True,
        ),
        (f"orders/sync?{JANUARY}", "orders/sync?since=2026-01-01", False),
        (f"orders/sync?{JANUARY}", f"orders/sync?{JANUARY}&by=created", False),
        ("inventory/sync", "inventory/sync", True),
        ("inventory/sync", "inventory/sync?sku=A", False),
        ("inventory/sync?sku=A", "inventory/sync", False),
        ("inventory/sync?sku=A&sku=B", "inventory/sync?sku=B&sku=A&sku=B", True),
        ("inventory/sync?sku=A", "inventory/sync?sku=A&sku=B", False),
        ("inventory/sync?sku=A", "inventory/sync?sku=a", False),
    ],
)
def test_it_answers_the_same_request_with_the_open_sync_and_refuses_another(
    api: APIClient, first: str, second: str, is_same: bool
) -> None:
    _, started = ask(api, first)
    [sync] = started["syncs"]
    status, answer = ask(api, second)
    if is_same:
        assert (status, answer) == (202, {"syncs": [sync | {"already_open": True}]})
    else:
        assert (status, set(answer)) == (409, {"code", "detail", "sync"})
        assert (answer["code"], answer["sync"]["id"]) == ("another_sync_is_open", sync["id"])
        assert f"sync #{sync['id']} is open" in answer["detail"]
    assert SyncLog.objects.count() == 1


def test_it_takes_the_last_days_for_the_same_request_later_and_after_the_run_began(api: APIClient) -> None:
    _, started = ask(api, "orders/sync?days=7")
    hour = timedelta(hours=1)
    SyncLog.objects.update(window_start=timezone.now() - timedelta(days=7) - hour, window_end=timezone.now())
    status, answer = ask(api, "orders/sync?days=7")
    assert (status, answer["syncs"][0]["id"]) == (202, started["syncs"][0]["id"])
    assert "(orders updated in the last 7 days; queued;" in ask(api, "orders/sync?days=8")[1]["detail"]


def test_it_takes_an_end_that_had_to_be_moved_for_what_was_asked(api: APIClient) -> None:
    until = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    _, started = ask(api, f"orders/sync?since=2026-01-01&until={until}")
    SyncLog.objects.update(window_end=timezone.now() - timedelta(hours=1))
    status, answer = ask(api, f"orders/sync?since=2026-01-01&until={until}")
    assert (status, answer["syncs"][0]["id"]) == (202, started["syncs"][0]["id"])


@pytest.mark.parametrize(
    ("query", "columns", "expected"),
    [
        ("orders/sync", {"window_by": "updated", "window_end": "2026-01-31T00:00Z"}, 202),
        ("orders/sync?days=7", {"is_incremental": False, "window_by": "updated"}, 409),
        (
            "orders/sync?since=2026-01-01",
            {"is_incremental": False, "window_by": "updated", "window_start": "2026-01-01T00:00Z"},
            202,
        ),
        ("inventory/sync?sku=A", {"kind": "inventory", "skus": ["A"]}, 202),
        ("inventory/sync", {"kind": "inventory", "skus": ["A"]}, 409),
    ],
)
def test_it_reads_what_an_open_sync_of_an_earlier_version_does_from_its_columns(
    api: APIClient, query: str, columns: dict[str, Any], expected: int
) -> None:
    columns = {"kind": "orders"} | columns
    key = SyncLog.open_key_for(amazon(), columns["kind"], SyncLog(**columns).lane)
    SyncLog.objects.create(platform=amazon(), trigger="schedule", open_key=key, asked=None, **columns)
    assert (ask(api, query)[0], SyncLog.objects.count()) == (expected, 1)


# --- several platforms


def test_it_starts_the_other_platforms_where_one_is_refused(api: APIClient) -> None:
    second = Platform.objects.create(name="b-other")
    ask(api, "orders/sync?platform_name=amazon&days=7")
    status, answer = ask(api, "orders/sync?days=8")
    assert (status, [sync["platform"] for sync in answer["syncs"]]) == (202, ["b-other"])
    [refused] = answer["refused"]
    assert (refused["code"], refused["sync"]["platform"]) == ("another_sync_is_open", "amazon")
    status, answer = ask(api, "orders/sync?days=9")
    assert (status, answer["code"], len(answer["refused"])) == (409, "another_sync_is_open", 2)
    assert SyncLog.objects.filter(platform=second).count() == 1


def test_it_exits_1_naming_the_refused_platform_and_syncs_the_others(api: APIClient) -> None:
    Platform.objects.create(name="b-other")
    ask(api, "inventory/sync?platform_name=amazon&sku=A-1")
    ran = Ran("sync_inventory", "--json", "--background")
    refused, started = ran.syncs
    assert (ran.status, refused["code"], started["platform"]) == (1, "another_sync_is_open", "b-other")
    blocking = open_one("inventory")
    assert (
        f"Nothing was started for amazon: sync #{blocking.pk} is open (inventory of 1 SKU (A-1); " in ran.err
    )
    assert "with --wait to start then" in ran.err


# --- when the open one has ended


def test_it_starts_when_the_open_one_has_ended(
    api: APIClient, django_capture_on_commit_callbacks: Any
) -> None:
    ask(api, "orders/sync?days=7")
    first = open_one()
    status, answer = ask(api, f"orders/sync?{JANUARY}&queue=true")
    [sync] = answer["syncs"]
    assert (status, sync["status"], sync["already_open"]) == (202, "deferred", False)
    assert sync["progress"] == "starts when the sync that is open now has ended"
    # The same request waits once, with the parameter or without.
    for again in (f"orders/sync?{JANUARY}&queue=true", f"orders/sync?{JANUARY}"):
        assert ask(api, again)[1]["syncs"] == [sync | {"already_open": True}]
    assert ask(api, "orders/sync?days=3")[0] == 409
    with django_capture_on_commit_callbacks(execute=True):
        close(first, api)
    now = open_one()
    assert (now.pk, now.status, now.window_start and now.window_start.month) == (sync["id"], "queued", 1)
    assert [each.args_kwargs["args"] for each in DBTaskResult.objects.all()] == [[sync["id"]]]


def test_it_keeps_the_order_of_those_that_wait(api: APIClient) -> None:
    ask(api, "inventory/sync")
    waiting = [ask(api, f"inventory/sync?sku={sku}&queue=true")[1]["syncs"][0]["id"] for sku in "CAB"]
    for expected in waiting:
        close(open_one("inventory"), api)
        assert open_one("inventory").pk == expected
    close(open_one("inventory"), api)
    assert not SyncLog.objects.open().exists()


def test_it_does_not_work_on_a_deferred_sync_and_lets_it_be_cancelled(api: APIClient) -> None:
    ask(api, "orders/sync?days=7")
    _, answer = ask(api, "orders/sync?days=3&queue=true&wait=true")
    [sync] = answer["syncs"]
    assert sync["status"] == "deferred"
    assert run_sync(sync["id"]).status == Status.DEFERRED
    assert api.post(f"/sync-logs/{sync['id']}/cancel").json()["status"] == "cancelled"
    close(open_one(), api)
    assert not SyncLog.objects.open().exists()


def test_it_queues_at_once_where_nothing_is_open(api: APIClient) -> None:
    status, answer = ask(api, "orders/sync?days=3&queue=true")
    assert (status, answer["syncs"][0]["status"]) == (202, "queued")


def test_the_scheduler_starts_what_waits_for_nothing_any_more(
    api: APIClient, django_capture_on_commit_callbacks: Any
) -> None:
    ask(api, "orders/sync?days=7")
    _, answer = ask(api, "orders/sync?days=3&queue=true")
    waiting = answer["syncs"][0]["id"]
    # The worker closed the sync and was killed before it looked what waits.
    SyncLog.objects.filter(pk=open_one().pk).update(status="succeeded", open_key=None)
    with django_capture_on_commit_callbacks(execute=True):
        ran = Ran("run_scheduler", "--once")
    assert ran.out == f"Queued sync #{waiting}: amazon orders waited for another one, which has ended.\n"
    assert (open_one().pk, DBTaskResult.objects.count()) == (waiting, 1)


def test_the_command_goes_on_with_the_open_one_and_then_with_its_own(api: APIClient, capsys: Any) -> None:
    ask(api, "orders/sync?days=7")
    first = open_one()
    ran = Ran("sync_orders", "amazon", "--days", "3", "--wait", "--json")
    (sync,) = ran.syncs
    first.refresh_from_db()
    assert (ran.status, sync["status"], first.status) == (3, "fallback", "fallback")
    assert SyncLog.objects.get(pk=sync["id"]).asked == '{"by": "updated", "days": 3}'
    assert "starts when the sync that is open now has ended; waiting for that here" in capsys.readouterr().err


def test_the_command_refuses_without_the_option(api: APIClient, capsys: Any) -> None:
    ask(api, "orders/sync?days=7")
    ran = Ran("sync_orders", "amazon", "--days", "3", "--json")
    assert (ran.status, json.loads(ran.out)["code"], open_one().status) == (
        1,
        "another_sync_is_open",
        "queued",
    )
    assert "and it is not what you asked for. Run the command again" in capsys.readouterr().err


def test_the_command_leaves_it_waiting_in_the_background(api: APIClient) -> None:
    ask(api, "orders/sync?days=7")
    ran = Ran("sync_orders", "amazon", "--days", "3", "--wait", "--background")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("amazon orders: starts when the sync that is open now has ended (sync #")


def test_it_goes_on_with_the_same_request_in_place(api: APIClient) -> None:
    _, first = ask(api, "orders/sync?days=3")
    status, answer = ask(api, "orders/sync?days=3&wait=true")
    [sync] = answer["syncs"]
    assert (status, sync["id"], sync["status"]) == (200, first["syncs"][0]["id"], "fallback")


# --- the scheduler


def test_the_schedule_waits_for_no_window_and_comes_later_where_a_regular_sync_is_open(
    api: APIClient,
) -> None:
    platform = amazon()
    platform.api_config = api_config(Account())
    change(platform, inventory_interval=0)
    ask(api, f"orders/sync?{JANUARY}")
    planned = plan()  # nothing regular is open yet
    assert [each.log.is_incremental for each in due_syncs(planned)] == [True]
    assert list(due_syncs(planned)) == []
    assert (Ran("run_scheduler", "--once").status, SyncLog.objects.count()) == (0, 2)


# --- a queue that is down


class Down(DatabaseBackend):
    def enqueue(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("the broker is gone")


@pytest.mark.django_db(transaction=True)
def test_it_says_the_same_at_each_entry_point_where_the_queue_is_down(settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": f"{__name__}.Down"}}
    platform, api = amazon(), superuser()
    sentence = "Sync #{} ({} of amazon) is stored, but could not be handed to the workers: the queue cannot be reached."
    status, answer = ask(api, "orders/sync")
    [sync] = answer["syncs"]
    assert (status, sync["status"], sync["already_open"]) == (202, "queued", False)
    assert sync["queue_problem"].startswith(sentence.format(sync["id"], "orders"))
    ran = Ran("sync_inventory", "amazon", "--background", "--json")
    [stock] = ran.syncs
    assert (ran.status, stock["status"]) == (1, "queued")
    assert ran.err.startswith(sentence.format(stock["id"], "inventory"))
    SyncLog.objects.all().delete()
    platform.api_config = api_config(Account())
    platform.save()
    ran = Ran("run_scheduler", "--once")
    logs = {log.kind: log.pk for log in SyncLog.objects.all()}
    assert (ran.status, len(logs)) == (1, 2)
    assert all(sentence.format(pk, kind) in ran.err for kind, pk in logs.items())
    Backfill.objects.create(
        platform=platform, trigger="api", queued_at=timezone.now() - timedelta(hours=1),
        window_start=timezone.now() - timedelta(days=9), window_end=timezone.now(),
    )  # fmt: skip
    ran = Ran("run_scheduler", "--once")
    assert (ran.status, "Queued backfill" in ran.out, "Nothing was due" in ran.out) == (1, False, False)


@pytest.mark.django_db(transaction=True)
def test_it_reports_no_problem_where_the_queue_answers() -> None:
    amazon()
    _, answer = ask(superuser(), "orders/sync")
    assert answer["syncs"][0]["queue_problem"] == ""
    assert DBTaskResult.objects.get().task_path == "integrations.tasks.continue_sync"


# --- at the same moment


@pytest.mark.django_db(transaction=True)
def test_it_opens_one_and_lets_each_other_request_wait_once(tmp_path: Path) -> None:
    """Twelve threads ask for three things at once; then they all cancel what is open, over and over."""
    found = on_a_database_that_waits(race_for_turns, tmp_path)
    assert found == {"open": 1, "deferred": 2, "new": 3, "left": 0, "cancelled": 3}


def test_it_does_not_promote_while_one_is_worked_on(api: APIClient) -> None:
    ask(api, "orders/sync?days=7")
    assert Lease.claim(open_one().pk) is not None
    _, answer = ask(api, "orders/sync?days=3&queue=true")
    assert "waited for another one" not in Ran("run_scheduler", "--once").out
    assert SyncLog.objects.get(pk=answer["syncs"][0]["id"]).status == Status.DEFERRED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["?platform_name=amazon", ""])
def test_a_platform_that_is_deleted_meanwhile_is_no_error_of_ours(name: str) -> None:
    amazon()

    def delete(**_signal: Any) -> None:
        """Just after the request has read the row."""
        post_init.disconnect(delete, sender=Platform)
        Platform.objects.all().delete()

    post_init.connect(delete, sender=Platform)
    status, answer = ask(superuser(), f"orders/sync{name}")
    if name:
        assert (status, answer["code"]) == (404, "not_found")
        assert "deleted meanwhile" in answer["detail"]
    else:
        assert (status, answer["syncs"]) == (202, [])
    assert not SyncLog.objects.exists()


# --- the description


def test_the_schema_tells_of_the_refusal_and_the_parameter(api: APIClient) -> None:
    schema = api.get("/schema?format=json").json()
    for address in ("/orders/sync", "/inventory/sync"):
        post = schema["paths"][address]["post"]
        assert "queue" in {each["name"] for each in post["parameters"]}
        assert post["responses"]["409"]["content"]["application/json"]["schema"]["anyOf"][0] == {
            "$ref": "#/components/schemas/AnotherSyncIsOpen"
        }
    assert set(schema["components"]["schemas"]["AnotherSyncIsOpen"]["required"]) == {"code", "detail", "sync"}
