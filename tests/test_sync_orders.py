"""Orders, from Amazon's answers over HTTP to the database."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from integrations.amazon.config import load
from integrations.models import ApiQuota, SyncFailure, SyncLog
from integrations.sync.cancel import cancel_sync
from integrations.sync.run import run_sync
from integrations.sync.windows import WindowRequest
from integrations.tests.states import set_states, watermark_of
from integrations.tests.syncing import (
    ALWAYS,
    QUOTA_EXCEEDED,
    UNAVAILABLE,
    no_writes,
    open_sync,
    order_page,
    platform_of,
    raw_item,
    raw_order,
    requests_of,
    stored_orders,
    sync,
)
from orders.models import Order, OrderItem
from platforms.models import Platform, Source
from simulator import CANARY, Account, ExpirePageTokens, Rule, Simulator

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
US, CA, MX, JP, DE, FR = (
    "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1AM78C64UM0Y8", "A1VC38T7YXB528", "A1PA6795UKMFR9", "A13V1IB3VIYZZH",
)  # fmt: skip


def now_less_the_lag() -> datetime:
    return timezone.now().replace(microsecond=0) - timedelta(minutes=3)


# --- what is stored


def test_it_stores_a_thousand_orders_as_amazon_reports_them(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=1000, skus=200)
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.fetched, log.created, log.failed) == (Status.SUCCEEDED, 1000, 1000, 0)
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert set(Order.objects.values_list("source", flat=True)) == {Source.LIVE}
    assert (sim.calls["searchOrders"], sim.calls["token"], log.api_calls) == (10, 1, 10)


def test_it_repeats_all_parameters_with_every_page(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=250)
    sync(platform_of(sim))
    calls = requests_of(sim, "searchOrders")
    tokens = [call.pop("paginationToken", "") for call in calls]
    assert calls[0] == calls[1] == calls[2]
    assert calls[0]["maxResultsPerPage"] == "100"
    assert len(set(tokens)) == 3
    assert tokens[0] == ""


def test_it_asks_for_all_marketplaces_in_one_call(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=90, skus=40, marketplace_ids=(DE, FR)))
    platform = platform_of(sim)
    assert sync(platform).status == Status.SUCCEEDED
    assert [call["marketplaceIds"] for call in requests_of(sim, "searchOrders")] == [f"{DE},{FR}"]
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


def test_it_stores_amounts_in_yen(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=60, skus=40, marketplace_ids=(JP,)))
    platform = platform_of(sim)
    assert sync(platform).status == Status.SUCCEEDED
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert Order.objects.filter(currency="JPY", total__gt=0).count() > 30


@pytest.mark.parametrize("by", ["updated", "created"])
def test_it_reads_the_window_that_was_asked_for(start_simulator: StartSimulator, by: str) -> None:
    sim = start_simulator(orders=200)
    since, until = (timezone.now().replace(microsecond=0) - timedelta(days=days) for days in (9, 4))
    platform = platform_of(sim)
    log = sync(platform, window=WindowRequest(by, since, until))
    field = "platform_updated_at" if by == "updated" else "purchased_at"
    truth = sim.accounts[0].truth_orders()
    assert stored_orders(platform) == {
        key: each for key, each in truth.items() if since <= each[field] <= until
    }
    assert (log.window_by, log.window_start, log.window_end) == (by, since, until)
    assert log.fetched > 10


# --- the same again


def test_it_writes_no_row_for_what_has_not_changed(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=230)
    platform = platform_of(sim)
    first = sync(platform)
    with no_writes():
        second = sync(platform, window=WindowRequest("updated", first.window_start, first.window_end))
    assert (second.status, second.fetched, second.unchanged) == (Status.SUCCEEDED, 230, 230)
    assert (second.created, second.updated) == (0, 0)


def test_it_counts_an_order_on_two_pages_once(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    one, two, three = (raw_order(number) for number in (1, 2, 3))
    sim.script("searchOrders", order_page(one, two, two, token="more"), order_page(two, three))
    log = sync(platform_of(sim))
    assert (log.status, log.fetched, log.created, log.unchanged) == (Status.SUCCEEDED, 5, 3, 2)
    assert Order.objects.count() == OrderItem.objects.count() == 3


def test_it_removes_lines_that_vanished(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script(
        "searchOrders", order_page(raw_order(items=3)), order_page(raw_order(items=2, updated="2026-11-02"))
    )
    platform = platform_of(sim)
    sync(platform)
    log = sync(platform)
    assert (log.updated, log.created) == (1, 0)
    assert [item.sku for item in OrderItem.objects.all()] == ["SKU-1", "SKU-2"]


def test_it_never_overwrites_an_order_with_an_older_copy(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    shipped = {"fulfillmentStatus": "SHIPPED"}
    new, old = raw_order(fulfillment=shipped, updated="2026-11-05T00:00:00Z"), raw_order()
    sim.script("searchOrders", order_page(new), order_page(old), order_page(old, new, old))
    platform = platform_of(sim)
    sync(platform)
    for _ in range(2):
        with no_writes():
            assert sync(platform).status == Status.SUCCEEDED
    assert Order.objects.get().status == "shipped"


def test_it_keeps_what_a_later_answer_leaves_out(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    total = {"grandTotal": {"amount": "12.50", "currencyCode": "EUR"}}
    sim.script(
        "searchOrders",
        order_page(raw_order(proceeds=total)),
        order_page(raw_order(updated="2026-11-02T00:00:00Z")),
    )
    platform = platform_of(sim)
    sync(platform)
    assert sync(platform).updated == 1
    order = Order.objects.get()
    assert (order.total, order.currency) == (Decimal("12.50"), "EUR")
    assert order.platform_updated_at == datetime(2026, 11, 2, tzinfo=UTC)


# --- one bad order costs one order


@pytest.mark.parametrize(
    "damage",
    [
        {"createdTime": "yesterday"},
        {"createdTime": "0001-01-01T00:00:00+14:00"},
        {"orderItems": None},
        {"orderItems": [raw_item(), raw_item()]},
        {"orderItems": [raw_item(quantityOrdered="1E+99999999")]},
        {"proceeds": {"grandTotal": {"amount": "1E+99999999", "currencyCode": "USD"}}},
        {"proceeds": {"grandTotal": {"amount": "12,50", "currencyCode": "USD"}}},
        {"createdTime": None, "extension": float("nan")},
        {"createdTime": None, "extension": "\ud800", "orderId": "111-\ud800"},
    ],
)
def test_it_loses_nothing_but_the_malformed_order(
    start_simulator: StartSimulator, damage: dict[str, Any]
) -> None:
    sim = start_simulator()
    person: dict[str, Any] = {
        "buyer": {"buyerName": CANARY},
        "recipient": {"deliveryAddress": {"city": CANARY}},
    }
    gift: dict[str, Any] = {"packing": {"giftOption": {"giftMessage": CANARY}}}
    bad = raw_order(2, **({"fulfillment": gift} | person | damage))
    sim.script("searchOrders", order_page(raw_order(1), bad, raw_order(3)))
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.error_code, log.fetched, log.created, log.failed) == (Status.PARTIAL, "", 3, 2, 1)
    failure = SyncFailure.objects.get(log=log)
    assert failure.error_code == "malformed"
    assert failure.external_id.startswith("111-")
    assert failure.payload["lastUpdatedTime"] == "2026-11-01T10:00:00Z"
    assert CANARY not in json.dumps(failure.payload) + failure.error_message
    assert watermark_of(platform) == log.window_end


def test_it_stores_the_neighbours_of_an_order_that_the_database_refuses(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator()
    orders = [raw_order(number) for number in range(1, 21)]
    orders[13] |= {"orderItems": [raw_item(quantityOrdered=10**30)], "buyer": {"buyerName": CANARY}}
    sim.script("searchOrders", order_page(*orders))
    log = sync(platform_of(sim))
    assert (log.status, log.created, log.failed) == (Status.PARTIAL, 19, 1)
    failure = SyncFailure.objects.get(log=log)
    assert (failure.external_id, failure.error_code) == ("111-0000000-0000014", "not_storable")
    assert CANARY not in failure.error_message + json.dumps(failure.payload)


def test_it_takes_an_order_that_is_nested_too_deep_for_a_database(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    deep: Any = "end"
    for _ in range(400):
        deep = {"deeper": deep}
    sim.script("searchOrders", order_page(raw_order(1, extension=deep), raw_order(2)))
    log = sync(platform_of(sim))
    assert (log.status, log.created) == (Status.SUCCEEDED, 2)


# --- the window and the watermark


def test_it_looks_back_30_days_at_first_and_moves_the_watermark_to_the_windows_end(
    start_simulator: StartSimulator,
) -> None:
    platform = platform_of(start_simulator(orders=5))
    earliest = now_less_the_lag()
    log = sync(platform)
    assert log.window_start is not None
    assert log.window_end is not None
    assert earliest <= log.window_end <= now_less_the_lag()
    assert log.window_end - log.window_start == timedelta(days=30)
    assert watermark_of(platform) == log.window_end


def test_it_goes_on_ten_minutes_before_the_watermark(start_simulator: StartSimulator, settings: Any) -> None:
    settings.ORDERS_LOOK_BACK_HOURS = 0
    sim = start_simulator(orders=5)
    platform = platform_of(sim)
    watermark = timezone.now().replace(microsecond=0) - timedelta(hours=3)
    scope = load(platform.api_config).scope
    set_states(watermark=watermark, watermark_scope=scope)
    log = sync(platform)
    assert log.window_start == watermark - timedelta(minutes=10)
    (call,) = requests_of(sim, "searchOrders")
    assert call["lastUpdatedAfter"] == f"{watermark - timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}"
    assert call["lastUpdatedBefore"] == f"{log.window_end:%Y-%m-%dT%H:%M:%SZ}"


def test_it_moves_the_watermark_only_at_the_end(start_simulator: StartSimulator) -> None:
    seen = []
    platform = platform_of(start_simulator(orders=30, page_size=10))
    log = sync(platform, on_page=lambda log: seen.append(watermark_of()))
    assert seen == [None, None, None]
    assert watermark_of() == log.window_end


def fail(sim: Simulator, platform: Platform) -> SyncLog:
    sim.script("searchOrders", *[UNAVAILABLE] * ALWAYS)
    return sync(platform)


def cancel(sim: Simulator, platform: Platform) -> SyncLog:
    return sync(platform, on_page=lambda log: cancel_sync(log))


def ask_explicitly(sim: Simulator, platform: Platform) -> SyncLog:
    return sync(platform, window=WindowRequest("updated", timezone.now() - timedelta(days=9)))


def ask_by_creation(sim: Simulator, platform: Platform) -> SyncLog:
    return sync(platform, window=WindowRequest("created"))


def fall_back(sim: Simulator, platform: Platform) -> SyncLog:
    Platform.objects.update(api_config={})
    platform.refresh_from_db()
    return sync(platform)


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (fail, Status.FAILED),
        (cancel, Status.CANCELLED),
        (ask_explicitly, Status.SUCCEEDED),
        (ask_by_creation, Status.SUCCEEDED),
        (fall_back, Status.FALLBACK),
    ],
)
def test_it_leaves_the_watermark_of_other_runs_alone(
    start_simulator: StartSimulator, settings: Any, run: Callable[[Simulator, Platform], SyncLog], status: str
) -> None:
    settings.MOCK_FALLBACK = "always" if run is fall_back else "never"
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    watermark = timezone.now().replace(microsecond=0) - timedelta(days=2)
    set_states(watermark=watermark, watermark_scope=US)
    assert run(sim, platform).status == status
    assert watermark_of() == watermark


def test_it_starts_over_for_a_new_marketplace(start_simulator: StartSimulator, settings: Any) -> None:
    settings.ORDERS_LOOK_BACK_HOURS = 0
    sim = start_simulator(Account(orders=20, marketplace_ids=(US, CA, MX)))
    platform = platform_of(sim, additional_marketplace_ids=[CA])
    first = sync(platform)
    platform = platform_of(sim, additional_marketplace_ids=[CA, MX])
    wider = sync(platform)
    platform = platform_of(sim, additional_marketplace_ids=[])
    narrower = sync(platform)
    assert wider.window_start is not None
    assert first.window_start is not None
    assert timedelta(0) <= wider.window_start - first.window_start < timedelta(minutes=1)
    assert wider.window_end is not None
    assert narrower.window_start == wider.window_end - timedelta(minutes=10)


def test_it_starts_over_for_another_seller(start_simulator: StartSimulator, settings: Any) -> None:
    settings.ORDERS_LOOK_BACK_HOURS = 0
    other = Account(seed=8, orders=20, refresh_token="Atzr|other")
    new_secret = Account(seed=8, orders=20, refresh_token="Atzr|other", client_secret="rotated")
    sync(platform_of(start_simulator(orders=20)))
    second = sync(platform_of(start_simulator(other)))
    again = sync(platform_of(start_simulator(new_secret)))
    assert second.window_end is not None
    assert second.window_start == second.window_end - timedelta(days=30)
    assert again.window_start == second.window_end - timedelta(minutes=10)


def test_a_new_client_secret_takes_over_within_the_week_in_which_both_work(
    start_simulator: StartSimulator, settings: Any
) -> None:
    settings.ORDERS_LOOK_BACK_HOURS = 0
    sim = start_simulator(orders=5)
    (account,) = sim.accounts
    platform = platform_of(sim)
    logs = [sync(platform)]
    account.rotate_secret("rotated")
    sim.expire_tokens()
    logs.append(sync(platform))  # with the old one
    platform.replace_config({**platform.api_config, "client_secret": "rotated"})
    platform.save()
    logs.append(sync(platform))
    account.former_secret = ""  # the week is over
    sim.expire_tokens()
    logs.append(sync(platform))
    assert [log.status for log in logs] == [SyncLog.Status.SUCCEEDED] * 4
    for before, after in pairwise(logs):  # and nothing is read again
        assert before.window_end is not None
        assert after.window_start == before.window_end - timedelta(minutes=10)
    platform.replace_config({**platform.api_config, "client_secret": "sim-secret"})
    platform.save()
    assert sync(platform).error_code == "invalid_client"


def test_it_starts_over_for_a_marketplace_that_came_while_a_run_was_put_back(
    start_simulator: StartSimulator,
) -> None:
    """The run that was interrupted did not read the new marketplace from its first page on."""
    sim = start_simulator(Account(orders=30, marketplace_ids=(US, CA)), page_size=10)
    platform = platform_of(sim, additional_marketplace_ids=[])
    sync(platform)
    log = open_sync(platform)
    sim.script("searchOrders", QUOTA_EXCEEDED)
    assert run_sync(log.pk).status == SyncLog.Status.WAITING
    SyncLog.objects.update(resume_at=timezone.now())
    ApiQuota.objects.update(tokens=9)
    platform_of(sim)
    assert run_sync(log.pk).status == SyncLog.Status.SUCCEEDED
    following = sync(Platform.objects.get())
    assert following.window_end is not None
    assert following.window_start == following.window_end - timedelta(days=30)


def test_it_moves_the_watermark_no_further_than_amazon_answered_for(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    until = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    answered = f"{until:%Y-%m-%dT%H:%M:%SZ}"
    sim.script("searchOrders", order_page(raw_order(), lastUpdatedBefore=answered))
    platform = platform_of(sim)
    assert sync(platform).status == Status.SUCCEEDED
    assert watermark_of(platform) == until


# --- page tokens


def test_it_reads_the_window_again_when_the_page_token_has_expired(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=30, page_size=10)
    sim.rules.add(Rule(operation="searchOrders", nth=2, fault=ExpirePageTokens()))
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.created, log.unchanged) == (Status.SUCCEEDED, 30, 10)
    assert [note["code"] for note in log.notes] == ["restarted"]
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert sim.calls["searchOrders"] == 1 + 1 + 3


def test_it_gives_up_on_page_tokens_that_always_expire(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim = start_simulator(orders=30, page_size=10, order_token_seconds=0)
    log = sync(platform_of(sim))
    assert (log.status, log.error_code) == (Status.FAILED, "bad_request")
    assert log.created == 10
    assert watermark_of() is None


def test_it_stops_where_the_pages_go_in_circles(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", *[order_page(raw_order(number), token="same") for number in range(1, 9)])
    log = sync(platform_of(sim))
    assert (log.status, log.error_code, log.created) == (Status.FAILED, "page_loop", 2)
    assert sim.calls["searchOrders"] == 2
    assert watermark_of() is None
