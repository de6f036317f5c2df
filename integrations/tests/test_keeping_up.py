"""Catch-ups against a simulated Amazon: syncs are out of quota, lists make known what has changed, and nothing is lost.

The clock of OMS, of its token buckets and of the simulator is put forward by the tests.
"""

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from bench.passing_time import PassingTime
from conftest import GENEROUS
from integrations.completeness.failures import replay_any
from integrations.completeness.history.backfills import request_backfill, run_backfill
from integrations.completeness.keeping_up.catch_ups import prune_catch_ups, run_catch_up
from integrations.completeness.keeping_up.queue import continue_catch_up, due_catch_ups, lost_catch_ups
from integrations.completeness.keeping_up.rule import Backlog
from integrations.completeness.keeping_up.sorts import CHANGED, parts_of
from integrations.models import Backfill, CatchUp, StreamState, SyncFailure, SyncLog
from integrations.sync.messages import is_ours
from integrations.sync.run import run_sync
from integrations.tests.catching_up import (
    DAY,
    HOUR,
    MINUTE,
    Shop,
    StartSimulator,
    by_list,
    minutes_unknown,
    passing_time,
)
from integrations.tests.comparing import assert_complete
from integrations.tests.poison import OfOrder
from integrations.tests.states import watermark_of
from integrations.tests.syncing import open_sync, platform_of, requests_of, stored_orders
from orders.models import Order
from platforms.models import Platform
from simulator import Account, Answer, BreakRows, Cut, EndReport, Reset, Rule, SlowReport

pytestmark = pytest.mark.django_db

Status, Synced = CatchUp.Status, SyncLog.Status
TASK = "integrations.tasks.continue_catch_up"


@pytest.fixture
def clock(settings: Any) -> Iterator[PassingTime]:
    with passing_time(settings) as clock:
        yield clock


@pytest.fixture
def shop(start_simulator: StartSimulator, settings: Any, clock: PassingTime) -> Shop:
    return Shop(start_simulator, settings, clock)


# --- the rule


@pytest.mark.parametrize(
    ("known", "takes", "is_waiting", "is_behind"),
    [
        (15, 30, True, False),
        (15, 31, True, True),  # the quota makes it take too long
        (31, 3, True, True),  # nothing is known of the last half hour
        (31, None, True, True),
        (300, 300, False, False),  # no sync waits for quota: it is not what is lacking
    ],
)
def test_the_rule(known: int, takes: int | None, is_waiting: bool, is_behind: bool) -> None:
    now, span = datetime(2026, 11, 27, tzinfo=UTC), None if takes is None else takes * MINUTE
    backlog = Backlog(known_until=now - known * MINUTE, pages=9, takes=span, is_waiting=is_waiting)
    assert backlog.is_behind(now) == is_behind


@pytest.mark.parametrize(
    ("known", "takes", "is_waiting", "is_behind"),
    [(12, 3, True, True), (9, 11, True, True), (9, 9, True, False), (12, 300, False, False)],
)
def test_once_lists_are_made_less_is_a_reason_for_the_next_one(
    known: int, takes: int, is_waiting: bool, is_behind: bool
) -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    backlog = Backlog(known_until=now - known * MINUTE, pages=9, takes=takes * MINUTE, is_waiting=is_waiting)
    assert backlog.is_behind(now, is_open=True) == is_behind


def test_the_schedule_opens_one_where_a_sync_waits_and_is_behind(shop: Shop, settings: Any) -> None:
    shop.clock.advance(10 * MINUTE)
    shop.use_up()
    assert shop.sync().status == Synced.WAITING
    assert list(due_catch_ups()) == []  # for one page, and little has changed
    shop.clock.advance(30 * MINUTE)
    settings.KEEP_UP = "off"
    assert list(due_catch_ups()) == []
    settings.KEEP_UP = "auto"
    Platform.objects.update(is_active=False)
    assert list(due_catch_ups()) == []
    Platform.objects.update(is_active=True)
    [catch_up] = due_catch_ups()
    assert (catch_up.status, catch_up.trigger) == (Status.QUEUED, "schedule")
    assert list(due_catch_ups()) == []  # it is open
    failed = {"status": Status.FAILED, "open_key": None, "finished_at": shop.clock.now()}
    CatchUp.objects.update(**failed)
    assert list(due_catch_ups()) == []
    shop.clock.advance(61 * MINUTE)
    assert [each.platform for each in due_catch_ups()] == [shop.platform]


def test_many_pages_are_a_reason_before_much_time_has_passed(shop: Shop) -> None:
    shop.clock.advance(5 * MINUTE)
    shop.use_up()
    log = shop.sync()
    assert list(due_catch_ups()) == []
    SyncLog.objects.filter(pk=log.pk).update(pages_expected=12)
    assert len(list(due_catch_ups())) == 1


# --- known by lists, then in full


def test_what_has_changed_is_known_by_a_list_and_then_in_full(shop: Shop) -> None:
    before, stored = watermark_of(), stored_orders(shop.platform)
    shop.clock.advance(20 * MINUTE)
    changed, new = shop.change(5), shop.add(5)
    shop.clock.advance(5 * MINUTE)

    listed = shop.until_listed(shop.fall_behind())

    assert (listed.lists, listed.created, listed.changed) == (2, 5, 5)  # by last update, and by order date
    assert by_list() == dict.fromkeys(changed, "outdated") | dict.fromkeys(new, "report")
    truth = shop.account.truth_orders()
    for order in Order.objects.filter(external_id__in=[*changed, *new]):
        assert order.status == truth[order.external_id]["status"]
        assert order.platform_updated_at == truth[order.external_id]["platform_updated_at"].replace(
            microsecond=0
        )
    for external_id in changed:
        kept = [item["external_id"] for item in stored_orders(shop.platform)[external_id]["items"]]
        assert kept == [item["external_id"] for item in stored[external_id]["items"]]
    [asked, other] = requests_of(shop.sim, "createReport")
    assert asked["reportType"] == "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
    assert other["reportType"] == "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL"
    start, end = (datetime.fromisoformat(asked[name]) for name in ("dataStartTime", "dataEndTime"))
    assert before is not None
    assert start < before < end
    assert (shop.state().watermark, shop.state().known_until) == (before, end)  # lists do not move it
    assert listed.longest_unknown == pytest.approx((shop.clock.now() - before).total_seconds(), abs=1)

    done = shop.work(listed)

    assert by_list() == {}
    assert (done.status, done.completed, done.failed) == (Status.WAITING, 10, 0)
    assert watermark_of() == before


def test_it_ends_once_lists_have_settled_what_syncs_have_skipped(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.change(5)
    skipped = shop.skip().known_until
    before = watermark_of()
    assert skipped is not None

    closed = shop.until_closed(CatchUp.objects.get())

    assert (closed.status, closed.lacking, closed.error_message) == (Status.SUCCEEDED, 0, "")
    assert closed.finished_at is not None
    assert (
        closed.finished_at - skipped > 3 * HOUR
    )  # a list that is made so long after has what others had not yet
    assert (shop.state().known_until, shop.state().skipped_until) == (None, None)
    assert before is not None
    assert watermark_of() > skipped  # type: ignore[operator]
    shop.sync()
    assert_complete(shop.account, shop.platform)
    assert list(due_catch_ups()) == []


def test_regular_syncs_go_on_from_where_lists_end(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.change(3)
    catch_up = shop.skip()
    assert shop.sync().status == Synced.SUCCEEDED  # the one that waited, with the window that it began with
    behind, known = watermark_of(), shop.state().known_until
    assert behind is not None
    assert known is not None
    assert behind < known

    shop.clock.advance(30 * MINUTE)
    [new] = shop.add(1)
    shop.clock.advance(10 * MINUTE)
    log = shop.sync()

    assert (log.status, log.window_start) == (Synced.SUCCEEDED, known - 10 * MINUTE)
    assert (watermark_of(), shop.state().known_until) == (behind, log.window_end)
    assert Order.objects.get(external_id=new).is_full
    assert shop.until_closed(catch_up).status == Status.SUCCEEDED
    assert watermark_of() >= log.window_end  # type: ignore[operator]


def test_what_lists_and_syncs_have_late_is_had_before_it_is_over(shop: Shop) -> None:
    """An order is listed two hours after it changed: the first list has passed it by then, and so has the sync that
    went on from there."""
    shop.account.late_by = shop.sim.reports.lag = 2 * HOUR
    shop.clock.advance(35 * MINUTE)
    [late] = shop.add(1)
    catch_up = shop.skip()
    assert shop.sync().status == Synced.SUCCEEDED
    shop.clock.advance(5 * MINUTE)
    assert shop.sync().status == Synced.SUCCEEDED
    assert not Order.objects.filter(external_id=late).exists()
    passed = shop.state().known_until
    assert passed is not None
    assert passed > shop.account.find(late).updated  # type: ignore[union-attr]
    closed = shop.until_closed(catch_up)
    assert closed.status == Status.SUCCEEDED
    assert Order.objects.get(external_id=late).is_full


def test_what_has_to_be_shipped_comes_first_what_has_waited_longest_before(shop: Shop) -> None:
    shop.clock.advance(MINUTE)
    for _ in range(50):
        shop.add(1)
        shop.clock.advance(timedelta(seconds=20))
    listed = shop.until_listed(shop.fall_behind())
    rows = list(Order.objects.filter(external_id__in=by_list()).order_by("purchased_at"))
    to_ship = [order.external_id for order in rows if order.is_to_ship]
    others = [order.external_id for order in reversed(rows) if not order.is_to_ship]
    assert 0 < len(to_ship) < 30

    shop.work(listed)

    asked = [each.path.rpartition("/")[2] for each in shop.sim.requests if "/2026-01-01/orders/" in each.path]
    assert asked == (to_ship + others)[:30]


def test_a_cancelled_order_is_not_to_be_shipped_once_it_is_listed(shop: Shop) -> None:
    order = next(order for order in Order.objects.order_by("-pk") if order.is_to_ship)
    shop.clock.advance(20 * MINUTE)
    shop.account.cancel_order(order.external_id, at=shop.clock.now())
    shop.clock.advance(5 * MINUTE)
    shop.until_listed(shop.fall_behind())
    order.refresh_from_db()
    assert (order.status, order.completeness, order.is_to_ship) == ("cancelled", "outdated", False)


def test_history_waits_while_news_is_fetched(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.add(40)
    backfill, _ = request_backfill(shop.platform, since=shop.clock.ago(10 * DAY), trigger="command")
    shop.work(shop.until_listed(shop.fall_behind()))
    assert CatchUp.objects.get().lacking
    before = shop.sim.calls["getOrder"]
    for _ in range(3):
        backfill = run_backfill(backfill.pk)
        shop.clock.advance(6 * MINUTE)
    assert (backfill.status, backfill.phase) == (Backfill.Status.WAITING, Backfill.Phase.COMPLETING)
    assert shop.sim.calls["getOrder"] == before


# --- the first sync of all


def work_on_all(platform: Platform, clock: PassingTime) -> None:
    """What the scheduler and workers have to do now."""
    last = SyncLog.objects.order_by("-pk").first()
    if last is None or last.status != Synced.WAITING or last.resume_at <= clock.now():  # type: ignore[operator]
        run_sync(open_sync(platform).pk)
    list(due_catch_ups())
    for catch_up in CatchUp.objects.filter(open_key__isnull=False):
        run_catch_up(catch_up.pk)


@pytest.mark.once
def test_a_first_sync_that_takes_hours_is_not_cut_short_by_lists(
    start_simulator: StartSimulator, settings: Any, clock: PassingTime
) -> None:
    """It has 60 pages; the quota grants 20 at once, then one every three minutes. Meanwhile orders come and change."""
    account = Account(orders=600, skus=10, days=20, end=clock.ago(HOUR))
    platform = platform_of(start_simulator(account, page_size=10, clock=clock))
    settings.AMAZON_QUOTAS = GENEROUS | {"searchOrders": (0.0056, 20)}
    began, unknown, waits = clock.now(), dict[str, datetime](), list[timedelta]()
    for minute in range(0, 480, 4):
        if minute < 240:
            new = account.add_order(at=clock.now()).external_id
            account.change_order(account.order_ids()[minute], at=clock.now())
            unknown |= dict.fromkeys((new, account.order_ids()[minute]), clock.now())
        work_on_all(platform, clock)
        stored = Order.objects.filter(external_id__in=unknown)
        for external_id, updated in stored.values_list("external_id", "platform_updated_at"):
            if updated >= unknown[external_id].replace(microsecond=0):
                waits.append(clock.now() - unknown.pop(external_id))
        clock.advance(4 * MINUTE)
    first = SyncLog.objects.earliest("pk")
    assert first.finished_at - began < 130 * MINUTE  # type: ignore[operator]  # as long as without lists
    assert first.window_end - first.window_start == settings.ORDERS_INITIAL_DAYS * DAY  # type: ignore[operator]
    assert (max(waits) < 30 * MINUTE, unknown) == (True, {})  # 128 minutes without lists
    assert (CatchUp.objects.get().status, by_list()) == (Status.SUCCEEDED, {})
    assert_complete(account, platform)


# --- within an hour


@pytest.mark.once
def test_an_order_that_changes_while_each_list_is_made_is_known_within_the_hour(
    shop: Shop, settings: Any
) -> None:
    """It is in no list that it changes during; another one is asked for meanwhile."""
    settings.AMAZON_QUOTAS |= {"getOrder": (0.0056, 30)}
    shop.sim.reports.work_seconds = 600
    [restless] = shop.change(1)
    minutes = minutes_unknown(shop, restless, hours=4, every=20)
    assert len(minutes) == 12
    assert max(minutes) <= 20


@pytest.mark.once
def test_lists_that_take_half_an_hour_are_made_side_by_side(shop: Shop, settings: Any) -> None:
    settings.AMAZON_QUOTAS |= {"getOrder": (0.0056, 30)}
    shop.sim.reports.work_seconds = 1800
    [changed] = shop.change(1)
    minutes = minutes_unknown(shop, changed, hours=4, every=40)
    assert len(minutes) == 6
    assert max(minutes) <= 40


# --- what goes wrong


def test_a_list_that_is_not_made_is_asked_for_again(shop: Shop) -> None:
    shop.sim.rules.add(Rule(operation="createReport", times=2, fault=EndReport("FATAL", "Try later.")))
    shop.clock.advance(20 * MINUTE)
    [new] = shop.add(1)
    catch_up = shop.fall_behind()
    parked = shop.work(catch_up)
    assert (parked.lists, by_list(), shop.state().known_until) == (0, {}, None)
    assert "Try later." in parked.notes[0]["message"]
    began = shop.clock.now()
    assert shop.until_listed(parked).notes == []
    assert shop.clock.now() - began >= 5 * MINUTE
    assert by_list() == {new: "report"}


def test_a_list_without_orders_is_not_believed_where_some_are_stored(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.change(2)
    shop.clock.advance(10 * MINUTE)
    shop.refill()
    assert shop.sync().status == Synced.SUCCEEDED
    shop.sim.rules.add(Rule(operation="createReport", times=2, fault=EndReport("CANCELLED")))
    parked = shop.work(shop.fall_behind())
    assert (parked.lists, parked.notes[0]["code"]) == (0, "list_not_believed")


def test_rows_that_name_no_order_are_not_taken_for_read(shop: Shop) -> None:
    """Syncs have left to lists what these cannot say: the watermark stays before it, and syncs read it in the end."""
    catch_up = shop.until_listed(shop.fall_behind())
    shop.sim.rules.add(Rule(operation="createReport", fault=BreakRows(999, unnamed=True)))
    shop.clock.advance(10 * MINUTE)
    [lost] = shop.add(1)
    shop.clock.advance(25 * MINUTE)
    catch_up = shop.until_listed(catch_up)
    for _ in range(2):
        assert shop.sync().status == Synced.SUCCEEDED
        shop.clock.advance(5 * MINUTE)
    for _ in range(40):
        assert_honest(shop, listed=False)
        shop.clock.advance(10 * MINUTE)
        shop.refill()
        if not (catch_up := shop.work(catch_up)).is_open:
            break
        shop.sync()
    assert (catch_up.status, catch_up.unread > 0) == (Status.PARTIAL, True)
    assert shop.sync().status == Synced.SUCCEEDED
    assert Order.objects.get(external_id=lost).is_full
    assert_complete(shop.account, shop.platform)


@pytest.mark.parametrize("operation", ["createReport", "getReport", "getReportDocument"])
def test_what_is_listed_is_fetched_while_there_is_no_quota_for_lists(shop: Shop, operation: str) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.add(4)
    listed = shop.until_listed(shop.fall_behind())
    shop.clock.advance(10 * MINUTE)
    shop.add(1)
    shop.clock.advance(5 * MINUTE)  # another list is due
    if operation != "createReport":
        shop.sim.reports.work_seconds = 60
        shop.work(listed, stopping=lambda: True)
        shop.clock.advance(4 * MINUTE)
    shop.sim.rules.add(Rule(operation=operation, fault=Answer(429)))
    before = listed.lists
    asked = shop.sim.calls[operation]
    worked = shop.work(listed)
    assert shop.sim.calls[operation] > asked
    assert (worked.lists, by_list(), worked.completed) == (before, {}, 4)


@pytest.mark.parametrize("operation", ["createReport", "getReport"])
def test_what_is_listed_is_fetched_while_lists_are_not_answered_for(shop: Shop, operation: str) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.add(4)
    listed = shop.until_listed(shop.fall_behind())
    shop.clock.advance(15 * MINUTE)
    if operation != "createReport":
        shop.sim.reports.work_seconds = 60
        shop.work(listed, stopping=lambda: True)
        shop.clock.advance(4 * MINUTE)
    shop.sim.rules.add(Rule(operation=operation, fault=Answer(503)))
    asked = shop.sim.calls[operation]
    worked = shop.work(listed)
    assert shop.sim.calls[operation] > asked
    assert (by_list(), worked.completed) == ({}, 4)
    shop.sim.rules.clear()
    assert shop.until_closed(worked).status == Status.SUCCEEDED


def test_switched_off_it_leaves_everything_to_the_syncs(shop: Shop, settings: Any) -> None:
    shop.clock.advance(20 * MINUTE)
    new = shop.add(12)
    before = watermark_of()
    listed = shop.until_listed(shop.fall_behind())
    assert len(by_list()) == 12
    settings.KEEP_UP = "off"

    closed = shop.work(listed)

    assert (closed.status, closed.error_code) == (Status.FAILED, "switched_off")
    assert (shop.state().known_until, watermark_of()) == (None, before)
    shop.refill()
    assert shop.sync().status == Synced.SUCCEEDED
    assert by_list() == {}
    assert set(new) <= set(stored_orders(shop.platform))
    assert_complete(shop.account, shop.platform)


def test_an_order_that_cannot_be_had_holds_nothing_up(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    [lost] = shop.add(1)
    listed = shop.until_listed(shop.fall_behind())
    shop.sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))
    shop.sim.rules.add(Rule(operation="searchOrders", fault=Answer(404)))
    done = shop.work(listed)
    shop.sim.rules.clear()
    assert done.failed == 1
    assert SyncFailure.objects.open().get().external_id == lost
    closed = shop.until_closed(done)
    assert closed.status in (Status.PARTIAL, Status.SUCCEEDED)
    assert shop.state().known_until is None


def test_an_order_that_the_platform_fails_to_answer_holds_up_no_other(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    new = shop.add(6)
    listed = shop.until_listed(shop.fall_behind())
    shop.sim.rules.add(Rule(operation="getOrder", fault=OfOrder(new[0])))

    worked = shop.work(listed)

    assert (by_list(), worked.notes, worked.failed) == ({new[0]: "report"}, [], 0)
    assert worked.completed == 5
    asked = shop.sim.calls["getOrder"]
    shop.clock.advance(10 * MINUTE)
    shop.sim.rules.clear()
    shop.work(worked)
    assert (by_list(), shop.sim.calls["getOrder"] - asked) == ({}, 1)
    assert shop.until_closed(worked).status == Status.SUCCEEDED


def test_an_order_that_the_platform_never_answers_becomes_a_failure_in_the_end(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    new = shop.add(3)
    listed = shop.until_listed(shop.fall_behind())
    for fault in (OfOrder(new[1]), Answer(503)):
        shop.sim.rules.add(
            Rule(operation="searchOrders" if fault == Answer(503) else "getOrder", fault=fault)
        )
    for _ in range(40):
        listed = shop.work(listed)
    assert listed.failed == 1
    failure = SyncFailure.objects.open().get()
    assert (failure.external_id, failure.error_code) == (new[1], "unavailable")
    assert by_list() == {new[1]: "report"}


def test_an_order_that_was_given_up_is_fetched_once_it_has_changed_again(shop: Shop) -> None:
    """A busy account has one catch-up for days: who replayed the failure knows nothing of the next version."""
    shop.clock.advance(20 * MINUTE)
    [order_id] = shop.add(1)
    listed = shop.until_listed(shop.fall_behind())
    shop.sim.rules.add(Rule(operation="*", fault=OfOrder(order_id, 404)))
    shop.sim.rules.add(Rule(operation="searchOrders", fault=Answer(404)))
    done = shop.work(listed)
    SyncFailure.objects.update(created_at=shop.clock.now())  # Django's own clock is not put forward
    asked = shop.sim.calls["getOrder"]
    shop.clock.advance(MINUTE)
    assert (shop.work(done).failed, shop.sim.calls["getOrder"]) == (1, asked)  # not without end
    shop.sim.rules.clear()
    assert not replay_any(SyncFailure.objects.get()).is_open
    shop.clock.advance(15 * MINUTE)
    shop.account.change_order(order_id, at=shop.clock.now())
    shop.clock.advance(10 * MINUTE)
    again = shop.until_listed(done)
    assert by_list() == {order_id: "outdated"}
    shop.work(again)
    assert by_list() == {}


def test_pages_that_the_platform_fails_to_answer_hold_up_no_ids(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.add(30)
    listed = shop.until_listed(shop.fall_behind())
    shop.refill()  # there is quota for pages
    shop.sim.rules.add(Rule(operation="searchOrders", fault=Answer(503)))
    worked = shop.work(listed)
    assert worked.completed == 30 - len(by_list()) > 0
    shop.sim.rules.clear()
    shop.clock.advance(10 * MINUTE)
    shop.work(worked)
    assert by_list() == {}


class Killed(BaseException):
    """The worker is gone, in the middle of what it did."""


# `make soak` makes it many.
SEEDS = range(1, 4 + 5 * int(float(os.environ.get("SOAK_MINUTES") or 0)))


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_whatever_happens_on_the_way(shop: Shop, seed: int) -> None:
    """Workers are killed, Amazon fails, orders change all the time: the watermark is never past what is not here in
    full, and in the end all is."""
    chance = random.Random(seed)  # noqa: S311  no secret
    shop.sim.reports.work_seconds = 240
    shop.sim.reports.lag = chance.choice([0, 1, 30]) * MINUTE
    fault = chance.choice([Reset(), Cut(), Answer(503), Answer(429), SlowReport(1500)])
    shop.sim.rules.add(Rule(every=9, seed=seed, fault=fault))
    killed = 0

    def stopping() -> bool:
        if chance.random() < 0.15:
            raise Killed
        return chance.random() < 0.05

    for _ in range(50):
        shop.clock.advance(chance.choice([2, 5, 10]) * MINUTE)
        for change in range(chance.randrange(4)):
            (shop.change if change else shop.add)(1)
        if chance.random() < 0.8:
            shop.use_up()
        last = SyncLog.objects.order_by("-pk").first()
        if last.status != Synced.WAITING or last.resume_at <= shop.clock.now():  # type: ignore[union-attr,operator]
            shop.sync()
        for catch_up in [
            *due_catch_ups(),
            *lost_catch_ups(),
            *CatchUp.objects.filter(open_key__isnull=False),
        ]:
            try:
                run_catch_up(catch_up.pk, stopping=stopping)
            except Killed:
                killed += 1
                if chance.random() < 0.5:  # not even able to say so
                    dead = {
                        "status": Status.RUNNING,
                        "lease_token": "dead",
                        "lease_expires_at": shop.clock.now(),
                    }
                    CatchUp.objects.filter(pk=catch_up.pk).update(**dead)
        assert_honest(shop)
    assert killed
    assert CatchUp.objects.exists()
    shop.sim.rules.clear()
    shop.sim.reports.lag = timedelta(0)
    shop.refill()
    for catch_up in CatchUp.objects.filter(open_key__isnull=False):
        assert shop.until_closed(catch_up).status == Status.SUCCEEDED
    shop.clock.advance(10 * MINUTE)
    shop.refill()
    assert shop.sync().status == Synced.SUCCEEDED
    assert by_list() == {}
    assert_complete(shop.account, shop.platform)


def assert_honest(shop: Shop, *, listed: bool = True) -> None:
    """What changed before the watermark is here in full, as it is; what changed before lists end is here (`listed`:
    where all of their rows can be read). Between what a list that is behind had and what syncs skipped for it, nobody
    knows yet: the next one that reaches back brings it."""
    state, truth = shop.state(), shop.account.truth_orders()
    stored = {order.external_id: order for order in Order.objects.all()}
    is_known = _is_known(shop, state) if listed else lambda _updated: False
    for external_id, order in truth.items():
        updated = order["platform_updated_at"]
        if state.watermark is not None and updated < state.watermark:
            assert (stored[external_id].is_full, stored[external_id].platform_updated_at) == (True, updated)
        elif is_known(updated):
            assert stored[external_id].platform_updated_at >= updated.replace(microsecond=0)


def _is_known(shop: Shop, state: StreamState) -> Callable[[datetime], bool]:
    """Whether what changed at this time is known by what stored lists had, or by pages."""
    known, skipped = state.known_until, state.skipped_until
    if known is None or skipped is None:
        return lambda _updated: False
    lag = max(shop.sim.reports.lag, timedelta(0))
    had = _had_by_lists(lag)
    if not lag:
        assert had >= skipped
    return lambda updated: updated < known and (updated < had or updated >= skipped)


def _had_by_lists(lag: timedelta) -> datetime:
    """Until when lists that were stored had all that had changed, if they are behind by `lag`."""
    catch_up = CatchUp.objects.latest("pk")
    had = catch_up.settled_until or catch_up.window_start
    spans = (
        [datetime.fromisoformat(part[name]) for name in ("start", "end", "asked_at")]
        for part in parts_of(catch_up, CHANGED)
        if part["is_stored"]
    )
    for start, end, asked_at in sorted(spans):
        if start <= had:
            had = max(had, min(end, asked_at - lag))
    return had


def test_workers_are_told_and_lost_ones_are_found(shop: Shop, settings: Any) -> None:
    catch_up = shop.fall_behind()
    assert is_ours(TASK, None, [catch_up.pk], {})
    assert continue_catch_up.func(catch_up.pk) == "waiting"
    assert continue_catch_up.func(catch_up.pk) == "waiting"  # too early, so it does nothing
    assert list(lost_catch_ups()) == []
    shop.clock.advance(10 * MINUTE)
    assert [each.pk for each in lost_catch_ups()] == [catch_up.pk]
    CatchUp.objects.update(status=Status.SUCCEEDED, open_key=None, finished_at=shop.clock.ago(500 * DAY))
    assert prune_catch_ups() == 1


def test_the_scheduler_opens_it(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.clock.advance(40 * MINUTE)
    shop.use_up()
    assert shop.sync().status == Synced.WAITING
    call_command("run_scheduler", once=True)
    assert f"Queued catch-up #{CatchUp.objects.get().pk} of the orders of amazon." in capsys.readouterr().out
