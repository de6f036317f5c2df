"""FBA stock, from Amazon's answers over HTTP to the database."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from integrations.models import ApiQuota, SyncFailure, SyncLog
from integrations.sync.run import run_sync
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    UNAVAILABLE,
    no_writes,
    open_sync,
    platform_of,
    refusal,
    requests_of,
    stored_stock,
    sync,
)
from inventory.models import InventoryItem
from platforms.models import Platform, Source
from simulator import AWKWARD_SKUS, Account, Canned, Limit, Quotas, Rule, Simulator
from simulator.faults.kinds import Empty

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
US, DE, FR = "ATVPDKIKX0DER", "A1PA6795UKMFR9", "A13V1IB3VIYZZH"


def summaries(*rows: dict[str, Any]) -> Canned:
    return Canned.json(200, {"payload": {"granularity": {}, "inventorySummaries": list(rows)}})


def present(platform: Platform) -> set[str]:
    rows = InventoryItem.objects.filter(platform=platform, gone_at__isnull=True)
    return set(rows.values_list("sku", flat=True))


# --- sweeps


def test_it_stores_500_skus_as_amazon_reports_them(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=0, skus=500)
    platform = platform_of(sim)
    log = sync(platform, INVENTORY)
    truth = sim.accounts[0].truth_inventory()
    assert (log.status, log.fetched, log.created, log.failed) == (Status.SUCCEEDED, len(truth), len(truth), 0)
    assert stored_stock(platform) == truth
    assert set(InventoryItem.objects.values_list("source", flat=True)) == {Source.LIVE}
    assert log.api_calls == sim.calls["getInventorySummaries"] == -(-len(truth) // 50)
    assert sim.calls["token"] == 1


def test_it_writes_no_row_for_what_has_not_changed(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(skus=120))
    first = sync(platform, INVENTORY)
    with no_writes():
        second = sync(platform, INVENTORY)
    assert (second.status, second.unchanged, second.updated) == (Status.SUCCEEDED, first.created, 0)


def test_it_never_adds_up_over_marketplaces(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(skus=70, marketplace_ids=(DE, FR)))
    platform = platform_of(sim)
    assert sync(platform, INVENTORY).status == Status.SUCCEEDED
    assert stored_stock(platform) == sim.accounts[0].truth_inventory()
    assert [call["granularityId"] for call in requests_of(sim, "getInventorySummaries")] == [DE, DE, FR, FR]


def test_it_ends_a_sweep_for_which_the_quota_is_too_slow(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=60, page_size=10)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    before = present(platform)
    log = open_sync(platform, INVENTORY)
    statuses = []
    for _round in range(5):
        sim.quotas = Quotas({"getInventorySummaries": Limit(0.01, 2)})
        ApiQuota.objects.update(tokens=2, rate=0.01, burst=2, updated_at=timezone.now())
        log = run_sync(log.pk)
        statuses.append(log.status)
        if log.status != Status.WAITING:
            break
        assert log.resume_at is not None
        assert log.resume_at - timezone.now() > timedelta(seconds=150)  # both calls of the burst
        SyncLog.objects.filter(pk=log.pk).update(resume_at=timezone.now())
    assert statuses == [Status.WAITING] * 3 + [Status.FAILED]
    assert log.error_code == "quota_too_slow"
    assert "United States" in log.error_message
    assert present(platform) == before
    assert log.throttled == 0


def test_it_starts_a_sweep_again_when_its_page_token_has_expired(start_simulator: StartSimulator) -> None:
    ahead = [0.0]
    sim = start_simulator(skus=120, clock=lambda: timezone.now().timestamp() + ahead[0])

    def wait_too_long(log: SyncLog) -> None:
        ahead[0] = 31

    platform = platform_of(sim)
    log = sync(platform, INVENTORY, on_page=wait_too_long)
    truth = sim.accounts[0].truth_inventory()
    assert (log.status, log.created, log.unchanged) == (Status.SUCCEEDED, len(truth), 50)
    assert stored_stock(platform) == truth


# --- what is gone


def test_it_marks_as_gone_what_a_complete_sweep_no_longer_lists(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(skus=120))
    sync(platform, INVENTORY)
    smaller = start_simulator(skus=60)
    log = sync(platform, INVENTORY)
    assert log.status == Status.SUCCEEDED
    assert present(platform) == set(smaller.accounts[0].skus())
    gone = InventoryItem.objects.filter(gone_at__isnull=False)
    assert set(gone.values_list("total", "available", "reserved", "inbound")) == {(0, 0, 0, 0)}
    start_simulator(skus=120)
    sync(platform, INVENTORY)
    assert len(present(platform)) == 120


def test_it_marks_nothing_as_gone_after_a_sweep_that_broke(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(skus=120))
    sync(platform, INVENTORY)
    sim = start_simulator(skus=60, page_size=20)

    class BreaksAfterTheFirstPage:
        def before(self, call: Any) -> Canned | None:
            return UNAVAILABLE if sim.calls["getInventorySummaries"] else None

    sim.faults = BreaksAfterTheFirstPage()
    log = sync(platform, INVENTORY)
    assert (log.status, log.error_code, log.pages) == (Status.FAILED, "unavailable", 1)
    assert len(present(platform)) == 120


@pytest.mark.parametrize("payload", [{}, {"inventorySummaries": None}, {"inventorySummaries": {}}])
def test_it_does_not_take_an_answer_without_a_list_for_an_empty_one(
    start_simulator: StartSimulator, payload: Any
) -> None:
    sim = start_simulator(skus=5)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    before = stored_stock(platform)
    sim.script("getInventorySummaries", *[Canned.json(200, {"payload": payload})] * ALWAYS)
    log = sync(platform, INVENTORY)
    assert (log.status, log.error_code) == (SyncLog.Status.FAILED, "broken_answer")
    assert stored_stock(platform) == before


def test_it_counts_an_entry_of_the_list_that_is_no_object_as_a_failure(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(skus=5)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    before = stored_stock(platform)
    sim.script("getInventorySummaries", Canned.json(200, {"payload": {"inventorySummaries": ["?"]}}))
    log = sync(platform, INVENTORY)
    assert (log.status, log.failed) == (SyncLog.Status.PARTIAL, 1)
    assert stored_stock(platform) == before


def test_it_marks_nothing_as_gone_when_a_row_could_not_be_read(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=3)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    sim.script("getInventorySummaries", summaries({"totalQuantity": "many"}))
    log = sync(platform, INVENTORY)
    assert (log.status, log.failed) == (Status.PARTIAL, 1)
    assert SyncFailure.objects.get(log=log).external_id == ""
    assert len(present(platform)) == 3


def test_it_tells_a_seller_without_fba_so(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(Account(skus=5, fba=False)))
    with no_writes():
        log = sync(platform, INVENTORY)
    assert (log.status, log.error_code, log.fetched) == (Status.SUCCEEDED, "", 0)
    assert [note["code"] for note in log.notes] == ["no_fba"]


def test_it_tells_a_seller_without_fba_so_when_skus_are_named(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(Account(skus=5, fba=False)))
    log = sync(platform, INVENTORY, skus=["CASE-1"])
    assert (log.status, log.failed) == (Status.PARTIAL, 1)
    assert [note["code"] for note in log.notes] == ["no_fba"]
    assert InventoryItem.objects.count() == 0


# --- answers that contradict what is stored


REFUSED = refusal(400, "InvalidInput", "Invalid Input", **{"x-amzn-RequestId": "req-400"})


def test_it_takes_a_refused_list_for_a_failure_where_stock_is_stored(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=5)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    before = stored_stock(platform)
    sim.script("getInventorySummaries", REFUSED)
    with no_writes():
        log = sync(platform, INVENTORY)
    assert (log.status, log.error_code, log.request_id) == (Status.FAILED, "bad_request", "req-400")
    assert log.error_message.startswith(
        "Amazon's list of stock of United States (ATVPDKIKX0DER) was refused, as"
    )
    assert f"but {len(before)} SKUs are stored as listed there" in log.error_message
    assert [note["code"] for note in log.notes] == ["stock_refused"]
    sim.script("getInventorySummaries", REFUSED, REFUSED)
    assert sync(platform, INVENTORY, skus=["CASE-1"]).error_code == "bad_request"
    InventoryItem.objects.update(gone_at=timezone.now())
    sim.script("getInventorySummaries", REFUSED)
    log = sync(platform, INVENTORY)
    assert (log.status, [note["code"] for note in log.notes]) == (Status.SUCCEEDED, ["no_fba"])


def test_it_takes_a_list_that_is_refused_from_its_second_page_on_for_a_failure(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(skus=25, page_size=10)
    platform = platform_of(sim)
    sim.rules.add(Rule(operation="getInventorySummaries", nth=2, times=9, fault=REFUSED))
    log = sync(platform, INVENTORY)
    assert (log.status, log.error_code, log.created) == (Status.FAILED, "bad_request", 10)


def let_pass(**span: float) -> None:
    """Since all runs ended."""
    SyncLog.objects.update(finished_at=F("finished_at") - timedelta(**span))


def test_it_marks_all_as_gone_once_a_list_is_empty_an_hour_later(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=5)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    listed = present(platform)
    sim.script("getInventorySummaries", summaries())
    log = sync(platform, INVENTORY)
    assert (log.status, log.error_code, present(platform)) == (Status.FAILED, "empty_list", listed)
    until = timezone.now() + timedelta(hours=1)
    assert f"in the first sync after {until:%Y-%m-%d %H:}" in log.error_message
    let_pass(hours=2)
    sync(platform, INVENTORY)  # is not empty
    sim.script("getInventorySummaries", *[summaries()] * 3, *[UNAVAILABLE] * 4, *[summaries()] * 2)
    for minutes in (0, 40, 0):  # started by hand, seconds apart; and a while later
        let_pass(minutes=minutes)
        assert sync(platform, INVENTORY).error_code == "empty_list"
    assert sync(platform, INVENTORY).error_code == "unavailable"  # which says nothing
    let_pass(minutes=15)
    assert sync(platform, INVENTORY).error_code == "empty_list"
    assert present(platform) == listed
    let_pass(minutes=10)
    log = sync(platform, INVENTORY)
    assert (log.status, [note["code"] for note in log.notes]) == (Status.SUCCEEDED, ["empty_list_confirmed"])
    assert (present(platform), InventoryItem.objects.exclude(total=0).count()) == (set(), 0)
    sim.script("getInventorySummaries", summaries())
    assert sync(platform, INVENTORY).notes == []


def test_it_reads_other_marketplaces_where_one_contradicts_what_is_stored(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(Account(skus=20, marketplace_ids=(DE, FR)))
    platform = platform_of(sim, marketplace_id=DE, additional_marketplace_ids=[FR], region="EU")
    sync(platform, INVENTORY)
    before = stored_stock(platform)
    sim.rules.add(Rule(operation="getInventorySummaries", marketplace=FR, times=1, fault=Empty()))
    log = sync(platform, INVENTORY)
    assert (log.status, [note["code"] for note in log.notes]) == (Status.PARTIAL, ["empty_list"])
    assert "of France (A13V1IB3VIYZZH) is empty" in log.notes[0]["message"]
    sim.rules.add(Rule(operation="getInventorySummaries", marketplace=FR, times=1, fault=REFUSED))
    log = sync(platform, INVENTORY)
    assert (log.status, [note["code"] for note in log.notes]) == (Status.PARTIAL, ["stock_refused"])
    assert stored_stock(platform) == before


# --- named SKUs


def test_it_asks_for_50_skus_a_call(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=200)
    platform = platform_of(sim)
    # Those that have one row each: a page of Amazon's has 50 rows.
    single = [f"SKU-{number:05d}" for number in range(30, 190) if number % 17 != 5]
    wanted = single[:120]
    log = sync(platform, INVENTORY, skus=wanted)
    assert (log.status, log.api_calls) == (Status.SUCCEEDED, 3)
    truth = sim.accounts[0].truth_inventory()
    assert stored_stock(platform) == {key: row for key, row in truth.items() if row["sku"] in wanted}


def test_it_reads_all_rows_of_skus_that_have_several(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=200)
    platform = platform_of(sim)
    wanted = [f"SKU-{number:05d}" for number in range(40, 90)]
    assert sync(platform, INVENTORY, skus=wanted).status == Status.SUCCEEDED
    truth = sim.accounts[0].truth_inventory()
    expected = {key: row for key, row in truth.items() if row["sku"] in wanted}
    assert len(expected) == 52
    assert stored_stock(platform) == expected


def test_it_finds_every_awkward_sku_and_asks_for_one_with_a_comma_alone(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(skus=len(AWKWARD_SKUS) + 5)
    platform = platform_of(sim)
    log = sync(platform, INVENTORY, skus=AWKWARD_SKUS)
    assert (log.status, log.failed) == (Status.SUCCEEDED, 0)
    truth = sim.accounts[0].truth_inventory()
    assert stored_stock(platform) == {key: row for key, row in truth.items() if row["sku"] in AWKWARD_SKUS}
    many, alone = requests_of(sim, "getInventorySummaries")
    assert "COMMA,SKU" not in many["sellerSkus"]
    assert alone["sellerSku"] == "COMMA,SKU"


def test_it_does_not_take_the_parts_of_a_comma_sku_for_skus(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(skus=len(AWKWARD_SKUS)))
    sync(platform, INVENTORY, skus=["COMMA,SKU"])
    assert present(platform) == {"COMMA,SKU"}


def test_it_reports_a_sku_that_amazon_does_not_know(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(skus=40, marketplace_ids=(DE, FR)))
    platform = platform_of(sim)
    log = sync(platform, INVENTORY, skus=["case-1", "no such SKU", "case-1"])
    assert (log.status, log.created, log.failed) == (Status.PARTIAL, 2, 1)
    failure = SyncFailure.objects.get(log=log)
    assert (failure.external_id, failure.error_code) == ("no such SKU", "sku_not_found")


def test_it_keeps_a_sku_that_is_read_from_right_to_left_apart_in_the_reason(
    start_simulator: StartSimulator,
) -> None:
    log = sync(platform_of(start_simulator(skus=1)), INVENTORY, skus=["תה-12"])
    assert "under the SKU \u2068'תה-12'\u2069. Check" in SyncFailure.objects.get(log=log).error_message


def test_it_marks_nothing_as_gone_when_skus_are_named(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(skus=30))
    sync(platform, INVENTORY)
    sync(platform, INVENTORY, skus=["case-1"])
    assert len(present(platform)) == 30


def test_it_waits_in_place_for_the_inventory_quota(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=5)
    fast = refusal(429, "QuotaExceeded", "Slow down.", **{"x-amzn-RateLimit-Limit": "200.0"})
    sim.script("getInventorySummaries", fast, fast)
    log = sync(platform_of(sim), INVENTORY)
    assert (log.status, log.throttled, log.api_calls) == (Status.SUCCEEDED, 2, 3)
