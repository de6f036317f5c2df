"""Data sets of orders that Amazon refuses: left out for a day, noted, tried again. Over HTTP, into the database."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from api.tests.rest import superuser
from conftest import api_config
from integrations.errors import RequestRefused
from integrations.lookup.order import ask, store
from integrations.models import ApiQuota, StreamState, SyncFailure, SyncLog
from integrations.sync.connection_check import check_platform
from integrations.sync.datasets import left_out
from integrations.sync.failures import replay
from integrations.sync.run import run_sync
from integrations.tests.states import set_states
from integrations.tests.syncing import (
    ALWAYS,
    open_sync,
    order_page,
    platform_of,
    raw_order,
    refusal,
    requests_of,
    stored_orders,
    sync,
)
from orders.models import Order
from platforms.models import Platform
from simulator import Account, Rule, Simulator

pytestmark = pytest.mark.django_db(transaction=True)

StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
WITHOUT_BUYER = "FULFILLMENT,PROCEEDS,CANCELLATION,PACKAGES,TAX,RECIPIENT"
EVERYTHING = "FULFILLMENT,PROCEEDS,CANCELLATION,PACKAGES,TAX,BUYER,RECIPIENT"


def refusing(start_simulator: StartSimulator, *names: str) -> tuple[Simulator, Platform]:
    """A seller whose app lacks the role for these data sets, and whose platform asks for buyer data."""
    sim = start_simulator(Account(orders=5, refused_data=names), page_size=2)
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    return sim, platform


def stored() -> dict[str, str]:
    names: dict[str, str] = StreamState.of(Platform.objects.get(name="amazon"), "orders").refused_datasets
    return names


def resting() -> list[str]:
    """What a sync would leave out now."""
    platform = Platform.objects.get(name="amazon")
    return list(left_out(platform, platform.stream_states.all()))


def asked(sim: Simulator, operation: str = "searchOrders") -> list[str | None]:
    return [params.get("includedData") for params in requests_of(sim, operation)]


def notes(log: SyncLog) -> list[str]:
    return [note["code"] for note in log.notes]


def a_day_later() -> None:
    past = (timezone.now() - timedelta(seconds=1)).isoformat()
    set_states(refused_datasets=dict.fromkeys(stored(), past))


def test_it_does_not_ask_for_a_refused_data_set_again_that_day(start_simulator: StartSimulator) -> None:
    sim, _platform = refusing(start_simulator, "BUYER")
    before = timezone.now()
    first = sync(platform_of(sim))
    assert (first.status, first.created, notes(first)) == (Status.SUCCEEDED, 5, ["dataset_refused"])
    assert asked(sim) == [EVERYTHING, *[WITHOUT_BUYER] * 3]
    until = datetime.fromisoformat(stored()["BUYER"])
    assert timedelta(hours=24) - timedelta(minutes=1) < until - before < timedelta(hours=24, minutes=1)
    second = sync(platform_of(sim))
    assert (second.status, notes(second)) == (Status.SUCCEEDED, ["dataset_left_out"])
    assert f"{until:%Y-%m-%d %H:%M} UTC" in second.notes[0]["message"]
    assert "BUYER" in second.notes[0]["message"]
    assert set(asked(sim)[4:]) == {WITHOUT_BUYER}


def test_it_is_remembered_before_a_page_without_it_is_stored(start_simulator: StartSimulator) -> None:
    """Whatever kills the process then, something says that these orders lack it: they are read again."""
    _sim, platform = refusing(start_simulator, "BUYER")
    remembered: list[list[str]] = []
    sync(platform, on_page=lambda _log: remembered.append(list(stored())))
    assert remembered == [["BUYER"]] * 3


def test_it_tries_again_the_next_day(start_simulator: StartSimulator) -> None:
    sim, _platform = refusing(start_simulator, "BUYER")
    sync(platform_of(sim))
    a_day_later()
    assert notes(sync(platform_of(sim))) == ["dataset_refused"]
    assert datetime.fromisoformat(stored()["BUYER"]) > timezone.now()
    a_day_later()
    sim.accounts[0].refused_data = frozenset()
    assert notes(sync(platform_of(sim))) == []
    assert stored() == {}
    assert asked(sim)[-1] == EVERYTHING


def test_it_leaves_it_out_when_a_failure_is_replayed(start_simulator: StartSimulator) -> None:
    sim, platform = refusing(start_simulator, "BUYER")
    [external_id, other, *_] = sim.accounts[0].order_ids()
    sim.script(
        "searchOrders",
        *[order_page(*[raw_order(orderId=each, createdTime="?") for each in (external_id, other)])],
    )
    sync(platform)
    first, second = SyncFailure.objects.order_by("pk")
    assert not replay(first).is_open
    assert asked(sim, "getOrder") == [EVERYTHING, WITHOUT_BUYER]
    assert list(stored()) == ["BUYER"]
    assert not replay(second).is_open
    assert asked(sim, "getOrder")[2:] == [WITHOUT_BUYER]


def test_it_leaves_it_out_when_one_order_is_looked_up(start_simulator: StartSimulator) -> None:
    sim, platform = refusing(start_simulator, "BUYER")
    [external_id, *_] = sim.accounts[0].order_ids()
    ask(platform, external_id)
    assert asked(sim, "getOrder") == [EVERYTHING, WITHOUT_BUYER]
    assert list(stored()) == ["BUYER"]
    store(Platform.objects.get(pk=platform.pk), external_id)
    assert asked(sim, "getOrder")[2:] == [WITHOUT_BUYER]


def test_it_begins_again_without_a_data_set_that_is_refused_on_a_later_page(
    start_simulator: StartSimulator,
) -> None:
    sim, platform = refusing(start_simulator)

    def withdraw(log: SyncLog) -> None:
        sim.accounts[0].refused_data = frozenset({"RECIPIENT"})

    log = sync(platform, on_page=withdraw)
    assert (log.status, Order.objects.count(), notes(log)) == (Status.SUCCEEDED, 5, ["dataset_refused"])
    assert list(stored()) == ["RECIPIENT"]


def test_it_blames_no_data_set_where_everything_is_refused(start_simulator: StartSimulator) -> None:
    sim, platform = refusing(start_simulator)
    sim.script(
        "searchOrders", *[refusal(403, "Unauthorized", "Access to requested resource is denied.")] * ALWAYS
    )
    assert sync(platform).error_code == "forbidden"
    assert stored() == {}


def remember_one(start_simulator: StartSimulator) -> tuple[Simulator, Platform]:
    sim, platform = refusing(start_simulator, "BUYER")
    sync(platform)
    assert list(stored()) == ["BUYER"]
    return sim, Platform.objects.get(pk=platform.pk)


def test_it_asks_again_with_credentials_from_the_api(start_simulator: StartSimulator) -> None:
    sim, platform = remember_one(start_simulator)
    changed = api_config(sim.accounts[0], client_secret="another")
    address = f"/platforms/{platform.pk}"
    client = superuser()
    assert client.patch(address, {"display_name": "Shop"}, format="json").status_code == 200
    assert client.put(address, {"api_config": api_config(sim.accounts[0])}, format="json").status_code == 200
    assert resting() == ["BUYER"]
    assert client.put(address, {"api_config": changed}, format="json").status_code == 200
    assert resting() == []


def test_it_asks_again_with_credentials_from_sql(start_simulator: StartSimulator) -> None:
    sim, platform = remember_one(start_simulator)
    with connection.cursor() as cursor:
        plain = json.dumps(api_config(sim.accounts[0]))
        cursor.execute("UPDATE platforms SET api_config = %s WHERE id = %s", [plain, platform.pk])
    sim.accounts[0].refused_data = frozenset()
    assert notes(sync(Platform.objects.get(pk=platform.pk))) == []
    assert asked(sim)[-1] == EVERYTHING


def test_it_leaves_nothing_out_for_credentials_which_changed_meanwhile(
    start_simulator: StartSimulator,
) -> None:
    sim, platform = refusing(start_simulator, "BUYER")
    sync(platform, on_page=lambda log: platform_of(sim, client_secret="another") and None)
    assert resting() == []


def test_it_asks_again_once_the_check_finds_that_it_works(start_simulator: StartSimulator) -> None:
    sim, platform = remember_one(start_simulator)
    check_platform(platform)
    assert resting() == ["BUYER"]
    sim.accounts[0].refused_data = frozenset()
    check_platform(platform)
    assert resting() == []
    assert notes(sync(Platform.objects.get(pk=platform.pk))) == []
    assert stored() == {}


@pytest.mark.parametrize("name", ["FULFILLMENT", "PROCEEDS", "CANCELLATION", "PACKAGES", "TAX"])
def test_it_keeps_what_an_earlier_sync_brought(start_simulator: StartSimulator, name: str) -> None:
    sim, platform = refusing(start_simulator)
    account = sim.accounts[0]
    sync(platform)
    before = stored_orders(platform)
    account.refused_data = frozenset({name})
    for external_id in account.order_ids():
        account.change_order(external_id, at=timezone.now() - timedelta(minutes=5))
    log = sync(Platform.objects.get(pk=platform.pk))
    assert (log.status, log.updated) == (Status.SUCCEEDED, 5)
    lost = {
        (external_id, field)
        for external_id, order in stored_orders(platform).items()
        for field, value in order.items()
        if value in (None, "") and before[external_id][field] not in (None, "")
    }
    assert lost == set()
    lines = [
        (old, new)
        for key, order in stored_orders(platform).items()
        for old, new in zip(before[key]["items"], order["items"], strict=True)
    ]
    assert [
        (old, new)
        for old, new in lines
        if (old["unit_price"], old["total"], old["sku"]) != (new["unit_price"], new["total"], new["sku"])
    ] == []


@pytest.mark.parametrize("interrupted", [False, True], ids=["in one go", "put back on the way"])
def test_it_reads_again_what_was_read_without_a_data_set_that_came_back(
    start_simulator: StartSimulator, interrupted: bool
) -> None:
    sim, platform = refusing(start_simulator, "PROCEEDS")
    sync(platform)
    truth = sim.accounts[0].truth_orders()
    assert all(order["total"] is None for order in stored_orders(platform).values())
    a_day_later()
    sim.accounts[0].refused_data = frozenset()
    set_states(watermark=timezone.now() - timedelta(days=10))
    log = open_sync(platform)
    pages: list[int] = []
    run_sync(
        log.pk, on_page=lambda log: pages.append(log.pages), stopping=lambda: interrupted and len(pages) == 1
    )
    assert run_sync(log.pk).status == Status.SUCCEEDED
    following = sync(Platform.objects.get(pk=platform.pk))
    assert following.window_start is not None
    assert following.window_start < timezone.now() - timedelta(days=29)
    assert stored_orders(platform) == truth
    again = sync(Platform.objects.get(pk=platform.pk))
    assert again.window_start is not None
    assert again.window_start > timezone.now() - timedelta(days=2)


# --- refused without a name


def refusing_without_a_word(start_simulator: StartSimulator, *names: str) -> tuple[Simulator, Platform]:
    sim, platform = refusing(start_simulator)
    sim.accounts[0].unnamed_data = frozenset(names)
    return sim, platform


@pytest.mark.parametrize(
    "names", [("FULFILLMENT",), ("BUYER",), ("TAX", "RECIPIENT"), EVERYTHING.split(",")], ids=len
)
def test_it_finds_the_data_sets_that_a_refusal_does_not_name(
    start_simulator: StartSimulator, names: tuple[str, ...]
) -> None:
    _sim, platform = refusing_without_a_word(start_simulator, *names)
    log = sync(platform)
    assert (log.status, log.created, notes(log)) == (Status.SUCCEEDED, 5, ["dataset_refused"])
    assert set(stored()) == set(names)
    assert log.api_calls <= (18 if len(names) > 2 else 13)
    again = sync(Platform.objects.get(pk=platform.pk))
    assert (again.status, again.api_calls, set(notes(again))) == (Status.SUCCEEDED, 1, {"dataset_left_out"})


def test_refusals_of_a_moment_that_look_like_one_of_a_data_set_leave_none_out(
    start_simulator: StartSimulator,
) -> None:
    sim, platform = refusing(start_simulator)
    sim.rules.add(Rule(operation="searchOrders", nth=1, times=2, fault=refusal(403)))
    sim.rules.add(Rule(operation="searchOrders", nth=4, times=2, fault=refusal(400)))
    log = sync(platform)
    assert (log.status, log.created, notes(log), stored()) == (Status.SUCCEEDED, 5, [], {})
    assert not Order.objects.filter(status="unknown").exists()


def test_it_finds_a_data_set_beside_a_marketplace_that_is_denied(start_simulator: StartSimulator) -> None:
    places = ("A1PA6795UKMFR9", "A13V1IB3VIYZZH")
    sim = start_simulator(Account(orders=20, marketplace_ids=places, denied=places[1:]))
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    log = sync(platform)
    assert (log.status, notes(log), stored()) == (Status.PARTIAL, ["marketplace_not_read"], {})
    assert asked(sim)[-2:] == [EVERYTHING, EVERYTHING]


def test_it_goes_on_with_the_search_when_there_is_quota_again(start_simulator: StartSimulator) -> None:
    sim, platform = refusing_without_a_word(start_simulator, "TAX")
    log = open_sync(platform)
    rounds = 0
    while log.status not in (Status.SUCCEEDED, Status.FAILED) and rounds < 20:
        ApiQuota.objects.update(tokens=1, rate=0.0056, burst=20, updated_at=timezone.now())
        SyncLog.objects.update(resume_at=timezone.now())
        log, rounds = run_sync(log.pk), rounds + 1
    assert (log.status, log.created, list(stored())) == (Status.SUCCEEDED, 5, ["TAX"])
    calls = asked(sim)
    assert len(calls) - len(set(calls)) <= 3  # pages


def test_a_refusal_that_was_only_of_the_moment_blames_nothing(start_simulator: StartSimulator) -> None:
    sim, platform = refusing(start_simulator)
    sim.script("searchOrders", refusal(400, "InvalidInput", "The input you have submitted is not valid."))
    log = sync(platform)
    assert (log.status, log.created, log.notes, stored()) == (Status.SUCCEEDED, 5, [], {})


@pytest.mark.parametrize("names", [("TAX",), ("PROCEEDS", "RECIPIENT"), EVERYTHING.split(",")], ids=len)
def test_a_question_about_one_order_finds_them_as_well(
    start_simulator: StartSimulator, names: tuple[str, ...]
) -> None:
    sim, platform = refusing_without_a_word(start_simulator, *names)
    [external_id, other, *_] = sim.accounts[0].order_ids()
    found = ask(platform, external_id)
    assert (found.record is not None, set(stored())) == (True, set(names))
    assert len(asked(sim, "getOrder")) <= 17
    before = len(asked(sim, "getOrder"))
    store(Platform.objects.get(pk=platform.pk), other)
    assert len(asked(sim, "getOrder")) == before + 1
    assert list(stored_orders(platform)) == [other]


def test_a_replay_finds_them_as_well(start_simulator: StartSimulator) -> None:
    sim, platform = refusing_without_a_word(start_simulator)
    [external_id, *_] = sim.accounts[0].order_ids()
    sim.script("searchOrders", order_page(raw_order(orderId=external_id, createdTime="?")))
    sync(platform)
    sim.accounts[0].unnamed_data = frozenset({"TAX"})
    assert not replay(SyncFailure.objects.get()).is_open
    assert list(stored()) == ["TAX"]
    assert external_id in stored_orders(platform)


def test_an_order_that_is_refused_whatever_is_asked_for_blames_no_data_set(
    start_simulator: StartSimulator,
) -> None:
    sim, platform = refusing(start_simulator)
    sim.script("getOrder", *[refusal(400, "InvalidInput", "Invalid input.")] * ALWAYS)
    with pytest.raises(RequestRefused):
        ask(platform, sim.accounts[0].order_ids()[0])
    assert (len(asked(sim, "getOrder")), stored()) == (2, {})
