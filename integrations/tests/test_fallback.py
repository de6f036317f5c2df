"""MOCK_FALLBACK: when invented data stands in, what the sync says then, and that it never touches live data."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from integrations.amazon import mock
from integrations.models import SyncLog
from integrations.sync.run import run_sync
from integrations.tests.states import watermark_of
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    ORDERS,
    UNAVAILABLE,
    Json,
    open_sync,
    order_page,
    platform_of,
    raw_order,
    stored_orders,
    stored_stock,
    sync,
)
from inventory.models import InventoryItem
from orders.models import Order
from platforms.models import Platform, Source
from simulator import Account, Rule, Simulator

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Problem = Callable[[Simulator], None]
Status = SyncLog.Status
MODELS: dict[str, Any] = {ORDERS: Order, INVENTORY: InventoryItem}
OPERATIONS: dict[str, str] = {ORDERS: "searchOrders", INVENTORY: "getInventorySummaries"}
COMMANDS: dict[str, str] = {ORDERS: "sync_orders", INVENTORY: "sync_inventory"}
KINDS = pytest.mark.parametrize("kind", [ORDERS, INVENTORY])
MOCK_ROWS: dict[str, int] = {ORDERS: mock.ORDERS, INVENTORY: len(mock.PRODUCTS)}


def no_credentials(sim: Simulator) -> None:
    Platform.objects.update(api_config={})


def incomplete_credentials(sim: Simulator) -> None:
    platform = Platform.objects.get()
    del platform.api_config["refresh_token"]
    platform.save()


def wrong_secret(sim: Simulator) -> None:
    platform_of(sim, client_secret="another")


def outage_from_page(page: int) -> Rule:
    """The next page is asked for before the current one is stored, so the simulator counts, not the test."""
    return Rule(operation="searchOrders", nth=page, times=ALWAYS, fault=UNAVAILABLE)


def outage(sim: Simulator) -> None:
    for operation in OPERATIONS.values():
        sim.script(operation, *[UNAVAILABLE] * ALWAYS)


PROBLEMS: dict[Problem, str] = {
    no_credentials: "config",
    incomplete_credentials: "config",
    wrong_secret: "invalid_client",
    outage: "unavailable",
}


class Exit:
    """What a sync command told a script: one sync, and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str], kind: str) -> None:
        self.status = 0
        capsys.readouterr()
        try:
            call_command(COMMANDS[kind], "amazon", "--json")
        except SystemExit as stop:
            self.status = int(stop.code or 0)
        (line,) = capsys.readouterr().out.splitlines()
        self.sync: Json = json.loads(line)


def rows(kind: str, source: str) -> list[Json]:
    """The rows of a source, every column of theirs, those of an order's items too."""
    found = list(MODELS[kind].objects.filter(source=source).order_by("pk").values())
    if kind == ORDERS:
        for row in found:
            row["items"] = list(Order.objects.get(pk=row["id"]).items.order_by("pk").values())
    return found


@KINDS
@pytest.mark.parametrize("was_live", [False, True], ids=["never live", "has been live"])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.__name__)
@pytest.mark.parametrize("mode", ["auto", "always", "never"])
def test_it_falls_back_as_the_setting_says(
    start_simulator: StartSimulator,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
    mode: str,
    problem: Problem,
    was_live: bool,
    kind: str,
) -> None:
    settings.MOCK_FALLBACK = mode
    sim = start_simulator(orders=12, skus=4)
    platform = platform_of(sim)
    if was_live:
        assert sync(platform, kind).status == Status.SUCCEEDED
    live, watermark = rows(kind, Source.LIVE), watermark_of()
    problem(sim)
    ended = Exit(capsys, kind)
    stands_in = mode == "always" or (mode == "auto" and not was_live)
    assert (ended.sync["status"], ended.status) == ((Status.FALLBACK, 3) if stands_in else (Status.FAILED, 1))
    assert ended.sync["source"] == (
        Source.MOCK if stands_in else Source.LIVE if problem in (wrong_secret, outage) else ""
    )
    assert ended.sync["error_code"] == PROBLEMS[problem]
    assert len(ended.sync["error_message"]) > 30
    assert ended.sync["request_id"] == ("req-503" if problem is outage else "")
    assert len(rows(kind, Source.MOCK)) == (MOCK_ROWS[kind] if stands_in else 0)
    assert rows(kind, Source.LIVE) == live
    assert bool(live) == was_live
    assert watermark_of() == watermark


@KINDS
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.__name__)
def test_it_has_the_error_on_the_row_before_the_first_mock_record(
    start_simulator: StartSimulator, problem: Problem, kind: str
) -> None:
    sim = start_simulator()
    platform_of(sim)
    problem(sim)
    seen = []
    log = sync(
        Platform.objects.get(), kind, on_page=lambda log: seen.append(SyncLog.objects.get().error_code)
    )
    assert set(seen) == {PROBLEMS[problem]}
    assert (log.status, [note["code"] for note in log.notes]) == (Status.FALLBACK, ["mock"])


def test_it_goes_on_with_the_mock_data_after_an_interruption(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    outage(sim)
    log = open_sync(platform)
    parked = run_sync(log.pk, stopping=lambda: True)
    assert (parked.status, parked.source, parked.fetched) == (Status.QUEUED, Source.MOCK, mock.PAGE_SIZE)
    ended = run_sync(log.pk)
    assert (ended.status, ended.error_code, ended.fetched) == (Status.FALLBACK, "unavailable", mock.ORDERS)
    assert sim.calls["searchOrders"] == 4


# --- what counts as live


@pytest.mark.parametrize(("live", "failing"), [(ORDERS, INVENTORY), (INVENTORY, ORDERS)])
def test_it_invents_nothing_once_either_kind_was_live(
    start_simulator: StartSimulator, live: str, failing: str
) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    sync(platform, live)
    outage(sim)
    assert sync(platform, failing).status == Status.FAILED
    assert rows(failing, Source.MOCK) == []


@KINDS
def test_it_invents_nothing_for_an_account_that_is_empty(start_simulator: StartSimulator, kind: str) -> None:
    sim = start_simulator(Account(orders=0, skus=1))
    platform = platform_of(sim)
    assert sync(platform, ORDERS).fetched == 0
    outage(sim)
    assert sync(platform, kind).status == Status.FAILED


def test_it_invents_nothing_after_a_first_page_of_live_orders(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=25, page_size=10)
    sim.rules.add(outage_from_page(2))
    log = sync(platform_of(sim))
    assert (log.status, log.source, log.error_code) == (Status.FAILED, Source.LIVE, "unavailable")
    assert (len(rows(ORDERS, Source.LIVE)), rows(ORDERS, Source.MOCK)) == (10, [])


def test_it_never_counts_mock_records_together_with_live_ones(
    start_simulator: StartSimulator, settings: Any
) -> None:
    settings.MOCK_FALLBACK = "always"
    sim = start_simulator(orders=30, page_size=10)
    sim.rules.add(outage_from_page(2))
    log = sync(platform_of(sim))
    assert (log.status, log.error_code, log.source) == (Status.FAILED, "unavailable", Source.LIVE)
    assert (log.pages, log.fetched, bool(log.checkpoint["page"])) == (1, 10, True)
    assert set(Order.objects.values_list("source", flat=True)) == {Source.LIVE}


def test_it_looks_at_the_platform_alone(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sync(platform_of(sim, "amazon-de"))
    platform = Platform.objects.get(name="amazon")
    assert sync(platform).status == Status.FALLBACK


# --- live and the rest never mix


@KINDS
def test_it_never_replaces_a_live_row_that_has_a_mock_rows_key(
    start_simulator: StartSimulator, settings: Any, kind: str
) -> None:
    settings.MOCK_FALLBACK = "always"
    platform = Platform.objects.get()
    sync(platform, kind)
    first = MODELS[kind].objects.order_by("pk").first()
    MODELS[kind].objects.filter(pk=first.pk).update(source=Source.LIVE, content_hash="")
    before = rows(kind, Source.LIVE)
    log = sync(platform, kind)
    assert (log.status, log.unchanged) == (Status.FALLBACK, MOCK_ROWS[kind])
    assert rows(kind, Source.LIVE) == before


@KINDS
@pytest.mark.parametrize("source", [Source.MOCK, Source.SANDBOX])
def test_it_removes_what_is_not_live_with_the_first_live_sync_of_that_kind(
    start_simulator: StartSimulator, kind: str, source: str
) -> None:
    other = INVENTORY if kind == ORDERS else ORDERS
    neighbour = Platform.objects.create(name="amazon-de")
    for platform in Platform.objects.all():
        for each in (ORDERS, INVENTORY):
            assert sync(platform, each).status == Status.FALLBACK
    for model in MODELS.values():
        model.objects.update(source=source)
    sim = start_simulator(orders=12, skus=4)
    assert sync(platform_of(sim), kind).status == Status.SUCCEEDED
    mine = MODELS[kind].objects.filter(platform__name="amazon")
    assert set(mine.values_list("source", flat=True)) == {Source.LIVE}
    assert MODELS[kind].objects.filter(platform=neighbour, source=source).count() == MOCK_ROWS[kind]
    assert MODELS[other].objects.filter(platform__name="amazon", source=source).count() == MOCK_ROWS[other]


def test_it_stores_exactly_what_is_live_where_there_were_mock_rows(start_simulator: StartSimulator) -> None:
    for kind in (ORDERS, INVENTORY):
        sync(Platform.objects.get(), kind)
    sim = start_simulator(orders=12, skus=4)
    platform = platform_of(sim)
    for kind in (ORDERS, INVENTORY):
        assert sync(platform, kind).status == Status.SUCCEEDED
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert stored_stock(platform) == sim.accounts[0].truth_inventory()


@KINDS
def test_it_keeps_the_mock_rows_while_live_syncs_fail(
    start_simulator: StartSimulator, settings: Any, kind: str
) -> None:
    sync(Platform.objects.get(), kind)
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator()
    platform = platform_of(sim)
    outage(sim)
    assert sync(platform, kind).status == Status.FAILED
    assert len(rows(kind, Source.MOCK)) == MOCK_ROWS[kind]


def test_it_takes_a_partial_live_sync_for_live(start_simulator: StartSimulator) -> None:
    sync(Platform.objects.get())
    sim = start_simulator()
    sim.script("searchOrders", order_page(raw_order(1), raw_order(2, createdTime=None)))
    assert sync(platform_of(sim)).status == Status.PARTIAL
    assert list(Order.objects.values_list("source", flat=True)) == [Source.LIVE]


def test_it_prints_the_promised_mock_data_as_no_error(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    Platform.objects.get_or_create(name="amazon")
    with pytest.raises(SystemExit) as ended:
        call_command("sync_orders", "amazon")
    printed = "".join(capsys.readouterr())
    assert ended.value.code == 3
    assert "MOCK DATA" in printed
    assert "why: No credentials are stored for this platform." in printed
    assert "error" not in printed.lower()
    assert [record for record in caplog.records if record.levelname not in ("INFO", "DEBUG")] == []
