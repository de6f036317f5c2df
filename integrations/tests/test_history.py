"""Backfills against a simulated Amazon: months of orders are known by its lists at once, and each comes in full."""

import io
import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from api.tests.rest import superuser
from feed.models import Change
from integrations.completeness.audits import request_audit, run_audit
from integrations.completeness.failures import replay_any
from integrations.completeness.history.backfills import (
    cancel,
    pause,
    prune_backfills,
    request_backfill,
    resume,
    run_backfill,
)
from integrations.completeness.history.progress import progress_of
from integrations.completeness.history.queue import continue_backfill, lost_backfills
from integrations.lookup.order import store
from integrations.models import ApiQuota, Backfill, OrderAudit, SyncFailure, SyncLog
from integrations.registry import CHANNELS
from integrations.sync.failures import replay
from integrations.sync.messages import is_ours
from integrations.tests.comparing import assert_complete
from integrations.tests.killing import Killed, killed_now_and_then, left_as_it_was
from integrations.tests.poison import OfOrder
from integrations.tests.syncing import platform_of, raw_order, requests_of, stored_orders, sync
from integrations.tests.test_audits import audit
from integrations.tests.test_audits import until_closed as until_audited
from orders.models import Order, OrderItem
from orders.retention import months_before
from platforms.models import Platform
from simulator import (
    Account,
    Answer,
    BreakRows,
    Canned,
    Cut,
    DoubleRows,
    EndReport,
    Reset,
    Rule,
    Simulator,
    SlowReport,
)

pytestmark = pytest.mark.django_db

StartSimulator = Callable[..., Simulator]
Status, Phase = Backfill.Status, Backfill.Phase
TASK = "integrations.tasks.continue_backfill"
US, CA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def ago(days: float) -> datetime:
    return (datetime.now(UTC) - days * DAY).replace(microsecond=0)


def history(orders: int = 60, days: int = 80, **options: Any) -> Account:
    """An account whose orders are of these days, the last of them two days old."""
    return Account(orders=orders, skus=20, days=days, end=ago(2), **options)


def opened(platform: Platform, days: float = 100, *, until: datetime | None = None) -> Backfill:
    backfill, is_new = request_backfill(
        platform, since=ago(days), until=until, trigger=SyncLog.Trigger.COMMAND
    )
    assert is_new
    return backfill


def until_closed(backfill: Backfill, stopping: Callable[[], bool] = lambda: False) -> Backfill:
    """As if whatever it waits for took no time."""
    for _ in range(300):
        backfill = run_backfill(backfill.pk, stopping=stopping)
        if not backfill.is_open:
            return backfill
        skip_waits(backfill)
    raise AssertionError(f"never closed: {backfill.status}, {backfill.notes}, {backfill.place}")


def skip_waits(backfill: Backfill) -> None:
    parts = [part | {"again_at": ""} for part in backfill.parts]
    put_off = {each: tries | {"again_at": ""} for each, tries in backfill.place.get("put_off", {}).items()}
    place = backfill.place | {"page_at": None, "put_off": put_off}
    Backfill.objects.filter(pk=backfill.pk).update(resume_at=timezone.now(), parts=parts, place=place)
    ApiQuota.objects.update(tokens=F("burst"))


def until_listed(backfill: Backfill) -> Backfill:
    while backfill.phase == Phase.LISTING:
        backfill = run_backfill(backfill.pk, stopping=stop_when_listed(backfill))
        skip_waits(backfill)
    return backfill


def stop_when_listed(backfill: Backfill) -> Callable[[], bool]:
    """Before anything is fetched in full."""
    return lambda: Backfill.objects.get(pk=backfill.pk).phase == Phase.COMPLETING


def by_list() -> set[str]:
    return set(Order.objects.filter(completeness="report").values_list("external_id", flat=True))


def test_months_are_known_by_lists_first_and_then_in_full(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(marketplace_ids=(US, CA)))
    platform = platform_of(sim, additional_marketplace_ids=[CA])

    listed = until_listed(opened(platform))

    assert (listed.status, listed.phase, listed.listed, listed.created) == ("queued", "completing", 60, 60)
    assert by_list() == set(sim.accounts[0].order_ids())
    assert (sim.calls["createReport"], sim.calls["getReportDocument"]) == (4, 3)  # the oldest has no orders
    assert sim.calls["searchOrders"] == sim.calls["getOrder"] == 0
    spans = [(each["dataStartTime"], each["dataEndTime"]) for each in requests_of(sim, "createReport")]
    assert spans == sorted(spans, reverse=True)  # the newest first
    lengths = [datetime.fromisoformat(end) - datetime.fromisoformat(start) for start, end in spans]
    assert max(lengths) == 30 * DAY
    assert sum(lengths, timedelta()) == listed.window_end - listed.window_start

    closed = until_closed(listed)

    assert (closed.status, closed.error_message) == (Status.SUCCEEDED, "")
    assert (closed.completed, closed.failed, closed.lacking) == (60, 0, 0)
    assert by_list() == set()
    assert_complete(sim.accounts[0], platform)
    assert sim.calls["createReport"] == 4
    assert closed.calls["createReport"]["calls"] == 4
    assert SyncFailure.objects.count() == 0


# `make soak` makes it many.
SEEDS = range(1, 3 + 5 * int(float(os.environ.get("SOAK_MINUTES") or 0)))


@pytest.mark.parametrize("seed", SEEDS)
def test_it_ends_in_amazons_truth_whatever_happens_on_the_way(
    start_simulator: StartSimulator, settings: Any, seed: int
) -> None:
    """Killed, paused, and refused at random, with orders that change and that regular syncs bring meanwhile."""
    chance = random.Random(seed)  # noqa: S311  no secret
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator(history(80, 50, seed=seed, marketplace_ids=(US, CA)))
    account = sim.accounts[0]
    platform = platform_of(sim, additional_marketplace_ids=[CA])
    sim.reports.charset = ("utf-8", "cp1252", "cp932")[seed % 3]
    sim.reports.shuffled = seed
    wrong = Rule(every=9, seed=seed, fault=chance.choice([Reset(), Cut(), Answer(503), Answer(429)]))
    sim.rules.add(wrong, Rule(operation="createReport", fault=DoubleRows()))
    backfill = opened(platform, 60)
    killed = 0
    for _ in range(300):
        if not backfill.is_open:
            break
        try:
            backfill = run_backfill(backfill.pk, stopping=killed_now_and_then(chance, deaths=0.15))
        except Killed:
            killed += 1
            left_as_it_was(backfill, chance)
        backfill.refresh_from_db()
        skip_waits(backfill)
        if chance.random() < 0.2 and pause(backfill):
            assert run_backfill(backfill.pk).status == Status.PAUSED
            assert resume(backfill)
        if chance.random() < 0.1:
            account.change_order(chance.choice(account.order_ids()), at=ago(1) + 23.9 * HOUR)
        if chance.random() < 0.1:
            sync(platform)

    assert killed or seed > 2  # some of them are done before anybody is
    assert backfill.status == Status.SUCCEEDED, (backfill.error_message, backfill.notes)
    sim.rules.clear()
    sync(platform)  # what changed since it was fetched
    assert_complete(account, platform)
    assert sim.calls["createReport"] <= 2 + 3  # lost answers aside, no list is asked for twice


def test_what_is_here_in_full_is_never_replaced(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(30, 25))
    platform = platform_of(sim)
    account = sim.accounts[0]
    sync(platform)
    before = stored_orders(platform)
    newer = account.order_ids()[3]
    account.change_order(newer, at=ago(0.1))

    listed = until_listed(opened(platform, 40))

    assert (listed.listed, listed.created, by_list()) == (30, 0, set())
    assert stored_orders(platform) == before
    closed = until_closed(listed)
    assert (closed.status, closed.completed) == (Status.SUCCEEDED, 0)
    assert sim.calls["getOrder"] == 0


def test_lines_that_a_list_cannot_tell_apart_end_as_the_order_has_them(
    start_simulator: StartSimulator,
) -> None:
    """Two lines of one SKU, lines that were cancelled, replacements: lists know no ids of lines."""
    sim = start_simulator(history(150, 25))
    platform = platform_of(sim)
    account = sim.accounts[0]
    account.cancel_order(account.order_ids()[7], at=ago(1))
    truth = account.truth_orders()

    listed = until_listed(opened(platform, 40))

    skus = {key: [line["sku"] for line in order["items"]] for key, order in truth.items()}
    assert any(len(each) > len(set(each)) for each in skus.values())
    assert any(order["replaced_order_id"] for order in truth.values())
    known = {
        order.external_id: sorted(item.sku for item in order.items.all())
        for order in Order.objects.prefetch_related("items")
    }
    doubled = [key for key, each in skus.items() if len(each) > len(set(each))]
    assert all(len(known[key]) <= len(skus[key]) for key in doubled)
    assert {item.external_id[:7] for item in OrderItem.objects.all()} == {"report-"}
    assert until_closed(listed).status == Status.SUCCEEDED
    assert_complete(account, platform)
    assert not OrderItem.objects.filter(external_id__startswith="report-").exists()


def test_what_has_to_be_shipped_comes_first_and_then_the_newest(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim = start_simulator(history(90, 25))
    platform = platform_of(sim)
    listed = until_listed(opened(platform, 40))
    orders = list(Order.objects.order_by("-purchased_at", "-id"))
    to_ship = [order.external_id for order in orders if order.is_to_ship]
    assert 0 < len(to_ship) < 30
    left_of(platform, "searchOrders", 0)
    Backfill.objects.update(place={})  # when it was split, there was quota for pages

    run_backfill(listed.pk)

    others = [order.external_id for order in orders if not order.is_to_ship]
    assert asked_by_id(sim) == to_ship + others[: 30 - len(to_ship)]


def asked_by_id(sim: Simulator) -> list[str]:
    return [
        each.path.rpartition("/")[2] for each in sim.requests if "/orders/2026-01-01/orders/" in each.path
    ]


def left_of(platform: Platform, operation: str, calls: float) -> None:
    """So many calls can be made of an operation, and no more for minutes."""
    account = CHANNELS[platform.kind].account_key(platform.api_config)
    now = {"rate": 0.0056, "burst": 20, "tokens": calls, "updated_at": timezone.now()}
    ApiQuota.objects.update_or_create(account_key=account, operation=operation, defaults=now)


def test_pages_and_ids_share_the_work(start_simulator: StartSimulator) -> None:
    """Pages bring the newest, down to where ids are at the same time; no order is asked for twice."""
    sim = start_simulator(history(280, 25))
    platform = platform_of(sim)
    listed = until_listed(opened(platform, 40))
    left_of(platform, "searchOrders", 6.5)  # and 5 are left to regular syncs
    Backfill.objects.update(place={})

    parked = run_backfill(listed.pk)

    assert (sim.calls["searchOrders"], sim.calls["getOrder"]) == (1, 30)
    assert (parked.status, parked.lacking) == (Status.WAITING, 280 - 100 - 30)
    assert Order.objects.filter(completeness="report").count() == parked.lacking
    newest = list(Order.objects.order_by("-purchased_at", "-id").values_list("completeness", flat=True)[:100])
    assert set(newest) == {"full"}
    closed = until_closed(parked)
    assert (closed.status, closed.completed) == (Status.SUCCEEDED, 280)
    assert len(asked_by_id(sim)) == len(set(asked_by_id(sim)))


def test_it_parks_while_lists_are_made_and_asks_for_none_twice(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(10, 20))
    platform = platform_of(sim)
    sim.rules.add(Rule(operation="createReport", fault=SlowReport(3600)))
    backfill = opened(platform, 50)

    parked = run_backfill(backfill.pk)

    assert (parked.status, parked.lease_token) == (Status.WAITING, "")
    progress = progress_of(parked)
    assert (progress.lists, progress.asked, progress.made, progress.stored) == (2, 2, 0, 0)
    assert (progress.full, progress.by_list) == (None, None)
    assert progress.listing_ends is not None
    assert run_backfill(backfill.pk).status == Status.WAITING  # not its time yet
    assert request_backfill(platform, since=ago(50), trigger=SyncLog.Trigger.ADMIN) == (parked, False)
    sim.set_clock(7300)
    assert until_closed(parked).status == Status.SUCCEEDED
    assert sim.calls["createReport"] == 2


def test_a_list_that_was_made_before_is_used(start_simulator: StartSimulator) -> None:
    """Whoever asked for it: a worker that was killed before it could say so, or another program."""
    sim = start_simulator(history(20, 40))
    platform = platform_of(sim)
    until_listed(opened(platform, 60))
    asked = sim.calls["createReport"]
    first = Backfill.objects.get()
    cancel(first)
    Order.objects.all().delete()

    again, _ = request_backfill(
        platform, since=first.window_start, until=first.window_end, trigger=SyncLog.Trigger.COMMAND
    )
    listed = until_listed(again)

    assert sim.calls["createReport"] <= asked + 1  # the one that had no orders is not among those
    assert listed.listed == 20


def test_a_list_that_was_not_made_is_asked_for_again_and_given_up_at_last(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(history(20, 40))
    platform = platform_of(sim)
    sim.rules.add(Rule(operation="createReport", nth=1, fault=EndReport("FATAL", "Out of order.")))

    assert until_closed(opened(platform, 60)).status == Status.SUCCEEDED
    assert sim.calls["createReport"] == 3

    Order.objects.all().delete()
    sim.rules.add(Rule(operation="createReport", fault=EndReport("FATAL", "Out of order.")))
    failed = until_closed(opened(platform, 61, until=ago(1)))  # of which no list was made before
    assert (failed.status, failed.error_code) == (Status.FAILED, "report_failed")


def test_orders_whose_rows_cannot_be_read_come_by_their_ids(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(30, 25))
    platform = platform_of(sim)
    sim.rules.add(Rule(operation="createReport", nth=1, fault=BreakRows(2)))

    closed = until_closed(opened(platform, 29))

    assert (closed.status, closed.unlisted) == (Status.SUCCEEDED, [])
    assert_complete(sim.accounts[0], platform)


def test_an_order_that_cannot_be_had_becomes_a_failure_and_holds_up_nothing(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(history(20, 25))
    platform = platform_of(sim)
    listed = until_listed(opened(platform, 29))
    sim.rules.add(Rule(operation="getOrder", nth=1, fault=Answer(404)))

    closed = until_closed(listed)

    gone = asked_by_id(sim)[0]
    assert (closed.status, closed.failed, closed.lacking) == (Status.PARTIAL, 1, 1)
    [failure] = SyncFailure.objects.all()
    assert (failure.external_id, failure.error_code) == (gone, "not_found")
    assert (failure.log, failure.audit) == (None, None)
    assert by_list() == {gone}
    assert asked_by_id(sim).count(gone) == 1
    sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))
    again = until_closed(opened(platform, 29))  # it is tried once more
    assert (again.status, again.failed, asked_by_id(sim).count(gone)) == (Status.PARTIAL, 1, 2)
    assert SyncFailure.objects.count() == 1
    sim.rules.clear()
    assert not replay(failure).is_open
    assert by_list() == set()


def test_an_order_that_the_platform_never_answers_ends_no_backfill(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(orders=40))
    listed = until_listed(opened(platform_of(sim)))
    silent = Order.objects.latest("purchased_at").external_id
    sim.rules.add(Rule(operation="getOrder", fault=OfOrder(silent)))
    sim.rules.add(Rule(operation="searchOrders", fault=Answer(404)))
    closed = until_closed(listed)
    assert (closed.status, closed.completed, closed.failed) == (Status.PARTIAL, 39, 1)
    assert by_list() == {silent}
    failure = SyncFailure.objects.open().get()
    assert failure.error_code == "unavailable"
    assert audit(closed.platform, days=100).status == "succeeded"  # it is as listed, and asked for in vain
    assert by_list() == {silent}
    sim.rules.clear()
    audit(closed.platform)
    failure.refresh_from_db()
    assert (by_list(), failure.resolution) == (set(), "replayed")


def test_an_answer_that_is_older_than_the_list_is_not_asked_for_without_end(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(history(orders=5))
    listed = until_listed(opened(platform_of(sim)))
    newer = Order.objects.earliest("pk")
    newer.platform_updated_at += timedelta(minutes=1)  # as the list said
    newer.save()
    closed = until_closed(listed)
    assert (closed.status, closed.completed, closed.failed, closed.lacking) == (Status.PARTIAL, 4, 1, 1)
    assert sim.calls["getOrder"] == 5
    assert list(SyncFailure.objects.values_list("external_id", "error_code")) == [
        (newer.external_id, "not_in_full")
    ]
    assert by_list() == {newer.external_id}


@pytest.mark.parametrize("brings", [replay_any, lambda failure: store(failure.platform, failure.external_id)])
def test_no_answer_that_is_older_than_the_list_resolves_the_failure(
    start_simulator: StartSimulator, brings: Callable[[SyncFailure], Any]
) -> None:
    sim = start_simulator(history(orders=5))
    platform = platform_of(sim)
    listed = until_listed(opened(platform))
    newer = Order.objects.earliest("pk")
    moment = newer.platform_updated_at
    newer.platform_updated_at += timedelta(minutes=1)  # as the list said
    newer.save()
    until_closed(listed)
    [failure] = SyncFailure.objects.all()
    of_a_sync = SyncFailure.objects.create(
        log=sync(platform_of(sim, "other")), platform=platform, kind="orders", external_id=newer.external_id
    )

    brings(failure)

    failure.refresh_from_db()
    of_a_sync.refresh_from_db()
    assert (failure.is_open, failure.error_code, by_list()) == (True, "not_in_full", {newer.external_id})
    assert not of_a_sync.is_open  # the copy that it could not store is of no use any more
    assert superuser().post(f"/sync-failures/{failure.pk}/replay").json()["code"] == "not_in_full"

    assert moment is not None
    sim.accounts[0].use_odd_text(newer.external_id, at=moment + timedelta(minutes=1))
    brings(failure)
    failure.refresh_from_db()
    assert (failure.resolution, by_list()) == ("replayed", set())


def test_what_a_newer_answer_without_lines_says_is_stored(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(orders=1))
    listed = until_listed(opened(platform_of(sim)))
    order = Order.objects.get()
    newer = f"{order.platform_updated_at + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    answer = raw_order(
        items=0,  # every order has one: it is not complete
        orderId=order.external_id,
        lastUpdatedTime=newer,
        createdTime=f"{order.purchased_at:%Y-%m-%dT%H:%M:%SZ}",
        fulfillment={"fulfillmentStatus": "CANCELLED", "fulfilledBy": "MERCHANT"},
    )
    for operation, body in (("getOrder", {"order": answer}), ("searchOrders", {"orders": []})):
        sim.script(operation, *[Canned.json(200, body)] * 9)
    closed = until_closed(listed)
    order.refresh_from_db()
    assert (order.status, order.is_full) == ("cancelled", False)
    assert (closed.status, closed.failed) == (Status.PARTIAL, 1)
    assert SyncFailure.objects.open().get().error_code == "not_in_full"


def test_an_audit_asks_once_more_for_what_was_not_as_new_as_its_list(start_simulator: StartSimulator) -> None:
    """Stored as listed, so nothing is amiss; its details would be lacking for ever."""
    sim = start_simulator(history(orders=5))
    platform = platform_of(sim)
    listed = until_listed(opened(platform))
    newer = Order.objects.earliest("pk")
    moment = newer.platform_updated_at
    newer.platform_updated_at += timedelta(minutes=1)
    newer.save()
    until_closed(listed)
    [failure] = SyncFailure.objects.all()

    asked = sim.calls["getOrder"]
    assert audit(platform).status == "succeeded"
    assert (by_list(), sim.calls["getOrder"] - asked) == ({newer.external_id}, 1)
    failure.refresh_from_db()
    assert failure.is_open  # the answer is as old as before
    assert Change.objects.filter(kind="failure.resolved").count() == 0

    assert moment is not None
    sim.accounts[0].use_odd_text(newer.external_id, at=moment + timedelta(minutes=1))
    assert audit(platform).status == "succeeded"
    failure.refresh_from_db()
    assert (by_list(), failure.resolution) == (set(), "replayed")
    asked = sim.calls["getOrder"]
    audit(platform)
    assert sim.calls["getOrder"] == asked


def test_an_audit_that_is_told_to_stop_asks_for_no_further_order_once_more(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(history(orders=5))
    platform = platform_of(sim)
    listed = until_listed(opened(platform))
    Order.objects.update(platform_updated_at=F("platform_updated_at") + timedelta(minutes=1))
    until_closed(listed)
    assert SyncFailure.objects.open().count() == 5
    asked = sim.calls["getOrder"]

    begun, _ = request_audit(platform, days=30, trigger=SyncLog.Trigger.COMMAND)
    stopped = run_audit(begun.pk, stopping=lambda: sim.calls["getOrder"] - asked >= 2)

    assert (stopped.status, sim.calls["getOrder"] - asked) == (OrderAudit.Status.QUEUED, 2)
    assert until_audited(stopped).status == OrderAudit.Status.SUCCEEDED


def test_test_data_settles_no_failure_of_a_backfill(platform: Platform) -> None:
    SyncFailure.objects.create(
        platform=platform, kind="orders", external_id="1", error_code="not_found", error_message="Unknown."
    )
    assert not SyncFailure.objects.settled_by("sandbox").exists()
    assert SyncFailure.objects.settled_by("live").exists()


def test_a_refusal_is_suspected_until_it_lasts(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(10, 25))
    platform = platform_of(sim)
    listed = until_listed(opened(platform, 29))
    sim.rules.add(Rule(fault=Answer(403)))

    for _ in range(5):
        listed = run_backfill(listed.pk)
        skip_waits(listed)

    assert (listed.status, [note["times"] for note in listed.notes]) == (Status.WAITING, [5])
    sim.rules.clear()
    closed = until_closed(listed)
    assert (closed.status, closed.notes) == (Status.SUCCEEDED, [])


def test_it_is_paused_resumed_and_cancelled(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(20, 25))
    platform = platform_of(sim)
    backfill = opened(platform, 29)

    assert pause(backfill)
    assert not pause(backfill)
    assert run_backfill(backfill.pk).status == Status.PAUSED
    assert list(lost_backfills()) == []
    assert sim.calls["createReport"] == 0
    assert progress_of(backfill).listing_ends is None
    assert resume(backfill)
    with CaptureQueriesContext(connection) as asked:
        assert not resume(backfill)
    assert not any(query["sql"].startswith("UPDATE") for query in asked)  # what is refused writes nothing
    listed = until_listed(backfill)
    assert cancel(listed)
    assert not cancel(listed)
    assert (listed.status, listed.open_key) == (Status.CANCELLED, None)
    assert run_backfill(listed.pk).status == Status.CANCELLED
    assert len(by_list()) == 20  # what was fetched stays
    assert opened(platform, 29).is_open


def test_whoever_works_on_one_that_is_paused_stops_and_keeps_what_was_fetched(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(history(20, 25))
    platform = platform_of(sim)
    listed = until_listed(opened(platform, 29))
    asked = 0

    def pausing() -> bool:
        nonlocal asked
        asked += 1
        if asked == 5:
            pause(Backfill.objects.get(pk=listed.pk))
        return False

    paused = run_backfill(listed.pk, stopping=pausing)

    assert paused.status == Status.PAUSED
    kept = Order.objects.filter(completeness="full").count()
    assert 0 < kept < 20
    assert sim.calls["getOrder"] == kept


def test_the_workers_go_on_with_it_by_messages(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(10, 25))
    platform = platform_of(sim)
    backfill = opened(platform, 29)

    assert is_ours(TASK, None, [backfill.pk], {})
    assert continue_backfill.func(backfill.pk) == Status.SUCCEEDED
    assert not DBTaskResult.objects.filter(task_path=TASK).exists()
    lost = opened(platform, 30)
    Backfill.objects.filter(pk=lost.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    assert [each.pk for each in lost_backfills()] == [lost.pk]
    assert list(lost_backfills()) == []
    assert until_closed(lost).status == Status.SUCCEEDED


def test_closed_ones_of_long_ago_are_forgotten(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(5, 25))
    platform = platform_of(sim)
    closed = until_closed(opened(platform, 29))
    assert prune_backfills() == 0
    Backfill.objects.filter(pk=closed.pk).update(finished_at=ago(4000))
    assert (prune_backfills(), Order.objects.count()) == (1, 5)


def test_regular_syncs_find_their_quota_as_if_there_were_no_backfill(
    start_simulator: StartSimulator, settings: Any
) -> None:
    """It takes what is above a quarter of each bucket and no more, and parks for the rest."""
    sim = start_simulator(history(230, 25))
    settings.AMAZON_QUOTAS = {}
    platform = platform_of(sim)
    listed = until_listed(opened(platform, 29))
    left_of(platform, "searchOrders", 7.5)

    parked = run_backfill(listed.pk)

    assert parked.status == Status.WAITING
    left = {row.operation: row.tokens for row in ApiQuota.objects.all()}
    assert left["searchOrders"] >= 5  # a quarter of 20
    assert left["getOrder"] >= 7.5
    assert sim.calls["searchOrders"] == 2
    log = sync(platform)
    assert (log.status, log.pages, log.throttled) == (SyncLog.Status.SUCCEEDED, 3, 0)
    assert sim.calls["searchOrders"] == 5


# --- the command


def command(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("backfill_orders", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), err.getvalue()


def test_the_command_plans_brings_and_reports(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(20, 25))
    platform = platform_of(sim)
    since = f"{ago(29):%Y-%m-%d}"

    status, planned, _ = command("amazon", "--since", since, "--dry-run")
    assert status == 0
    assert "Cheapest: " in planned
    assert "createReport" in planned
    plan = json.loads(command("amazon", "--since", since, "--dry-run", "--json")[1])
    assert {lane["lane"] for lane in plan["lanes"]} == {"incremental", "window", "by_id", "both", "report"}
    assert (sum(sim.calls.values()), Backfill.objects.count(), ApiQuota.objects.count()) == (0, 0, 0)

    status, out, _ = command("amazon", "--since", since)
    assert (status, by_list()) == (0, set())
    assert "amazon history: succeeded" in out
    assert "20 in full, 0 known by report alone" in out
    assert_complete(sim.accounts[0], platform)
    _status, out, _ = command("amazon", "--status", "--json")
    assert json.loads(out)["progress"]["orders"] == {"listed": 20, "full": 20, "by_list": 0}


def test_the_command_pauses_resumes_and_cancels(start_simulator: StartSimulator) -> None:
    platform_of(start_simulator(history(5, 25)))
    assert command("amazon", "--status")[0] == 1
    assert command("amazon", "--since", "2026-01-01", "--background")[0] == 0
    assert "waiting" not in command("amazon", "--status")[1]
    assert command("amazon", "--since", "2026-02-01", "--background")[0] == 1  # another span
    assert [command("amazon", f"--{name}")[0] for name in ("pause", "pause", "resume", "cancel")] == [
        0,
        1,
        0,
        0,
    ]
    assert Backfill.objects.get().status == Status.CANCELLED
    assert command("amazon", "--cancel")[0] == 1


def test_a_span_that_ends_within_the_last_two_minutes_is_that_backfill(
    start_simulator: StartSimulator,
) -> None:
    """Lists are made of what has been over for so long, so it ends a little earlier than was asked for."""
    platform_of(start_simulator(history(5, 25)))
    now = timezone.now()
    for until in (now, now - timedelta(seconds=90), now - timedelta(seconds=90)):
        span = ("--since", "2026-01-01", "--until", until.strftime("%Y-%m-%dT%H:%M:%SZ"), "--background")
        assert command("amazon", *span)[0] == 0
    assert Backfill.objects.count() == 1
    before = (now - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert command("amazon", "--since", "2026-01-01", "--until", before, "--background")[0] == 1
    Backfill.objects.update(window_end=now - timedelta(hours=1), queued_at=now - timedelta(hours=1))
    assert command("amazon", *span)[0] == 1  # an hour more is another span


def test_who_asks_while_one_is_open_is_given_that_one_and_writes_nothing(
    start_simulator: StartSimulator,
) -> None:
    backfill = opened(platform := platform_of(start_simulator(history(5, 25))))
    with CaptureQueriesContext(connection) as asked:
        found = request_backfill(platform, since=ago(3), trigger=SyncLog.Trigger.COMMAND)
    assert found == (backfill, False)
    assert not [query["sql"] for query in asked if "INSERT" in query["sql"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere", "--since", "2026-01-01"],
        ["amazon"],
        ["amazon", "--since", "yesterday"],
        ["amazon", "--since", "2999-01-01"],
        ["amazon", "--since", "1999-01-01"],
        ["amazon", "--since", "2026-02-01", "--until", "2026-01-01"],
        ["amazon", "--pause", "--since", "2026-01-01"],
    ],
)
def test_the_command_refuses_what_it_cannot_use(arguments: list[str]) -> None:
    Platform.objects.get_or_create(name="amazon")
    assert command(*arguments)[0] == 2
    assert not Backfill.objects.exists()


def test_no_door_begins_what_retention_would_delete(
    start_simulator: StartSimulator, settings: Any, admin_client: Client
) -> None:
    platform = platform_of(start_simulator(history(5, 25)))
    settings.KEEP_ORDERS_MONTHS = 2
    kept = months_before(timezone.now(), 2)
    before, after = f"{kept - DAY:%Y-%m-%d}", f"{kept + DAY:%Y-%m-%d}"
    said = f"deleted 2 months after their purchase (KEEP_ORDERS_MONTHS). Begin on {after}, or later."

    status, _out, shown = command("amazon", "--since", before, "--dry-run")
    assert (status, said in " ".join(shown.split())) == (2, True)
    refused = superuser().post(
        "/backfills", {"platform_name": "amazon", "since": before}, content_type="application/json"
    )
    assert (refused.status_code, said in str(refused.json()["fields"]["since"])) == (400, True)
    do = {"platform": platform.pk, "do": "begin", "since": before}
    assert said in unescape(
        admin_client.post("/admin/completeness/history/", do, follow=True).content.decode()
    )
    assert not Backfill.objects.exists()

    assert command("amazon", "--since", after, "--background")[0] == 0


# --- over REST


def test_the_api_plans_begins_pauses_and_tells_how_far_it_is(start_simulator: StartSimulator) -> None:
    sim = start_simulator(history(20, 25))
    platform_of(sim)
    api = superuser()
    asked = {"platform_name": "amazon", "since": f"{ago(29):%Y-%m-%d}"}

    plan = api.post("/backfills", asked | {"dry_run": True}, content_type="application/json")
    assert (plan.status_code, plan.json()["cheapest"]) == (200, "report")
    assert not Backfill.objects.exists()
    answer = api.post("/backfills", asked, content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    address = f"/backfills/{answer.json()['id']}"
    assert answer["Location"].endswith(address)
    again = api.post("/backfills", asked, content_type="application/json")
    assert (again.status_code, again.json()["id"]) == (202, answer.json()["id"])
    other = api.post("/backfills", asked | {"since": "2026-01-01"}, content_type="application/json")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert [api.post(f"{address}/{name}").status_code for name in ("resume", "pause", "pause")] == [
        409,
        200,
        409,
    ]
    assert api.get(address).json()["progress"]["listing_ends"] is None
    assert api.post(f"{address}/resume").json()["status"] == "queued"
    assert sim.calls["createReport"] == 0

    until_closed(Backfill.objects.get())

    done = api.get(address).json()
    assert (done["status"], done["progress"]["orders"]) == (
        "succeeded",
        {"listed": 20, "full": 20, "by_list": 0},
    )
    assert done["progress"]["lists"] == {"all": 1, "asked": 1, "made": 1, "stored": 1}
    [listed] = api.get("/backfills?status=succeeded").json()["results"]
    assert listed == {name: value for name, value in done.items() if name != "progress"}
    assert api.post(f"{address}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "platform_name"),
        ({"platform_name": "amazon"}, "since"),
        ({"platform_name": "amazon", "since": "soon"}, "since"),
        ({"platform_name": "amazon", "since": "2026-02-01", "until": "2999-01-01"}, "until"),
        ({"platform_name": "amazon", "since": "2026-02-01", "days": 3}, "days"),
    ],
)
def test_the_api_refuses_what_it_cannot_use(asked: dict[str, Any], field: str) -> None:
    Platform.objects.get_or_create(name="amazon")
    answer = superuser().post("/backfills", asked, content_type="application/json")
    assert (answer.status_code, [*answer.json()["fields"]]) == (400, [field])
