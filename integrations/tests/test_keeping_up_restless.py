"""Orders that never rest: no list by last update has them, and those by order date do. The clock is put forward."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from bench.passing_time import PassingTime
from integrations.models import CatchUp, StreamState, SyncFailure
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
from integrations.tests.states import watermark_of
from integrations.tests.syncing import requests_of, stored_orders
from orders.models import Order
from simulator import Answer, BreakRows, EndReport, Rule

pytestmark = pytest.mark.django_db

BY_UPDATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
BY_DATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL"
Status = CatchUp.Status


@pytest.fixture
def clock(settings: Any) -> Iterator[PassingTime]:
    with passing_time(settings) as clock:
        yield clock


@pytest.fixture
def shop(start_simulator: StartSimulator, settings: Any, clock: PassingTime) -> Shop:
    """No order comes by its id."""
    shop = Shop(start_simulator, settings, clock)
    settings.AMAZON_QUOTAS |= {"getOrder": (0.0056, 30)}
    return shop


def asked(shop: Shop, report_type: str) -> list[tuple[datetime, datetime]]:
    """The spans of the reports of this type that were asked for."""
    of_type = (each for each in requests_of(shop.sim, "createReport") if each["reportType"] == report_type)
    return [
        (datetime.fromisoformat(each["dataStartTime"]), datetime.fromisoformat(each["dataEndTime"]))
        for each in of_type
    ]


def by_date(catch_up: CatchUp) -> list[dict[str, Any]]:
    catch_up.refresh_from_db()
    return [part for part in catch_up.parts if part["by"] == "created"]


def marks(shop: Shop) -> tuple[Any, ...]:
    """How far orders are known, and in full: of the platform, and of its catch-up."""
    state, catch_up = StreamState.of(shop.platform, "orders"), CatchUp.objects.get()
    return (
        state.watermark,
        state.known_until,
        state.skipped_until,
        catch_up.known_until,
        catch_up.settled_until,
        catch_up.longest_unknown,
    )


# --- within an hour


@pytest.mark.once
@pytest.mark.parametrize("every", [2, 5])
def test_an_order_that_never_rests_is_known_within_the_hour(shop: Shop, every: int) -> None:
    """A list by order date every 15 minutes, 10 minutes until it is made, and a minute until that is seen."""
    shop.sim.reports.work_seconds = 600
    minutes = minutes_unknown(shop, shop.newest(), hours=4, every=every)
    assert len(minutes) == 240 / every
    assert max(minutes) <= 28


@pytest.mark.once
def test_it_is_known_within_the_hour_where_lists_take_half_of_it(shop: Shop) -> None:
    shop.sim.reports.work_seconds = 1800
    assert max(minutes_unknown(shop, shop.newest(), hours=4, every=3)) <= 48


def test_an_order_that_never_rests_is_known_though_it_is_new(shop: Shop) -> None:
    """It was never here, and is placed while syncs are behind."""
    shop.sim.reports.work_seconds = 600
    catch_up = shop.fall_behind()
    [new] = shop.add(1)
    placed = shop.clock.now()
    while not by_list():
        shop.clock.advance(MINUTE)
        shop.account.change_order(new, at=shop.clock.now())
        shop.use_up()
        shop.work(catch_up, stopping=lambda: True)
        assert shop.clock.now() - placed < HOUR
    assert by_list() == {new: "report"}
    assert shop.clock.now() - placed <= 30 * MINUTE


# --- what they are


def test_it_is_asked_for_the_orders_of_four_days_every_quarter_of_an_hour(shop: Shop) -> None:
    shop.sim.reports.work_seconds = 600
    catch_up = shop.fall_behind()
    began = shop.clock.now()
    while shop.clock.now() - began < HOUR:
        shop.work(catch_up)
        shop.clock.advance(MINUTE)
        shop.use_up()
    spans = asked(shop, BY_DATE)
    assert [end - start for start, end in spans] == [4 * DAY] * 4
    assert [end - spans[0][1] for _, end in spans] == pytest.approx(
        [number * 15 * MINUTE for number in range(4)], abs=timedelta(seconds=70)
    )
    assert began - spans[0][1] == 2 * MINUTE
    assert len(asked(shop, BY_UPDATE)) == 12


def test_it_moves_no_mark(shop: Shop) -> None:
    """It has not all that changed: what was placed before its span is not in it."""
    shop.sim.rules.add(Rule(operation="createReport", times=1, fault=EndReport("FATAL")))
    shop.clock.advance(20 * MINUTE)
    [new] = shop.add(1)
    changed = shop.newest()
    shop.account.change_order(changed, at=shop.clock.now())
    catch_up = shop.fall_behind()
    before = (watermark_of(), None, None, None, None, None)
    assert marks(shop) == before
    stored = stored_orders(shop.platform)

    worked = shop.work(catch_up, stopping=lambda: True)

    assert [part["is_stored"] for part in by_date(worked)] == [True]
    assert (worked.lists, worked.listed, worked.created, worked.changed) == (1, 2, 1, 1)
    assert by_list() == {new: "report", changed: "outdated"}
    assert marks(shop) == before
    assert worked.notes[0]["code"] == "report_failed"  # of the list by last update: that is still so
    now = stored_orders(shop.platform)
    assert {each: now[each] for each in stored if each != changed} == {
        each: stored[each] for each in stored if each != changed
    }
    truth = shop.account.truth_orders()
    for order in Order.objects.filter(external_id__in=[new, changed]):
        assert order.status == truth[order.external_id]["status"]


def test_what_is_not_newer_changes_nothing(shop: Shop) -> None:
    catch_up = shop.until_listed(shop.fall_behind())
    [new] = shop.add(1)
    rows = dict[int, Any]()
    for number in (2, 3):
        shop.clock.advance(16 * MINUTE)
        shop.use_up()
        shop.work(catch_up, stopping=lambda: True)
        assert by_list() == {new: "report"}
        rows = rows or {row["id"]: row for row in Order.objects.values()}
        assert len(asked(shop, BY_DATE)) == number
        assert by_date(catch_up)[-1]["is_stored"]
    assert by_date(catch_up)[-1]["orders"] == 0
    assert {row["id"]: row for row in Order.objects.values()} == rows


def test_orders_from_before_the_catch_up_are_left_to_audits(shop: Shop) -> None:
    """What syncs have lost, no catch-up would fetch in full."""
    lost = Order.objects.order_by("-purchased_at")[0]
    lost.delete()
    catch_up = shop.until_listed(shop.fall_behind())
    assert [part["is_stored"] for part in by_date(catch_up)] == [True]
    assert not Order.objects.filter(external_id=lost.external_id).exists()
    assert by_list() == {}


def test_rows_that_say_too_little_are_left_to_lists_by_last_update(shop: Shop) -> None:
    shop.sim.rules.add(Rule(operation="createReport", nth=2, fault=BreakRows(999)))
    catch_up = shop.until_listed(shop.fall_behind())
    assert (by_date(catch_up)[0]["is_stored"], catch_up.unread, catch_up.unlisted) == (True, 0, [])
    assert (by_list(), SyncFailure.objects.count()) == ({}, 0)


# --- when they are asked for


def test_none_is_asked_for_once_syncs_keep_up(shop: Shop) -> None:
    shop.clock.advance(20 * MINUTE)
    shop.change(5)
    catch_up = shop.skip()
    before = len(asked(shop, BY_DATE))
    assert before
    assert shop.until_closed(catch_up).status == Status.SUCCEEDED
    assert len(asked(shop, BY_DATE)) == before
    assert len(asked(shop, BY_UPDATE)) > before


def test_one_that_a_killed_worker_asked_for_is_taken(shop: Shop) -> None:
    shop.sim.reports.work_seconds = 120
    catch_up = shop.work(shop.fall_behind())
    [part] = by_date(catch_up)
    CatchUp.objects.update(parts=[each for each in catch_up.parts if each["by"] != "created"])
    shop.clock.advance(MINUTE)
    again = shop.work(catch_up)
    assert [each["list"] for each in by_date(again)] == [part["list"]]
    assert len(asked(shop, BY_DATE)) == 1


def test_one_of_thirty_days_that_somebody_else_asked_for_is_not_taken(shop: Shop) -> None:
    """Reading it would take 7 times as long."""
    catch_up = shop.fall_behind()
    now = shop.clock.now()
    shop.sim.reports.create(
        shop.account,
        {
            "reportType": BY_DATE,
            "marketplaceIds": ",".join(shop.account.marketplace_ids),
            "dataStartTime": (now - 30 * DAY).isoformat(),
            "dataEndTime": now.isoformat(),
        },
    )
    shop.work(catch_up)
    assert len(asked(shop, BY_DATE)) == 1


def test_one_that_is_not_made_is_asked_for_again_and_holds_nothing_up(shop: Shop) -> None:
    shop.sim.rules.add(Rule(operation="createReport", nth=2, fault=EndReport("FATAL", "Try later.")))
    catch_up = shop.work(shop.fall_behind())
    assert (catch_up.lists, by_date(catch_up)) == (1, [])
    assert "Try later." in catch_up.notes[0]["message"]
    shop.clock.advance(12 * MINUTE)
    shop.use_up()
    again = shop.work(catch_up)
    assert [part["is_stored"] for part in by_date(again)] == [True]
    assert (again.notes, again.lists) == ([], 3)


@pytest.mark.parametrize("answer", [400, 503, 429])
def test_lists_by_last_update_are_made_while_none_by_order_date_can_be_asked_for(
    shop: Shop, answer: int
) -> None:
    shop.sim.rules.add(Rule(operation="createReport", nth=2, times=9, fault=Answer(answer)))
    shop.clock.advance(20 * MINUTE)
    [new] = shop.add(1)
    catch_up = shop.work(shop.fall_behind(), stopping=lambda: True)
    assert (catch_up.lists, by_date(catch_up), catch_up.status) == (1, [], Status.QUEUED)
    assert by_list() == {new: "report"}
