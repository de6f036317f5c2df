"""Mock data: the same for everybody, never to be mistaken for Amazon's, and asked for like the real thing."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from integrations.amazon.mock import EVERY, MARKETPLACE, ORDERS, PRODUCTS, MockAmazon
from integrations.errors import RequestRefused
from integrations.protocol import OrderPage, Window
from orders.records import OrderRecord

WINDOW = Window("updated", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
NOW = datetime(2027, 3, 14, 15, 9, tzinfo=UTC)


def pages(now: datetime = NOW) -> list[OrderPage]:
    return list(MockAmazon(now).order_pages(WINDOW, {}))


def records(now: datetime = NOW) -> list[OrderRecord]:
    return [record for page in pages(now) for record in page.records]


def test_it_lists_the_30_days_up_to_now() -> None:
    bought = [record.purchased_at for record in records()]
    assert NOW - EVERY < max(bought) <= NOW
    assert timedelta(days=29) < NOW - min(bought) < timedelta(days=31)
    assert max(record.platform_updated_at for record in records()) <= NOW


@pytest.mark.parametrize("slots", range(12))
def test_it_always_has_something_to_do(slots: int) -> None:
    now = NOW + slots * EVERY
    waiting = [each for each in records(now) if each.status in ("unshipped", "partially_shipped")]
    assert any(each.ship_by and each.ship_by < now for each in waiting)
    assert any(each.ship_by and each.ship_by > now for each in waiting)
    assert any(each.buyer_requested_cancellation for each in waiting)
    assert {each.status for each in records(now)} >= {"pending", "shipped", "cancelled"}
    assert {each.fulfilled_by for each in records(now)} == {"merchant", "platform"}


def test_its_orders_change_as_real_ones_do_and_never_become_older() -> None:
    before = {record.external_id: record for record in records()}
    after = {record.external_id: record for record in records(NOW + EVERY)}
    both = before.keys() & after.keys()
    assert len(both) == ORDERS - 1
    changed = [each for each in both if before[each] != after[each]]
    assert changed
    for each in both:
        assert after[each].purchased_at == before[each].purchased_at
        is_newer = after[each].platform_updated_at > before[each].platform_updated_at
        assert is_newer == (each in changed)


def test_it_has_ids_that_amazon_never_issues() -> None:
    ids = [record.external_id for record in records()]
    items = [item.external_id for record in records() for item in record.items]
    assert len(set(ids)) == ORDERS
    assert len(set(items)) == len(items)
    assert all(name.startswith("MOCK-") for name in ids + items)
    assert not any(re.fullmatch(r"\d{3}-\d{7}-\d{7}", name) for name in ids)


def test_it_says_that_it_is_made_up() -> None:
    mock = MockAmazon()
    assert (mock.source, mock.scope, [note.code for note in mock.notes]) == ("mock", "mock", ["mock"])


def test_it_continues_where_the_checkpoint_says() -> None:
    first, *rest = pages()
    assert first.next is not None
    assert list(MockAmazon(NOW).order_pages(WINDOW, first.next)) == rest
    assert rest[-1].next is None


def test_it_finds_each_order_by_its_id() -> None:
    mock = MockAmazon(NOW)
    for record in records():
        assert mock.order(record.external_id) == record


@pytest.mark.parametrize("unknown", ["", "MOCK-0000000", "MOCK-9999999", "111-0000000-0000001"])
def test_it_refuses_an_order_that_it_has_not(unknown: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        MockAmazon().order(unknown)
    assert (refused.value.code, refused.value.status) == ("not_found", 404)


def test_it_knows_no_total_of_a_pending_order_and_leaves_nobody_to_contact() -> None:
    listed = records()
    assert {record.total is None for record in listed if record.status == "pending"} == {True}
    assert None not in {record.total for record in listed if record.status != "pending"}
    assert {record.buyer for record in listed} == {None}


def test_it_has_stock_that_adds_up() -> None:
    (page,) = MockAmazon().inventory_pages([], {})
    assert [(row.sku, row.available, row.marketplace_id) for row in page.records] == [
        (sku, available, MARKETPLACE) for sku, _, _, _, available in PRODUCTS
    ]
    for row in page.records:
        assert row.total == (row.available or 0) + (row.reserved or 0) + (row.inbound or 0)


def test_it_misses_each_unknown_sku_once() -> None:
    (page,) = MockAmazon().inventory_pages(["no", "MOCK-LAMP-01", "no", "nope"], {})
    assert [row.sku for row in page.records] == ["MOCK-LAMP-01"]
    assert [(each.external_id, each.code) for each in page.failures] == [
        ("no", "sku_not_found"),
        ("nope", "sku_not_found"),
    ]
