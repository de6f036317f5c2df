"""A regular sync of orders beside one with a window of its own: which goes first, and what becomes of the other.

Over HTTP against the simulator. With threads that ask at the same moment: racing_turns.py.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from api.tests.rest import superuser
from integrations.models import ApiQuota, SyncLog
from integrations.schedule.due import Reason, next_dues
from integrations.schedule.plan import due_syncs
from integrations.sync.cancel import cancel_sync
from integrations.sync.deferred import promote_all
from integrations.sync.queue import run_here
from integrations.sync.windows import WindowRequest
from integrations.tests.states import set_states, watermark_of
from integrations.tests.syncing import ORDERS, open_sync, platform_of, requests_of, stored_orders, sync
from integrations.tests.test_commands import Ran
from integrations.wording import progress_line
from platforms.models import Platform
from simulator import Simulator

pytestmark = pytest.mark.django_db
Status = SyncLog.Status
DAYS_30 = timedelta(days=30)


@pytest.fixture
def sim(start_simulator: Any, settings: Any) -> Simulator:
    """30 orders, ten a page."""
    settings.MOCK_FALLBACK = "never"
    simulator: Simulator = start_simulator(orders=30, page_size=10)
    return simulator


@pytest.fixture
def platform(sim: Simulator) -> Platform:
    set_states("inventory", interval_minutes=0)
    return platform_of(sim)


def month() -> WindowRequest:
    return WindowRequest(since=datetime.now(UTC) - DAYS_30)


def now(log: SyncLog) -> SyncLog:
    return SyncLog.objects.select_related("platform").get(pk=log.pk)


def opens_a_regular_one() -> tuple[Callable[[SyncLog], None], list[SyncLog]]:
    """`on_page`, which lets the schedule open its sync behind the first page; and that sync, once it is open."""
    opened: list[SyncLog] = []

    def on_page(_log: SyncLog) -> None:
        if not opened:
            opened.extend(each.log for each in due_syncs())

    return on_page, opened


# --- the schedule, and who goes first


def test_a_window_stands_aside_between_two_pages_and_goes_on_where_it_was(
    sim: Simulator, platform: Platform
) -> None:
    on_page, opened = opens_a_regular_one()
    log = sync(platform, window=month(), on_page=on_page)
    [regular] = opened
    assert (log.status, log.pages, log.open_key) == (Status.DEFERRED, 1, f"{platform.pk}:orders:window")
    assert progress_line(log).startswith("goes on when the sync that is open now has ended, 1 page")
    assert run_here(log.pk).status == Status.DEFERRED  # a message that comes too late
    assert list(promote_all()) == []
    fresh = run_here(regular.pk)
    assert (fresh.status, watermark_of(platform)) == (Status.SUCCEEDED, fresh.window_end)
    assert now(log).status == Status.QUEUED
    done = run_here(log.pk)
    assert (done.status, done.pages, done.fetched, done.failed) == (Status.SUCCEEDED, 3, 30, 0)
    assert (done.created + fresh.created, done.updated) == (30, 0)  # nothing is lost or doubled
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert watermark_of(platform) == fresh.window_end  # the window's end moves it no further
    assert not SyncLog.objects.open().exists()


def test_the_schedule_does_not_wait_for_a_window_that_is_out_of_quota(
    sim: Simulator, platform: Platform
) -> None:
    sync(platform)  # makes the quota's row
    log = open_sync(platform, window=month())
    ApiQuota.objects.filter(operation="searchOrders").update(tokens=0.0, rate=0.0056, burst=20)
    assert run_here(log.pk).status == Status.WAITING
    assert next_dues([platform])[platform.pk, ORDERS].reason == Reason.REGULAR
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    SyncLog.objects.filter(is_incremental=True).update(queued_at=an_hour_ago, finished_at=an_hour_ago)
    [regular] = [each.log for each in due_syncs()]
    SyncLog.objects.filter(pk=log.pk).update(resume_at=datetime.now(UTC))
    ApiQuota.objects.update(tokens=1.0)  # the one that came in is the regular one's
    calls = len(requests_of(sim, "searchOrders"))
    assert run_here(log.pk).status == Status.DEFERRED
    assert len(requests_of(sim, "searchOrders")) == calls
    assert run_here(regular.pk).status == Status.SUCCEEDED
    assert now(log).status == Status.QUEUED


def test_it_can_be_cancelled_while_it_stands_aside(sim: Simulator, platform: Platform) -> None:
    regular = open_sync(platform)
    log = run_here(open_sync(platform, window=month()).pk)
    assert (log.status, log.pages) == (Status.DEFERRED, 0)
    assert cancel_sync(log).status == Status.CANCELLED
    assert run_here(regular.pk).status == Status.SUCCEEDED
    assert not SyncLog.objects.open().exists()


def test_the_next_window_starts_after_the_one_that_stands_aside(sim: Simulator, platform: Platform) -> None:
    api: APIClient = superuser()
    regular = open_sync(platform)
    first = run_here(open_sync(platform, window=month()).pk)
    same = api.post("/orders/sync?days=2&queue=true").json()["syncs"][0]
    assert same["status"] == "deferred"
    refused = api.post("/orders/sync?days=3")
    assert (refused.status_code, refused.json()["sync"]["id"]) == (409, first.pk)
    for expected in (regular.pk, first.pk, same["id"]):
        assert run_here(expected).status == Status.SUCCEEDED
    assert not SyncLog.objects.open().exists()


def test_both_are_answered_at_once_and_the_same_request_gets_the_open_one(api_: APIClient) -> None:
    answers = [api_.post(f"/orders/sync{query}") for query in ("?days=7", "", "?days=7", "", "?days=8")]
    ids = [answer.json()["syncs"][0]["id"] for answer in answers[:4]]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 202, 409]
    assert ids[:2] == ids[2:]
    assert SyncLog.objects.open().count() == 2


@pytest.fixture
def api_(db: None) -> APIClient:
    return superuser()


def test_the_command_does_the_regular_one_first_where_no_worker_does(
    sim: Simulator, platform: Platform
) -> None:
    regular = open_sync(platform)
    ran = Ran("sync_orders", "amazon", "--days", "30", "--json")
    [done] = ran.syncs
    assert (ran.status, done["status"], done["fetched"]) == (0, "succeeded", 30)
    assert now(regular).status == Status.SUCCEEDED
    assert now(regular).finished_at < now(SyncLog(pk=done["id"])).finished_at  # type: ignore[operator]


# --- rows of the version before


def test_a_window_that_was_open_before_the_update_goes_on_in_its_own_lane(
    sim: Simulator, platform: Platform
) -> None:
    log = open_sync(platform, window=month())
    SyncLog.objects.filter(pk=log.pk).update(open_key=f"{platform.pk}:orders")
    import_module("integrations.migrations.0011_lanes").move(apps, connection.schema_editor())
    assert now(log).open_key == f"{platform.pk}:orders:window"
    assert open_sync(platform).pk != log.pk


def test_a_window_with_the_key_of_the_version_before_runs_to_its_end(
    sim: Simulator, platform: Platform
) -> None:
    log = open_sync(platform, window=month())
    SyncLog.objects.filter(pk=log.pk).update(open_key=f"{platform.pk}:orders")
    assert open_sync(platform).pk == log.pk  # it stands in the way, as before
    done = run_here(log.pk)
    assert (done.status, done.fetched, done.open_key) == (Status.SUCCEEDED, 30, None)


# --- the admin


def test_the_admin_shows_a_window_beside_the_regular_sync_that_is_newer(
    sim: Simulator, platform: Platform, admin_client: Client
) -> None:
    log = open_sync(platform, window=month())
    for _each in range(6):
        sync(platform)
    for address in ("", f"{platform.pk}/change/"):
        page = admin_client.get(f"/admin/platforms/platform/{address}").content.decode()
        assert f'href="/admin/integrations/synclog/{log.pk}/change/"' in page
        assert f'href="/admin/integrations/synclog/{log.pk + 6}/change/"' in page
