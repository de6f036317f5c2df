"""The sync path: one open sync, one worker, checkpoints, waiting, cancelling, mock data."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.amazon import mock
from integrations.models import ApiQuota, SyncLog
from integrations.sync.cancel import cancel_sync
from integrations.sync.leases import Lease, LeaseLost
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.racing import race
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    ORDERS,
    QUOTA_EXCEEDED,
    UNAVAILABLE,
    no_writes,
    on_a_database_that_waits,
    open_sync,
    platform_of,
    refusal,
    requests_of,
    stored_orders,
    stored_stock,
    sync,
)
from inventory.models import InventoryItem
from orders.models import Order
from platforms.models import Platform, Source
from simulator import Account, Rule, Simulator

StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
db = pytest.mark.django_db


def make_due(log: SyncLog) -> None:
    """As if an hour had passed."""
    SyncLog.objects.filter(pk=log.pk).update(resume_at=timezone.now() - timedelta(seconds=1))
    ApiQuota.objects.update(updated_at=timezone.now() - timedelta(hours=1))


def lose_the_lease(log: SyncLog) -> None:
    SyncLog.objects.filter(pk=log.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


# --- one open sync, one worker


@db
def test_it_returns_the_open_sync_instead_of_a_second_one(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(orders=3))
    first = request_sync(platform=platform, kind=ORDERS, trigger="api")
    again = request_sync(platform=platform, kind=ORDERS, trigger="admin")
    other = request_sync(platform=platform, kind=INVENTORY, trigger="admin").log
    assert (first.is_new, again.is_new, again.log == first.log, other == first.log) == (
        True,
        False,
        True,
        False,
    )
    assert first.log.open_key == f"{platform.pk}:orders"


@db
def test_it_frees_the_key_when_it_closes_a_sync(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(orders=3))
    closed = [sync(platform), sync(platform)]
    assert [log.open_key for log in closed] == [None, None]
    assert closed[0].pk != closed[1].pk


@db
def test_it_is_the_database_that_refuses_a_second_open_sync(start_simulator: StartSimulator) -> None:
    log = open_sync(platform_of(start_simulator()))
    with pytest.raises(IntegrityError), transaction.atomic():
        SyncLog.objects.create(platform=log.platform, kind=ORDERS, trigger="api", open_key=log.open_key)


@db
def test_it_gives_the_lease_to_one_worker(start_simulator: StartSimulator) -> None:
    log = open_sync(platform_of(start_simulator()))
    assert Lease.claim(log.pk) is not None
    assert Lease.claim(log.pk) is None
    lose_the_lease(log)
    assert Lease.claim(log.pk) is not None


@pytest.mark.django_db(transaction=True)
def test_it_opens_one_sync_for_many_threads_and_gives_it_to_one(tmp_path: Path) -> None:
    assert on_a_database_that_waits(race, tmp_path) == {
        "logs": 1,
        "ids": 1,
        "new": 1,
        "leases": 1,
    }


@db
def test_it_stores_nothing_more_after_another_worker_took_over(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=30, page_size=10)
    log = open_sync(platform_of(sim))

    def be_overtaken(log: SyncLog) -> None:
        lose_the_lease(log)
        run_sync(log.pk)

    after = run_sync(log.pk, on_page=be_overtaken)
    # The second worker went on with page 2 and closed the sync; page 2 of the first one was rolled back.
    assert (after.status, after.pages, after.fetched, after.created) == (Status.SUCCEEDED, 3, 30, 30)
    assert sim.calls["searchOrders"] == 5  # pages 2 and 3 twice: the first worker had asked for page 3, too
    assert Order.objects.count() == 30


@db
def test_it_does_not_close_a_sync_that_somebody_else_works_on(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=30, page_size=10)
    log = open_sync(platform_of(sim))

    def be_overtaken(log: SyncLog) -> None:
        lose_the_lease(log)
        assert Lease.claim(log.pk) is not None
        sim.script("searchOrders", *[UNAVAILABLE] * ALWAYS)

    after = run_sync(log.pk, on_page=be_overtaken)
    assert (after.status, after.error_code, after.pages, Order.objects.count()) == (Status.RUNNING, "", 1, 10)


@db
def test_it_refuses_writes_without_the_lease(start_simulator: StartSimulator) -> None:
    log = open_sync(platform_of(start_simulator()))
    lease = Lease.claim(log.pk)
    lose_the_lease(log)
    Lease.claim(log.pk)
    assert lease is not None
    with pytest.raises(LeaseLost):
        lease.renew()


@db
def test_it_remembers_which_credentials_it_ran_with(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=3)
    platform = platform_of(sim)
    log = sync(platform)
    assert log.credentials_digest == platform.credentials_digest != ""
    refused = sync(platform_of(sim, client_secret="another"))
    assert (refused.error_code, refused.credentials_digest == log.credentials_digest) == (
        "invalid_client",
        False,
    )


# --- crash, stop, wait


@db
def test_it_continues_with_the_stored_page_token_after_a_crash(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=30, page_size=10)
    platform = platform_of(sim)
    log = open_sync(platform)

    def crash(log: SyncLog) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sync(log.pk, on_page=crash)
    log.refresh_from_db()
    assert (log.status, log.pages, log.lease_token, Order.objects.count()) == (Status.QUEUED, 1, "", 10)
    after = run_sync(log.pk)
    assert (after.status, after.pages, after.created, after.window_end) == (
        Status.SUCCEEDED,
        3,
        30,
        log.window_end,
    )
    first, ahead, second, third = (call.get("paginationToken") for call in requests_of(sim, "searchOrders"))
    assert first is None
    assert ahead == second  # on its way already when the first worker crashed
    assert third not in (None, second)
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


@db
def test_it_closes_a_sync_that_crashed_after_its_last_page(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    log = open_sync(platform_of(sim))

    def crash(log: SyncLog) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sync(log.pk, on_page=crash)
    after = run_sync(log.pk)
    assert (after.status, after.created, sim.calls["searchOrders"]) == (Status.SUCCEEDED, 5, 1)


@db
def test_it_starts_a_sweep_from_its_first_page_after_a_crash(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=120)
    platform = platform_of(sim)
    log = open_sync(platform, INVENTORY)

    def crash(log: SyncLog) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sync(log.pk, on_page=crash)
    assert run_sync(log.pk).status == Status.SUCCEEDED
    assert stored_stock(platform) == sim.accounts[0].truth_inventory()
    assert not InventoryItem.objects.filter(gone_at__isnull=False).exists()


@db
def test_it_leaves_after_the_current_page_when_told_to(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(orders=30, page_size=10))
    log = run_sync(open_sync(platform).pk, stopping=lambda: True)
    assert (log.status, log.pages) == (Status.QUEUED, 1)
    assert run_sync(log.pk).created == 30


@db
@pytest.mark.parametrize(("header", "seconds"), [({}, 178.6), ({"x-amzn-RateLimit-Limit": "0.1"}, 10.0)])
def test_it_waits_for_quota_without_holding_a_worker(
    start_simulator: StartSimulator, header: dict[str, str], seconds: float
) -> None:
    sim = start_simulator(orders=30, page_size=10)
    limited = refusal(429, "QuotaExceeded", "You exceeded your quota.", **header)
    sim.rules.add(Rule(operation="searchOrders", nth=2, fault=limited))
    log = sync(platform_of(sim))
    assert (log.status, log.pages, log.throttled, log.api_calls) == (Status.WAITING, 1, 1, 2)
    assert log.resume_at is not None
    assert abs((log.resume_at - timezone.now()).total_seconds() - seconds) < 5
    assert log.open_key is not None
    assert run_sync(log.pk).status == Status.WAITING  # not due: nothing happens
    make_due(log)
    after = run_sync(log.pk)
    assert (after.status, after.created, after.resume_at) == (Status.SUCCEEDED, 30, None)
    assert sim.calls["searchOrders"] == 4


@db
def test_its_pauses_grow_while_a_page_is_refused_whatever_the_header_promises(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=30, page_size=10)
    limited = refusal(429, "QuotaExceeded", "You exceeded your quota.", **{"x-amzn-RateLimit-Limit": "0.1"})
    sim.rules.add(Rule(operation="searchOrders", nth=2, times=8, fault=limited))
    log = sync(platform_of(sim))
    pauses = []
    for _wake in range(8):
        assert (log.status, log.pages, log.resume_at is None) == (Status.WAITING, 1, False)
        pauses.append(round((log.resume_at - timezone.now()).total_seconds() / 10) * 10)  # type: ignore[operator]
        make_due(log)
        log = run_sync(log.pk)
    assert pauses == [10, 60, 120, 240, 480, 960, 1920, 3600]
    assert (log.status, log.created, log.checkpoint.get("throttled")) == (Status.SUCCEEDED, 30, None)


# --- cancelling


@db
def test_it_cancels_a_queued_sync_at_once(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    log = cancel_sync(open_sync(platform_of(sim)))
    assert (log.status, log.error_code, log.open_key) == (Status.CANCELLED, "cancelled", None)
    assert run_sync(log.pk).status == Status.CANCELLED
    assert sim.requests == []


@db
def test_it_cancels_a_running_sync_after_the_current_page(start_simulator: StartSimulator) -> None:
    log = sync(platform_of(start_simulator(orders=30, page_size=10)), on_page=lambda log: cancel_sync(log))
    assert (log.status, log.error_code, log.pages) == (Status.CANCELLED, "cancelled", 1)
    assert (log.open_key, Order.objects.count()) == (None, 10)


@db
def test_it_cancels_a_waiting_sync_at_once(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", QUOTA_EXCEEDED)
    log = cancel_sync(sync(platform_of(sim)))
    assert (log.status, log.open_key, log.resume_at) == (Status.CANCELLED, None, None)


@db
@pytest.mark.parametrize("leaves", [True, False], ids=["told to leave", "out of quota"])
def test_it_remembers_the_wish_to_cancel_when_it_is_interrupted(
    start_simulator: StartSimulator, leaves: bool
) -> None:
    sim = start_simulator(orders=30, page_size=10)
    sim.rules.add(Rule(operation="searchOrders", nth=2, fault=QUOTA_EXCEEDED))  # met by who stays
    log = open_sync(platform_of(sim))

    def cancel_just_now() -> bool:
        cancel_sync(log)
        return leaves

    run_sync(log.pk, stopping=cancel_just_now)
    assert run_sync(log.pk).status == Status.CANCELLED
    assert (Order.objects.count(), sim.calls["searchOrders"]) == (10, 2)


@db
def test_it_leaves_a_closed_sync_closed(start_simulator: StartSimulator) -> None:
    log = sync(platform_of(start_simulator(orders=2)))
    assert cancel_sync(log).status == Status.SUCCEEDED
    assert run_sync(log.pk).status == Status.SUCCEEDED
    assert not SyncLog.objects.get().cancel_requested


# --- mock data (docs/operations.md, MOCK_FALLBACK)


def without_credentials(sim: Simulator) -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {}
    platform.save()
    return platform


def with_half_of_them(sim: Simulator) -> Platform:
    return platform_of(sim, client_secret="")


def with_a_wrong_secret(sim: Simulator) -> Platform:
    return platform_of(sim, client_secret="wrong")


def with_an_outage(sim: Simulator) -> Platform:
    for operation in ("searchOrders", "getInventorySummaries"):
        sim.script(operation, *[UNAVAILABLE] * ALWAYS)
    return platform_of(sim)


PROBLEMS = [
    (without_credentials, "config"),
    (with_half_of_them, "config"),
    (with_a_wrong_secret, "invalid_client"),
    (with_an_outage, "unavailable"),
]


@db
@pytest.mark.parametrize("kind", [ORDERS, INVENTORY])
@pytest.mark.parametrize(("problem", "code"), PROBLEMS)
@pytest.mark.parametrize(
    ("setting", "has_been_live", "falls_back"),
    [
        ("auto", False, True),
        ("auto", True, False),
        ("always", False, True),
        ("always", True, True),
        ("never", False, False),
        ("never", True, False),
    ],
)
def test_it_uses_mock_data_only_where_it_may(
    start_simulator: StartSimulator,
    settings: Any,
    kind: str,
    problem: Any,
    code: str,
    setting: str,
    has_been_live: bool,
    falls_back: bool,
) -> None:
    settings.MOCK_FALLBACK = setting
    if has_been_live:
        live = platform_of(start_simulator(orders=8, skus=4))
        sync(live, ORDERS)
        sync(live, INVENTORY)
    rows = [model.objects.order_by("pk") for model in (Order, InventoryItem)]
    before = [list(each.filter(source=Source.LIVE).values()) for each in rows]
    log = sync(problem(start_simulator(orders=8, skus=4)), kind)
    assert (log.status, log.error_code) == (Status.FALLBACK if falls_back else Status.FAILED, code)
    assert log.error_message != ""
    assert [list(each.filter(source=Source.LIVE).values()) for each in rows] == before
    mock = rows[kind == INVENTORY].filter(source=Source.MOCK).count()
    assert (mock > 0, mock) == (falls_back, log.created)


@db
@pytest.mark.parametrize("kind", [ORDERS, INVENTORY])
def test_it_removes_mock_data_with_the_first_live_success(start_simulator: StartSimulator, kind: str) -> None:
    sim = start_simulator(orders=8, skus=4)
    first = sync(without_credentials(sim), kind)
    assert (first.status, first.source) == (Status.FALLBACK, Source.MOCK)
    platform = platform_of(sim)
    assert sync(platform, kind).status == Status.SUCCEEDED
    assert stored_orders(platform) == (sim.accounts[0].truth_orders() if kind == ORDERS else {})
    assert stored_stock(platform) == (sim.accounts[0].truth_inventory() if kind == INVENTORY else {})


@db
def test_it_has_the_error_on_the_row_before_the_mock_data(start_simulator: StartSimulator) -> None:
    seen = []
    log = sync(
        with_a_wrong_secret(start_simulator()),
        on_page=lambda log: seen.append(SyncLog.objects.get().error_code),
    )
    assert set(seen) == {"invalid_client"}
    assert [note["code"] for note in log.notes] == ["mock"]


@db
def test_it_goes_on_with_mock_data_after_a_crash(start_simulator: StartSimulator) -> None:
    log = open_sync(without_credentials(start_simulator()))

    def crash(log: SyncLog) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sync(log.pk, on_page=crash)
    after = run_sync(log.pk)
    assert (after.status, after.error_code, after.created) == (Status.FALLBACK, "config", mock.ORDERS)


@db
def test_it_changes_nothing_when_mock_data_comes_again(start_simulator: StartSimulator) -> None:
    platform = without_credentials(start_simulator())
    sync(platform)
    with no_writes():
        assert sync(platform).unchanged == mock.ORDERS


@db
def test_it_remembers_that_a_platform_was_live_though_it_had_no_orders(
    start_simulator: StartSimulator,
) -> None:
    sync(platform_of(start_simulator(orders=0)))
    assert sync(with_an_outage(start_simulator())).status == Status.FAILED


# --- several platforms


@db
def test_it_syncs_each_platform_whatever_happens_to_the_others(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    bad, good = platform_of(sim, "bad", client_secret="wrong"), platform_of(sim, "good")
    logs = [sync(platform) for platform in (bad, good)]
    assert [log.status for log in logs] == [Status.FALLBACK, Status.SUCCEEDED]
    assert stored_orders(good) == sim.accounts[0].truth_orders()
    assert set(Order.objects.filter(platform=bad).values_list("source", flat=True)) == {Source.MOCK}


@db
def test_it_keeps_the_same_order_of_two_accounts_apart(settings: Any) -> None:
    end = timezone.now() - timedelta(minutes=5)
    accounts = [Account(orders=5, refresh_token=f"Atzr|{number}", end=end) for number in range(2)]
    with Simulator(*accounts) as sim:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = sim.endpoint, sim.lwa_endpoint
        for number in range(2):
            platform = platform_of(sim, f"shop-{number}", refresh_token=f"Atzr|{number}")
            assert sync(platform).created == 5
            assert stored_orders(platform) == accounts[number].truth_orders()
