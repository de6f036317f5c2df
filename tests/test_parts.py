"""One marketplace that Amazon denies or breaks on costs that marketplace alone, and loses nothing. Over HTTP."""

import html
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from backoffice.alerts.conditions import evaluate
from integrations.amazon import transport
from integrations.lookup.order import ask
from integrations.models import StreamState, SyncFailure, SyncLog
from integrations.schedule.due import Due, dues_of
from integrations.sync.connection_check import check_platform
from integrations.sync.run import run_sync
from integrations.sync.windows import WindowRequest
from integrations.tests.states import change, set_states, time_passes, watermark_of
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    UNAVAILABLE,
    open_sync,
    platform_of,
    refusal,
    requests_of,
    stored_orders,
    stored_stock,
    sync,
)
from inventory.models import InventoryItem
from platforms.models import Platform
from simulator import Account, Canned, Rule, Simulator

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
DE, FR, GB, IT, ES = "A1PA6795UKMFR9", "A13V1IB3VIYZZH", "A1F83G8C2ARO7P", "APJ6JRA9NG5V4", "A1RKKUPIHCS9HS"
MANY = (DE, FR, GB, IT, ES, "A1C3SOZRARQ6R3", "A2NODRKZP88ZB9", "A1805IZSGTT6HS")
BROKEN = Canned(200, b'{"orders": [{"orderId": ')


TROUBLE = {"down": UNAVAILABLE, "broken answers": BROKEN, "silent": Canned(200, b"{}", delay=0.4)}


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "silent" in request.node.callspec.id:
        monkeypatch.setattr(transport, "TIMEOUT", httpx.Timeout(0.3))


@pytest.fixture(autouse=True)
def _no_mock_data(settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"


def seller(start_simulator: StartSimulator, *marketplaces: str, orders: int = 60) -> Simulator:
    return start_simulator(Account(orders=orders, skus=30, marketplace_ids=marketplaces or (DE, FR, GB)))


def break_on(sim: Simulator, *marketplaces: str, answer: Canned = UNAVAILABLE) -> None:
    sim.rules.add(*[Rule(fault=answer, marketplace=each) for each in marketplaces])


def asked(sim: Simulator) -> list[str]:
    """Which marketplaces each call of searchOrders asked for."""
    return [call["marketplaceIds"] for call in requests_of(sim, "searchOrders")]


def notes(log: SyncLog) -> list[tuple[str, str]]:
    return [(note["code"], note["message"]) for note in log.notes]


def truth_but_of(sim: Simulator, *without: str) -> dict[str, dict[str, object]]:
    orders = sim.accounts[0].truth_orders()
    return {key: order for key, order in orders.items() if order["marketplace_id"] not in without}


def state(kind: str = "orders") -> StreamState:
    return StreamState.of(Platform.objects.get(name="amazon"), kind)


# --- orders


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("trouble", ["denied", "down", "broken answers", "silent"])
def test_it_reads_the_orders_of_the_other_marketplaces(start_simulator: StartSimulator, trouble: str) -> None:
    sim = seller(start_simulator)
    if trouble == "denied":
        sim.accounts[0].denied = frozenset({GB})
    else:
        break_on(sim, GB, answer=TROUBLE[trouble])
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.error_code, log.failed) == (Status.PARTIAL, "", 0)
    assert stored_orders(platform) == truth_but_of(sim, GB)
    [(code, text)] = notes(log)
    assert code == "marketplace_not_read"
    assert "United Kingdom (A1F83G8C2ARO7P)" in text
    assert asked(sim)[-3:] == [DE, FR, GB]
    assert len(asked(sim)) == (
        5 if trouble == "denied" else 7
    )  # one without data sets; an outage is tried again
    assert watermark_of(platform) == log.window_end
    again = sync(platform)
    assert (again.status, [code for code, _ in notes(again)]) == (Status.PARTIAL, ["marketplace_left_out"])
    assert asked(sim)[len(asked(sim)) - again.api_calls :] == [f"{DE},{FR}"]


def test_a_marketplace_that_works_again_is_read_from_where_it_was_complete(
    start_simulator: StartSimulator,
) -> None:
    sim = seller(start_simulator)
    account = sim.accounts[0]
    platform = platform_of(sim)
    first = sync(platform)
    account.denied = frozenset({GB})
    sync(platform)
    [lost] = [key for key, order in account.truth_orders().items() if order["marketplace_id"] == GB][:1]
    account.change_order(lost, at=timezone.now() - timedelta(minutes=5))
    assert state().part_watermarks == {GB: first.window_end.isoformat()} if first.window_end else None
    three_days = timezone.now() - timedelta(days=3)
    set_states(part_watermarks={GB: three_days.isoformat()})
    time_passes(hours=1)
    account.denied = frozenset()
    log = sync(platform)
    assert log.status == Status.SUCCEEDED
    assert stored_orders(platform) == account.truth_orders()
    *_, others, alone = requests_of(sim, "searchOrders")
    assert (others["marketplaceIds"], alone["marketplaceIds"]) == (f"{DE},{FR}", GB)
    assert alone["lastUpdatedAfter"] == f"{three_days - timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}"
    assert [code for code, _ in notes(log)] == ["marketplace_read_on"]
    assert (state().part_watermarks, state().refused_parts) == ({}, {})
    sync(platform)
    assert asked(sim)[-1] == f"{DE},{FR},{GB}"


def test_one_that_was_never_read_is_read_from_the_first_sync_on(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator)
    sim.accounts[0].denied = frozenset({GB})
    platform = platform_of(sim)
    first = sync(platform)
    assert first.window_start
    assert state().part_watermarks == {GB: first.window_start.isoformat()}
    time_passes(hours=1)
    sim.accounts[0].denied = frozenset()
    assert sync(platform).status == Status.SUCCEEDED
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


def test_it_asks_for_it_again_at_growing_distances_and_with_one_call(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator)
    sim.accounts[0].denied = frozenset({GB})
    platform = platform_of(sim)
    sync(platform)
    waits = []
    for minutes in (16, 17, 34, 68, 60 * 10, 60 * 13):
        time_passes(minutes=minutes)
        log = sync(platform)
        assert (log.status, log.api_calls, log.error_code) == (Status.PARTIAL, 2, "")
        again = datetime.fromisoformat(state().refused_parts[GB]["again"])
        waits.append(round((again - timezone.now()) / timedelta(minutes=1)))
    assert waits == [16, 33, 67, 135, 6 * 60, 24 * 60]


def test_it_finds_one_of_many_with_few_calls(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, *MANY)
    sim.accounts[0].denied = frozenset({ES})
    log = sync(platform_of(sim))
    assert (log.status, log.api_calls) == (Status.PARTIAL, 8)
    assert [calls.count(",") + 1 for calls in asked(sim)] == [8, 8, 4, 4, 1, 1, 1, 1]
    assert stored_orders(log.platform) == truth_but_of(sim, ES)


def test_it_fails_where_all_are_refused_and_searches_no_more(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator)
    sim.accounts[0].denied = frozenset({DE, FR, GB})
    platform = platform_of(sim)
    first, second = sync(platform), sync(platform)
    assert [(log.status, log.error_code, log.notes) for log in (first, second)] == [
        (Status.FAILED, "forbidden", [])
    ] * 2
    assert (first.api_calls, second.api_calls) == (5, 1)
    assert watermark_of() is None
    sim.accounts[0].denied = frozenset()
    assert sync(platform).status == Status.SUCCEEDED
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert state().refused_parts == {}


def test_an_outage_of_all_is_no_reason_to_leave_one_out(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, *MANY)
    break_on(sim, *MANY)
    log = sync(platform_of(sim))
    assert (log.status, log.error_code) == (Status.FAILED, "unavailable")
    assert len(asked(sim)) <= 4 + 8
    assert state().refused_parts == {}


def test_it_asks_for_it_again_at_once_with_other_credentials(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator)
    sim.accounts[0].denied = frozenset({GB})
    sync(platform_of(sim))
    sim.accounts[0].denied = frozenset()
    sim.accounts[0].client_secret = "another"
    assert sync(platform_of(sim)).status == Status.SUCCEEDED
    assert stored_orders(Platform.objects.get(name="amazon")) == sim.accounts[0].truth_orders()


def test_a_window_that_a_person_asks_for_leaves_nothing_out(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator)
    sim.accounts[0].denied = frozenset({GB})
    platform = platform_of(sim)
    sync(platform)
    before = state()
    window = WindowRequest("updated", timezone.now() - timedelta(days=40))
    assert sync(platform, window=window).status == Status.PARTIAL
    assert asked(sim)[-2:] == [f"{DE},{FR}", GB]
    sim.accounts[0].denied = frozenset()
    assert sync(platform, window=window).status == Status.SUCCEEDED
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert (state().watermark, state().part_watermarks) == (before.watermark, before.part_watermarks)


def test_it_goes_on_where_it_stopped_with_what_it_found_out(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, orders=60)
    sim.accounts[0].denied = frozenset({GB})
    platform = platform_of(sim)
    log = open_sync(platform)
    assert run_sync(log.pk, stopping=lambda: True).status == Status.QUEUED
    assert asked(sim) == [f"{DE},{FR},{GB}"] * 2 + [DE]
    assert run_sync(log.pk).status == Status.PARTIAL
    assert asked(sim)[3:] == [FR, GB]
    assert stored_orders(platform) == truth_but_of(sim, GB)
    assert list(state().part_watermarks) == [GB]


def test_a_page_in_the_middle_that_is_always_broken_costs_its_marketplace(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(Account(orders=60, skus=30, marketplace_ids=(DE, FR)), page_size=10)

    class BreaksBehindTheFirstPage:
        def before(self, call: object) -> Canned | None:
            params = getattr(call, "params", {})
            return BROKEN if "paginationToken" in params and FR in params["marketplaceIds"] else None

    sim.faults = BreaksBehindTheFirstPage()
    platform = platform_of(sim)
    log = sync(platform)
    assert log.status == Status.PARTIAL
    assert truth_but_of(sim, FR).items() <= stored_orders(platform).items()
    assert list(state().part_watermarks) == [FR]


# --- stock


def stock_page(*rows: Any, **more: Any) -> Canned:
    return Canned.json(200, {"payload": {"inventorySummaries": list(rows)}, **more})


def listed(*skus: str) -> list[dict[str, Any]]:
    return [{"sellerSku": sku, "totalQuantity": 5} for sku in skus]


def present(marketplace_id: str = DE) -> set[str]:
    rows = InventoryItem.objects.filter(marketplace_id=marketplace_id, gone_at__isnull=True)
    return set(rows.values_list("sku", flat=True))


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("trouble", ["denied", "silent"])
@pytest.mark.parametrize("at", [0, 2], ids=["the first", "the last"])
def test_it_reads_the_stock_of_the_other_marketplaces(
    start_simulator: StartSimulator, trouble: str, at: int
) -> None:
    sim = seller(start_simulator, *(place := (DE, FR, GB)), orders=0)
    bad = place[at]
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    if trouble == "denied":
        sim.accounts[0].denied = frozenset({bad})
    else:
        break_on(sim, bad, answer=TROUBLE[trouble])
    log = sync(platform, INVENTORY)
    assert (log.status, log.error_code, log.failed) == (Status.PARTIAL, "", 0)
    truth = sim.accounts[0].truth_inventory()
    assert log.fetched == sum(1 for key in truth if key[0] != bad)
    [(code, text)] = notes(log)
    assert code == "marketplace_not_read"
    assert bad in text
    assert stored_stock(platform) == truth


def stock_asked(sim: Simulator) -> list[str]:
    """Of which marketplace each call for stock was, said once where several follow each other."""
    places = [call["marketplaceIds"] for call in requests_of(sim, "getInventorySummaries")]
    return [place for at, place in enumerate(places) if at == 0 or places[at - 1] != place]


@pytest.mark.parametrize("at", [0, 2], ids=["the first", "the last"])
def test_it_asks_for_the_stock_of_a_marketplace_again_at_growing_distances(
    start_simulator: StartSimulator, at: int
) -> None:
    sim = seller(start_simulator, *(place := (DE, FR, GB)), orders=0)
    platform, bad = platform_of(sim), place[at]
    others = [each for each in place if each != bad]
    sim.accounts[0].denied = frozenset({bad})
    first = sync(platform, INVENTORY)
    waits = []
    for minutes in (16, 17, 34, 68, 60 * 30):
        before = len(sim.requests)
        log = sync(platform, INVENTORY)
        assert (log.status, [code for code, _ in notes(log)]) == (Status.PARTIAL, ["marketplace_left_out"])
        assert bad in notes(log)[0][1]
        assert {each.params["marketplaceIds"] for each in sim.requests[before:]} == set(others)
        time_passes(INVENTORY, minutes=minutes)
        log = sync(platform, INVENTORY)
        assert [code for code, _ in notes(log)] == ["marketplace_not_read"]
        assert log.api_calls == first.api_calls
        again = datetime.fromisoformat(state(INVENTORY).refused_parts[bad]["again"])
        waits.append(round((again - timezone.now()) / timedelta(minutes=1)))
    assert waits == [16, 33, 67, 135, 24 * 60]
    time_passes(INVENTORY, hours=25)
    sim.accounts[0].denied = frozenset()
    log = sync(platform, INVENTORY)
    assert (log.status, log.notes, state(INVENTORY).refused_parts) == (Status.SUCCEEDED, [], {})
    assert stored_stock(platform) == sim.accounts[0].truth_inventory()


def test_named_skus_are_asked_for_where_a_sweep_leaves_out(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, orders=0)
    sim.accounts[0].denied = frozenset({FR})
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    sim.accounts[0].denied = frozenset()
    assert sync(platform, INVENTORY, skus=["CASE-1"]).fetched == 3
    assert stock_asked(sim)[-3:] == [DE, FR, GB]
    assert sync(platform, INVENTORY).status == Status.SUCCEEDED  # it had answered


def test_stock_that_is_denied_everywhere_leaves_none_out(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, orders=0)
    platform = platform_of(sim)
    sim.accounts[0].denied = frozenset({FR})
    sync(platform, INVENTORY)
    sim.accounts[0].denied = frozenset({DE, FR, GB})
    assert sync(platform, INVENTORY).error_code == "forbidden"
    assert list(state(INVENTORY).refused_parts) == [FR]


def test_a_sweep_that_goes_on_leaves_out_what_it_left_out(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, orders=0)
    sim.accounts[0].denied = frozenset({GB})
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    log = open_sync(platform, INVENTORY)
    before = len(sim.requests)
    while run_sync(log.pk, stopping=lambda: True).status == Status.QUEUED:
        pass
    log.refresh_from_db()
    assert (log.status, [code for code, _ in notes(log)]) == (Status.PARTIAL, ["marketplace_left_out"])
    assert {each.params.get("marketplaceIds", DE) for each in sim.requests[before:]} == {DE, FR}


def test_a_marketplace_without_stock_rests_like_one_that_is_denied(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(skus=20, marketplace_ids=(DE, FR)))
    platform = platform_of(sim, marketplace_id=DE, additional_marketplace_ids=[FR], region="EU")
    no_fba = refusal(400, "InvalidInput", "Invalid Input")
    sim.rules.add(Rule(operation="getInventorySummaries", marketplace=FR, times=ALWAYS, fault=no_fba))

    def after(minutes: float) -> tuple[str, list[str], int]:
        time_passes(INVENTORY, minutes=minutes)
        before = sim.calls["getInventorySummaries"]
        log = sync(platform, INVENTORY)
        return log.status, [code for code, _ in notes(log)], sim.calls["getInventorySummaries"] - before

    asked, rests = 2, 1
    assert after(0) == (Status.SUCCEEDED, ["no_fba"], asked)
    assert after(5) == (Status.SUCCEEDED, ["marketplace_left_out"], rests)
    assert after(60) == (Status.SUCCEEDED, ["no_fba"], asked)
    assert after(60) == (Status.SUCCEEDED, ["marketplace_left_out"], rests)
    sync(platform, INVENTORY, skus=["CASE-1"])  # asks everywhere, and finds the same
    time_passes(INVENTORY, minutes=60)
    InventoryItem.objects.filter(sku="CASE-1").update(marketplace_id=FR)
    assert after(0) == (Status.PARTIAL, ["marketplace_left_out"], rests)  # of which stock is missing
    assert after(70) == (Status.PARTIAL, ["stock_refused"], asked)
    assert "France" in notes(SyncLog.objects.latest("pk"))[0][1]


def due_of_stock() -> tuple[Due, float]:
    """When the schedule asks next, and in how many minutes."""
    due = dues_of(Platform.objects.get())[INVENTORY]
    assert due.at is not None
    return due, (due.at - timezone.now()).total_seconds() / 60


def test_an_account_without_stock_is_asked_at_growing_distances(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator(Account(skus=5, fba=False))
    platform = platform_of(sim)
    change(platform, orders_interval=0, inventory_interval=5)
    pauses = []
    for minutes in (0, 16, 17, 34, 68, 1440):
        time_passes(INVENTORY, minutes=minutes)
        log = sync(platform, INVENTORY)
        assert (log.status, [code for code, _ in notes(log)]) == (Status.SUCCEEDED, ["no_fba"])
        due, pause = due_of_stock()
        pauses.append((due.reason, round(pause)))
    assert pauses == [("absent", minutes) for minutes in (15, 16, 33, 67, 135, 1440)]
    assert sim.calls["getInventorySummaries"] == 6
    page = admin_client.get(f"/admin/platforms/platform/{platform.pk}/change/").content.decode()
    assert "the platform lists nothing for this account, and is asked again" in html.unescape(page)
    day = timedelta(days=1)
    SyncLog.objects.update(queued_at=F("queued_at") - day, finished_at=F("finished_at") - day)
    Platform.objects.update(created_at=timezone.now() - 3 * day)
    assert [each.kind for each in evaluate() if each.kind == "lagging"] == []  # nothing can be late
    time_passes(INVENTORY, days=1)
    assert [each.kind for each in evaluate() if each.kind == "lagging"] == [
        "lagging"
    ]  # no scheduler runs here
    sim.accounts[0].fba = True
    assert sync(platform, INVENTORY).status == Status.SUCCEEDED
    assert due_of_stock()[0].reason == "regular"


def test_an_account_whose_stored_stock_is_refused_is_asked_at_growing_distances(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(skus=5)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    refused = refusal(400, "InvalidInput", "Invalid Input")
    sim.rules.add(Rule(operation="getInventorySummaries", times=ALWAYS, fault=refused))
    sync(platform, INVENTORY)
    time_passes(INVENTORY, hours=5)
    assert sync(platform, INVENTORY).status == Status.FAILED
    due, pause = due_of_stock()
    assert (due.reason, pause < 90) == ("backing_off", True)  # all of the platform may be down
    sync(platform)
    assert due_of_stock()[0].is_retry
    assert sync(platform, INVENTORY).status == Status.FAILED
    due, pause = due_of_stock()
    assert (due.reason, 290 < pause < 310) == ("backing_off", True)  # it is stock alone
    sim.rules.clear()
    assert sync(platform, INVENTORY).status == Status.SUCCEEDED
    assert due_of_stock()[0].reason == "regular"


@pytest.mark.parametrize("skus", [[], ["CASE-1"]], ids=["sweep", "named"])
def test_it_fails_where_no_stock_can_be_read(start_simulator: StartSimulator, skus: list[str]) -> None:
    sim = seller(start_simulator, orders=0)
    sim.accounts[0].denied = frozenset({DE, FR, GB})
    log = sync(platform_of(sim), INVENTORY, skus=skus)
    assert (log.status, log.error_code, log.notes, log.failed) == (Status.FAILED, "forbidden", [], 0)


def test_named_skus_are_read_in_the_other_marketplaces(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, orders=0)
    sim.accounts[0].denied = frozenset({FR})
    log = sync(platform_of(sim), INVENTORY, skus=["CASE-1", "no such SKU"])
    assert (log.status, log.fetched, log.failed) == (Status.PARTIAL, 2, 0)  # France might know the other one
    assert [code for code, _ in notes(log)] == ["marketplace_not_read"]


def test_one_sku_that_amazon_refuses_costs_that_sku(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, DE, FR, orders=0)

    class RefusesLongSkus:
        def before(self, call: Any) -> Canned | None:
            asked = call.params.get("sellerSkus", call.params.get("sellerSku", ""))
            return refusal(400, "InvalidInput", "Invalid input.") if "C" * 41 in asked else None

    sim.faults = RefusesLongSkus()
    known = sorted({sku for sku in sim.accounts[0].skus() if "," not in sku})[:20]
    platform = platform_of(sim)
    log = sync(platform, INVENTORY, skus=[*known, "C" * 41])
    truth = sim.accounts[0].truth_inventory()
    assert stored_stock(platform) == {key: row for key, row in truth.items() if row["sku"] in known}
    assert (log.status, log.failed) == (Status.PARTIAL, 1)
    failure = SyncFailure.objects.get(log=log)
    assert (failure.external_id, failure.error_code) == ("C" * 41, "sku_refused")
    assert log.api_calls <= 2 * 12  # the list, whether there is FBA at all, and halves of 21


@pytest.mark.parametrize("skus", [[], ["A", "B"]], ids=["sweep", "named"])
def test_a_page_of_stock_that_names_itself_is_stored(
    start_simulator: StartSimulator, skus: list[str]
) -> None:
    sim = seller(start_simulator, DE, orders=0)
    sim.script("getInventorySummaries", stock_page(*listed("A"), pagination={"nextToken": "t"}))
    sim.script("getInventorySummaries", stock_page(*listed("B"), pagination={"nextToken": "t"}))
    log = sync(platform_of(sim), INVENTORY, skus=skus)
    assert (log.status, log.error_code) == (Status.FAILED, "page_loop")
    assert present() == {"A", "B"}


def test_an_unreadable_row_with_a_sku_spares_that_sku_alone(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, DE, orders=0)
    platform = platform_of(sim)
    sim.script("getInventorySummaries", stock_page(*listed("A", "B ", "C")))
    sync(platform, INVENTORY)
    odd = {"sellerSku": "B ", "totalQuantity": "many"}
    sim.script("getInventorySummaries", stock_page(*listed("A"), odd))
    log = sync(platform, INVENTORY)
    assert (log.status, log.failed, log.notes) == (Status.PARTIAL, 1, [])
    assert present() == {"A", "B "}


def test_a_row_without_a_sku_keeps_the_others_for_one_sweep(start_simulator: StartSimulator) -> None:
    sim = seller(start_simulator, DE, orders=0)
    platform = platform_of(sim)

    def sweep(*skus: str, nameless: tuple[str, ...] = ()) -> list[str]:
        rows = [{"fnSku": each, "totalQuantity": 1} for each in nameless]
        sim.script("getInventorySummaries", stock_page(*listed(*skus), *rows))
        return [code for code, _ in notes(sync(platform, INVENTORY))]

    assert sweep("A", "B", "C") == []
    assert sweep("A", "B", nameless=("X1",)) == ["unreadable_rows"]
    assert present() == {"A", "B", "C"}
    assert sweep("A", "B", nameless=("X2",)) == ["unreadable_rows"]  # another one
    assert present() == {"A", "B", "C"}
    assert sweep("A", "B", nameless=("X2",)) == ["unreadable_rows_known"]
    assert present() == {"A", "B"}
    assert sweep("A", nameless=()) == []
    assert present() == {"A"}
    assert StreamState.of(platform, INVENTORY).unreadable_records == {}


# --- the check


def test_the_check_names_the_marketplace_and_lets_the_next_sync_ask_again(
    start_simulator: StartSimulator,
) -> None:
    sim = seller(start_simulator)
    sim.accounts[0].denied = frozenset({GB})
    platform = platform_of(sim)
    sync(platform)
    found = {finding.step: finding for finding in check_platform(platform)}
    assert [found[f"orders{place}"].ok for place in ("", " DE", " FR", " GB")] == [True, True, True, False]
    assert found["inventory GB"].ok is False
    assert "asks for it again by itself" in found["orders GB"].message
    assert found["data set PROCEEDS"].ok
    assert [code for code, _ in notes(sync(platform))] == ["marketplace_left_out"]
    sim.accounts[0].denied = frozenset()
    assert all(finding.ok for finding in check_platform(platform))
    log = sync(platform)
    assert (log.status, [code for code, _ in notes(log)]) == (Status.SUCCEEDED, ["marketplace_read_on"])
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


def test_a_question_about_an_order_counts_no_sync_that_left_its_marketplace_out(
    start_simulator: StartSimulator,
) -> None:
    sim = seller(start_simulator)
    account = sim.accounts[0]
    account.denied = frozenset({GB})
    platform = platform_of(sim)
    log = sync(platform)
    account.denied = frozenset()
    places = {key: order["marketplace_id"] for key, order in account.truth_orders().items()}
    [elsewhere] = [key for key, place in places.items() if place == DE][:1]
    [left_out] = [key for key, place in places.items() if place == GB][:1]
    assert [each.pk for each in ask(platform, elsewhere).covering] == [log.pk]
    assert ask(platform, left_out).covering == []
    assert log.window_start
    assert state().watermark_of(GB) == log.window_start
