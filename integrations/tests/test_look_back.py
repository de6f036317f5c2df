"""Orders that Amazon lists hours after the update time that they carry: the simulator does so, the database shows
whether they came."""

import html
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from api.tests.rest import make_order
from integrations.models import ApiQuota, StreamState, SyncLog
from integrations.schedule.look_backs import due_look_backs
from integrations.schedule.plan import plan
from integrations.sync.connection_check import check_platform
from integrations.sync.deferred import promote_all
from integrations.sync.queue import run_here
from integrations.tests.states import set_states, watermark_of
from integrations.tests.syncing import open_sync, platform_of, requests_of, stored_orders, sync
from integrations.tests.test_commands import Ran
from orders.models import Order
from platforms.models import Platform
from simulator import Account, Simulator

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def ago(hours: float) -> datetime:
    return datetime.now(UTC) - hours * HOUR


@pytest.fixture
def sim(start_simulator: Any, settings: Any) -> Simulator:
    """Five orders of days ago; what changes is listed 13 hours later."""
    settings.MOCK_FALLBACK = "never"
    simulator: Simulator = start_simulator(Account(orders=5, end=ago(30), late_by=13 * HOUR))
    return simulator


@pytest.fixture
def platform(sim: Simulator) -> Platform:
    return platform_of(sim)


# --- regular syncs, where it costs nothing


def test_a_regular_sync_reads_a_day_again_with_the_call_that_it_makes_anyway(
    sim: Simulator, platform: Platform
) -> None:
    account = sim.accounts[0]
    sync(platform)
    late = [account.add_order(at=ago(hours)).external_id for hours in (0.1, 3, 12)]
    account.change_order(account.order_ids()[0], at=ago(1))
    second = sync(platform)
    assert (second.fetched, Order.objects.count()) == (0, 5)  # they are not listed yet
    account.late_by = timedelta(0)
    third = sync(platform)
    assert (third.created, third.updated, third.api_calls) == (3, 1, 1)
    assert set(late) <= set(stored_orders(platform))
    assert stored_orders(platform) == account.truth_orders()
    assert third.window_end is not None
    assert third.window_start == third.window_end - 24 * HOUR


def test_a_regular_sync_reads_no_further_where_that_would_take_a_second_call(
    sim: Simulator, platform: Platform, settings: Any
) -> None:
    def reads_back() -> float:
        log = sync(platform)
        assert log.window_start is not None
        assert log.window_end is not None
        return (log.window_end - log.window_start) / HOUR

    sync(platform)
    for number in range(81):
        make_order(f"{number:03}", platform=platform, platform_updated_at=ago(2))
    assert reads_back() < 1
    Order.objects.filter(external_id="000").delete()
    assert reads_back() == 24
    settings.ORDERS_LOOK_BACK_HOURS = 0
    assert reads_back() < 1
    assert len(requests_of(sim, "searchOrders")) == 4


# --- runs of their own, where it costs calls


@pytest.fixture
def busy(start_simulator: Any, settings: Any) -> Simulator:
    """Ten orders a page, twelve of the last day; what changes is listed 13 hours later."""
    settings.MOCK_FALLBACK = "never"
    account = Account(orders=15, end=ago(30), late_by=13 * HOUR)
    for hours in range(20, 14, -1):
        account.add_order(at=ago(hours))
        account.add_order(at=ago(hours - 0.5))
    sim: Simulator = start_simulator(account, page_size=10)
    Platform.objects.update(created_at=ago(9 * 24))
    set_states("inventory", interval_minutes=0)
    sync(platform_of(sim))
    return sim


def look_backs() -> list[SyncLog]:
    """What the schedule opens now."""
    return [each.log for each in due_look_backs(plan())]


def let_pass(hours: float) -> None:
    """Since the last look-backs began and ended."""
    for log in SyncLog.objects.filter(trigger="look_back", finished_at__isnull=False):
        times = {name: getattr(log, name) - hours * HOUR for name in ("started_at", "finished_at")}
        SyncLog.objects.filter(pk=log.pk).update(**times)
    for state in StreamState.objects.filter(stream="orders"):
        entries = {
            lane: entry | {"at": (datetime.fromisoformat(entry["at"]) - hours * HOUR).isoformat()}
            for lane, entry in state.look_backs.items()
        }
        StreamState.write(state.platform_id, "orders", look_backs=entries)


def test_the_schedule_looks_back_a_day_and_a_month(busy: Simulator) -> None:
    account, watermark = busy.accounts[0], watermark_of()
    assert watermark is not None
    late = account.add_order(at=ago(5)).external_id
    account.late_by = timedelta(0)
    recent, far = look_backs()
    assert (recent.trigger, recent.window_start) == ("look_back", watermark - 24 * HOUR)
    assert far.window_start == watermark - 30 * 24 * HOUR
    assert look_backs() == []
    assert run_here(far.pk).status == "deferred"  # the other one goes first
    recent = run_here(recent.pk)
    assert (recent.status, recent.created, recent.updated, recent.pages) == ("succeeded", 1, 0, 2)
    assert late in stored_orders(Platform.objects.get())
    far = run_here(far.pk)
    assert (far.status, far.created, far.unchanged) == ("succeeded", 0, 28)
    assert watermark_of() == watermark
    assert look_backs() == []
    let_pass(1.2)
    assert [log.lane for log in look_backs()] == ["recent"]


def test_those_that_found_nothing_do_not_pile_up(busy: Simulator, admin_client: Client) -> None:
    for _each in range(4):
        for log in look_backs():
            assert run_here(log.pk).status == "succeeded"
        let_pass(8 * 24)
    assert SyncLog.objects.filter(trigger="look_back").count() == 2
    newest = SyncLog.objects.latest("pk")
    listed = admin_client.get("/admin/integrations/synclog/?trigger__exact=look_back").content.decode()
    assert f"/admin/integrations/synclog/{newest.pk}/change/" in listed
    assert "look-back" in listed
    for address in ("", "platforms/platform/", f"platforms/platform/{newest.platform_id}/change/"):
        assert f"/synclog/{newest.pk}/change/" not in admin_client.get(f"/admin/{address}").content.decode()


def test_a_look_back_takes_no_call_that_a_regular_sync_may_need(busy: Simulator) -> None:
    looked = {lane: {"at": ago(hours).isoformat()} for lane, hours in {"recent": 1.2, "far": 1}.items()}
    set_states(look_backs=looked)
    ApiQuota.objects.filter(operation="searchOrders").update(tokens=5.5, burst=20, rate=0.0056)
    assert look_backs() == []  # until there is one to spare
    ApiQuota.objects.update(tokens=6.5)
    log = run_here(look_backs()[0].pk)
    assert (log.status, log.pages, log.api_calls) == ("waiting", 1, 1)
    regular = sync(Platform.objects.get())
    assert (regular.status, regular.api_calls) == ("succeeded", 1)
    left = ApiQuota.objects.get(operation="searchOrders").tokens
    assert 4 < left < 5


def test_a_regular_sync_goes_before_a_look_back(busy: Simulator) -> None:
    recent = look_backs()[0]
    regular = open_sync(Platform.objects.get())
    assert run_here(recent.pk).status == "deferred"
    assert run_here(regular.pk).status == "succeeded"
    assert run_here(recent.pk).status == "succeeded"


def refill(calls: int = 1) -> None:
    """Amazon grants so many calls, one every three minutes."""
    span = calls * timedelta(minutes=3)
    ApiQuota.objects.filter(operation="searchOrders").update(tokens=F("tokens") + calls)
    SyncLog.objects.open().update(queued_at=F("queued_at") - span)
    SyncLog.objects.filter(status="waiting").update(resume_at=datetime.now(UTC))
    for log in SyncLog.objects.open().filter(checkpoint__has_key="page_at"):
        at = datetime.fromisoformat(log.checkpoint["page_at"]) - span
        SyncLog.objects.filter(pk=log.pk).update(checkpoint=log.checkpoint | {"page_at": at.isoformat()})


@pytest.mark.once
def test_a_look_back_gets_one_call_in_twenty_where_regular_syncs_use_all_of_them(busy: Simulator) -> None:
    platform = Platform.objects.get()
    ApiQuota.objects.filter(operation="searchOrders").update(tokens=0.0, burst=20, rate=1 / 180)
    late = busy.accounts[0].add_order(at=ago(5)).external_id
    busy.accounts[0].late_by = timedelta(0)
    when: dict[str, list[int]] = {
        "regular": [],
        "recent": [],
        "far": [],
    }  # at which refill each made its calls
    open_sync(platform)
    for number in range(45):
        refill()
        regular = SyncLog.objects.open().filter(is_incremental=True).first() or open_sync(platform)
        look_backs()
        list(promote_all())
        others = SyncLog.objects.claimable().filter(trigger="look_back")
        for log in (regular, *others.order_by("pk")):  # whoever comes first would take the call
            before = busy.calls["searchOrders"]
            ran = run_here(log.pk)
            when[ran.lane or "regular"] += [number] * (busy.calls["searchOrders"] - before)
    assert [len(when["recent"]), len(when["far"])] == [2, 2]
    assert len(when["regular"]) >= 39  # of 45
    assert max(b - a for a, b in pairwise(when["regular"])) <= 3  # refills until the next one, of 3 minutes
    assert SyncLog.objects.get(open_key=None, trigger="look_back").status == "succeeded"
    assert late in stored_orders(platform)


def test_a_look_back_takes_what_it_takes_and_says_what_that_is(busy: Simulator) -> None:
    ApiQuota.objects.filter(operation="searchOrders").update(rate=1 / 5 / 3600)  # a call in five hours
    recent, _far = look_backs()
    watermark = watermark_of()
    assert watermark is not None
    assert recent.window_start == watermark - 24 * HOUR
    (note,) = recent.notes
    assert note["code"] == "look_back_cost"
    assert "takes about 2 calls, for which the platform grants one every 18000 seconds" in note["message"]


def test_the_page_and_the_check_say_so_where_no_quota_is_left_to_look_back(
    busy: Simulator, admin_client: Client
) -> None:
    platform = Platform.objects.get()
    Platform.objects.update(credentials_set_at={})  # nine days ago

    def said() -> str:
        found = [each.message for each in check_platform(Platform.objects.get()) if each.step == "look-back"]
        shown = html.unescape(
            admin_client.get(f"/admin/platforms/platform/{platform.pk}/change/").content.decode()
        )
        assert [line in shown for line in found] == [True] * len(found)
        return " ".join(found)

    ApiQuota.objects.filter(operation="searchOrders").update(tokens=5.5, burst=20, rate=0.000001)
    assert look_backs() == []
    assert said().startswith("Orders of the last 24 hours were read again for the last time at ")
    ApiQuota.objects.filter(operation="searchOrders").update(tokens=6.5)
    recent = look_backs()[0]
    run_here(recent.pk)
    assert f"Sync #{recent.pk} reads them, and has read 1 page so far." in said()  # and waits
    ApiQuota.objects.filter(operation="searchOrders").update(tokens=20)
    SyncLog.objects.filter(pk=recent.pk).update(resume_at=datetime.now(UTC))
    assert run_here(recent.pk).status == "succeeded"
    assert said() == ""
    let_pass(26)
    SyncLog.objects.filter(pk=recent.pk).update(window_end=ago(26))
    assert said() != ""


def test_it_looks_back_on_no_platform_that_is_small_or_unwell_or_switched_off(
    busy: Simulator, settings: Any
) -> None:
    settings.ORDERS_LOOK_BACK_HOURS = settings.ORDERS_LOOK_BACK_DAYS = 0
    assert look_backs() == []
    settings.ORDERS_LOOK_BACK_HOURS = 5  # in which nothing happened: regular syncs read it
    assert look_backs() == []
    assert set(StreamState.objects.get(stream="orders").look_backs) == {"recent"}
    settings.ORDERS_LOOK_BACK_DAYS = 30
    failed = {"status": "failed", "error_code": "unavailable", "finished_at": datetime.now(UTC)}
    SyncLog.objects.create(platform=Platform.objects.get(), kind="orders", trigger="schedule", **failed)
    assert look_backs() == []
    SyncLog.objects.filter(status="failed").delete()
    assert "amazon orders looks back." in Ran("run_scheduler", "--once").out
