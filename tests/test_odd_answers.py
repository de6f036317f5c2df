"""Odd bytes, numbers and page tokens in an answer cost at most the character or the record that holds them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import SyncFailure, SyncLog
from integrations.sync.failures import replay
from integrations.tests.states import watermark_of
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    order_page,
    platform_of,
    raw_item,
    raw_order,
    stored_orders,
    stored_stock,
    sync,
)
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from simulator import Account, Canned, NotUtf8, OddName, Rule, Simulator
from simulator.model import CANARY

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
JSON = "application/json"


@pytest.fixture(autouse=True)
def _no_mock_data(settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"


def titled(number: int, title: str) -> dict[str, Any]:
    return raw_order(number, orderItems=[raw_item(product={"sellerSku": f"SKU-{number}", "title": title})])


def page_of(title: str, content_type: str = JSON) -> Canned:
    """Three orders, the second of which has this title, in ISO-8859-1 where it cannot be read as UTF-8."""
    document = {"orders": [titled(1, "one"), titled(2, title), titled(3, "three")]}
    return Canned(
        200, json.dumps(document, ensure_ascii=False).encode("iso-8859-1"), {"Content-Type": content_type}
    )


def titles() -> list[str]:
    return list(OrderItem.objects.order_by("sku").values_list("title", flat=True))


def codes(log: SyncLog) -> list[str]:
    return [note["code"] for note in log.notes]


def test_one_odd_byte_costs_that_character(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", page_of("Funci\xf3n"))
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.created, log.failed) == (Status.SUCCEEDED, 3, 0)
    assert titles() == ["one", "Funci\ufffdn", "three"]
    assert codes(log) == ["characters_replaced"]
    assert "111-0000000-0000002" in log.notes[0]["message"]
    assert "0000001" not in log.notes[0]["message"]
    assert watermark_of(platform) == log.window_end


@pytest.mark.parametrize("charset", ["ISO-8859-1", '"windows-1252"'])
def test_a_charset_that_is_stated_is_believed(start_simulator: StartSimulator, charset: str) -> None:
    sim = start_simulator()
    sim.script("searchOrders", page_of("Funci\xf3n", f"{JSON}; Charset={charset}"))
    log = sync(platform_of(sim))
    assert (titles()[1], codes(log)) == ("Funci\xf3n", [])


@pytest.mark.parametrize("charset", ["no-such-charset", "zlib", "utf-8", "ascii"])
def test_a_charset_that_cannot_be_is_not(start_simulator: StartSimulator, charset: str) -> None:
    sim = start_simulator()
    sim.script("searchOrders", page_of("Funci\xf3n", f"{JSON}; charset={charset}"))
    log = sync(platform_of(sim))
    assert (titles()[1], codes(log)) == ("Funci\ufffdn", ["characters_replaced"])


@pytest.mark.parametrize(
    ("escaped", "stored"),
    [
        (r"Teapot \ud83d", "Teapot \ufffd"),
        (r"\ude00 Teapot", "\ufffd Teapot"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"A\u0041\ude00", "AA\ufffd"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
    ],
)
def test_half_of_a_surrogate_pair_costs_that_character(
    start_simulator: StartSimulator, escaped: str, stored: str
) -> None:
    sim = start_simulator()
    body = order_page(
        titled(1, "TITLE"), titled(2, r"lone \ud800 on the same page"), titled(3, "\ud800")
    ).body
    sim.script("searchOrders", Canned(200, body.replace(b"TITLE", escaped.encode()), {"Content-Type": JSON}))
    log = sync(platform_of(sim))
    assert (log.status, log.created, titles()[0]) == (Status.SUCCEEDED, 3, stored)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (b"A\tTeapot", "A\tTeapot"),  # JSON demands escapes for these
        (b"A\x01Tea\npot", "A\x01Tea\npot"),
        (b"A\x01Teap\xf3t", "A\x01Teap\ufffdt"),
        (rb"A\'Teapot", "A\ufffd'Teapot"),
        (rb"A\u00Teapot", "A\ufffd00Teapot"),
        (rb"A \"Tea\\\/pot\u0041", 'A "Tea\\/potA'),
    ],
)
def test_what_json_does_not_allow_in_a_text_costs_at_most_a_character(
    start_simulator: StartSimulator, written: bytes, stored: str
) -> None:
    sim = start_simulator()
    body = order_page(titled(1, "TITLE"), titled(2, "two")).body.replace(b"TITLE", written)
    sim.script("searchOrders", Canned(200, body, {"Content-Type": JSON}))
    log = sync(platform_of(sim))
    assert (log.status, log.created, titles()) == (Status.SUCCEEDED, 2, [stored, "two"])
    assert codes(log) == (["characters_replaced"] if "\ufffd" in stored else [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_how_to_read_an_answer(start_simulator: StartSimulator, encoding: str) -> None:
    sim = start_simulator()
    body = json.dumps({"orders": [titled(1, "Funci\xf3n")]}, ensure_ascii=False).encode(encoding)
    sim.script("searchOrders", Canned(200, body, {"Content-Type": JSON}))
    log = sync(platform_of(sim))
    assert (log.status, titles(), codes(log)) == (Status.SUCCEEDED, ["Funci\xf3n"], [])


@pytest.mark.parametrize(
    "value", ["7" * 5000, "-" + "7" * 5000, "[" * 2000 + "]" * 2000, '{"a":' * 9000 + "1" + "}" * 9000]
)
@pytest.mark.parametrize(("field", "lost"), [("news", 0), ("createdTime", 1)])
def test_an_endless_value_costs_at_most_its_record(
    start_simulator: StartSimulator, value: str, field: str, lost: int
) -> None:
    sim = start_simulator()
    odd = raw_order(2) | {field: "VALUE"}
    body = order_page(raw_order(1), odd, raw_order(3)).body
    sim.script("searchOrders", Canned(200, body.replace(b'"VALUE"', value.encode()), {"Content-Type": JSON}))
    log = sync(platform_of(sim))
    assert (log.status, log.created, log.failed) == (
        Status.PARTIAL if lost else Status.SUCCEEDED,
        3 - lost,
        lost,
    )
    assert Order.objects.filter(external_id__in=["111-0000000-0000001", "111-0000000-0000003"]).count() == 2


def test_an_id_that_cannot_be_read_is_no_other_id(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", page_of("fine"))
    rows = (
        '{"payload":{"inventorySummaries":[{"sellerSku":"A-1","totalQuantity":1},{"sellerSku":"Mu\xf1eca"}]}}'
    )
    sim.script("getInventorySummaries", Canned(200, rows.encode("iso-8859-1"), {"Content-Type": JSON}))
    log = sync(platform_of(sim), INVENTORY)
    assert (log.status, log.created, log.failed) == (Status.PARTIAL, 1, 1)
    assert list(InventoryItem.objects.values_list("sku", flat=True)) == ["A-1"]
    assert SyncFailure.objects.get(log=log).external_id == ""
    assert codes(log) == ["characters_replaced", "unreadable_rows"]


@pytest.mark.parametrize("kind", ["orders", INVENTORY])
@pytest.mark.parametrize(
    "pagination",
    [
        "next",
        [],
        7,
        False,
        {"nextToken": False},
        {"nextToken": {"a": 1}},
        {"nextToken": ["t"]},
        {"nextToken": "a\ud800"},
    ],
    ids=json.dumps,
)
def test_a_pagination_of_a_wrong_type_is_no_last_page(
    start_simulator: StartSimulator, kind: str, pagination: Any
) -> None:
    sim = start_simulator()
    page = {"orders": [raw_order()], "payload": {"inventorySummaries": []}, "pagination": pagination}
    operation = "searchOrders" if kind == "orders" else "getInventorySummaries"
    sim.script(operation, *[Canned(200, json.dumps(page).encode(), {"Content-Type": JSON})] * ALWAYS)
    log = sync(platform_of(sim), kind)
    assert (log.status, log.error_code) == (Status.FAILED, "broken_answer")
    assert "pagination" in log.error_message
    assert watermark_of() is None


@pytest.mark.parametrize(
    "pagination", [None, {}, {"nextToken": None}, {"nextToken": ""}, {"nextToken": " "}], ids=json.dumps
)
def test_a_pagination_without_a_token_is_the_last_page(
    start_simulator: StartSimulator, pagination: Any
) -> None:
    sim = start_simulator()
    sim.script("searchOrders", order_page(raw_order(), pagination=pagination))
    assert sync(platform_of(sim)).status == Status.SUCCEEDED


def test_odd_bytes_on_every_page_stop_nothing(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=30)
    sim.rules.add(Rule(operation="searchOrders", fault=NotUtf8()))
    log = sync(platform_of(sim))
    assert (log.status, log.created) == (Status.SUCCEEDED, 30)


@pytest.mark.parametrize("name", ["orderItems", "fulfillmentStatus", "shipByWindow", "programs", "buyerName"])
def test_a_name_that_cannot_be_read_costs_its_record_and_nothing_that_is_stored(
    start_simulator: StartSimulator, name: str
) -> None:
    sim = start_simulator(orders=5)
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    sync(platform)
    before = stored_orders(platform)
    changed = sim.accounts[0].order_ids()[:2]
    for external_id in changed:
        sim.accounts[0].change_order(external_id, at=timezone.now() - timedelta(minutes=5))
    sim.rules.add(Rule(operation="searchOrders", fault=OddName(name)))
    log = sync(platform)
    spoiled = {failure.external_id for failure in log.failures.all()}
    assert (log.status, {failure.error_code for failure in log.failures.all()}) == (
        Status.PARTIAL,
        {"malformed"},
    )
    assert set(changed) >= spoiled != set()
    assert "name of an attribute" in log.failures.all()[0].error_message
    assert CANARY not in json.dumps([failure.payload for failure in log.failures.all()])
    after, truth = stored_orders(platform), sim.accounts[0].truth_orders()
    for external_id in truth:
        assert after[external_id] == (before if external_id in spoiled else truth)[external_id]
    sim.rules.clear()
    assert not any(replay(failure).is_open for failure in log.failures.all())
    assert stored_orders(platform) == truth


@pytest.mark.parametrize("name", ["totalQuantity", "fulfillableQuantity", "sellerSku"])
def test_a_name_that_cannot_be_read_costs_its_row_of_stock(
    start_simulator: StartSimulator, name: str
) -> None:
    sim = start_simulator(Account(skus=10, orders=0))
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    before = stored_stock(platform)
    sim.rules.add(Rule(operation="getInventorySummaries", fault=OddName(name)))
    log = sync(platform, INVENTORY)
    assert (log.status, log.failed > 0, log.updated) == (Status.PARTIAL, True, 0)
    assert stored_stock(platform) == before
    assert not InventoryItem.objects.exclude(gone_at=None).exists()


@pytest.mark.parametrize("name", ["pagination", "nextToken"])
@pytest.mark.parametrize("kind", ["orders", INVENTORY])
def test_a_next_page_whose_name_cannot_be_read_is_not_the_last(
    start_simulator: StartSimulator, kind: str, name: str
) -> None:
    sim = start_simulator(orders=30, page_size=10)
    operation = "searchOrders" if kind == "orders" else "getInventorySummaries"
    sim.rules.add(Rule(operation=operation, nth=1, fault=OddName(name)))
    platform = platform_of(sim)
    assert sync(platform, kind).status == Status.SUCCEEDED  # asked again
    assert stored_orders(platform) == (sim.accounts[0].truth_orders() if kind == "orders" else {})
    assert stored_stock(platform) == ({} if kind == "orders" else sim.accounts[0].truth_inventory())


@pytest.mark.parametrize("field", ["fulfillmentStatus", "latestDateTime"])
def test_a_status_or_a_time_that_cannot_be_read_is_not_gone(
    start_simulator: StartSimulator, field: str
) -> None:
    sim = start_simulator(orders=3)
    platform = platform_of(sim)
    sync(platform)
    before = stored_orders(platform)
    [external_id, *_] = sim.accounts[0].order_ids()
    order = sim.accounts[0].change_order(external_id, at=timezone.now() - timedelta(minutes=5))
    odd = {
        "fulfillmentStatus": {"fulfillmentStatus": "SHIP?ED"},
        "latestDateTime": {"fulfillmentStatus": "SHIPPED", "shipByWindow": {"latestDateTime": "2026-11-2?"}},
    }[field]
    answer = order_page(
        raw_order(orderId=external_id, lastUpdatedTime=order.updated.isoformat(), fulfillment=odd)
    )
    sim.script("searchOrders", replace(answer, body=answer.body.replace(b"?", b"\xff")))
    log = sync(platform)
    assert [failure.external_id for failure in log.failures.all()] == [external_id]
    assert stored_orders(platform) == before
