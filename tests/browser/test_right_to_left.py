"""Titles and SKUs in Hebrew or Arabic: each is read from right to left, and what stands beside it stays where it is."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from api.tests.rest import make_order, make_stock
from browser.navigation import DESK, PHONE, fits
from integrations.shipping.switching import set_policy
from orders.models import Order, Pick, PickList
from orders.packing import make_list, mark_packed
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CUP, TEA = "שאי-1", "תה-12"
TITLE = "כוס תה (מתנה)!"
# Where each of these pieces of an element's text begins on the screen, from the left.
PLACES = """(element, pieces) => pieces.map(piece => {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const at = node.data.indexOf(piece);
        if (at < 0 || !node.parentElement.checkVisibility()) continue;
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + piece.length);
        return range.getBoundingClientRect().left;
    }
    throw new Error(`no ${piece} in ${element.textContent}`);
})"""


@pytest.fixture
def order(platform: Platform) -> Order:
    """Four cups and a pot of tea, packed; and a row of stock."""
    set_policy(platform, mode="live", hourly_limit=1000, who="manager")
    platform.api_config = {"client_id": "somebody"}
    platform.save()
    order = make_order("902-00", status="unshipped", fulfilled_by="merchant", sku=CUP, title=TITLE)
    order.items.update(quantity_ordered=4, quantity_left=4)
    order.items.create(external_id="02", sku=TEA, title=TEA, quantity_ordered=1, quantity_left=1)
    make_list([order], "ana")
    mark_packed(Pick.objects.all(), "ana")
    make_stock(CUP, title=TITLE)
    return order


def addresses(order: Order) -> dict[str, tuple[str, list[str]]]:
    """By page: the element that has the title or the contents, and its pieces as they follow each other on the screen.
    The last letter of a title is its leftmost."""
    ends = ["!", TITLE[:3]]
    pick_list = PickList.objects.get()
    return {
        f"/admin/orders/order/{order.pk}/change/": (".oms-order-title", ends),
        "/admin/orders/order/": ("#result_list .oms-glance", ["4", *ends]),
        "/admin/inventory/inventoryitem/": ("#result_list .oms-title", ends),
        f"/admin/orders/picklist/{pick_list.pk}/change/": (
            "form .oms-picks tbody tr",
            ["4 ×", CUP[:3], "+1 more"],
        ),
        f"/admin/shipping/?order={order.pk}": (".oms-order-title", ends),
        f"/admin/orders/order/{order.pk}/ship/": (".oms-order-title", ends),
        f"/admin/shipping/orders/?orders={order.pk}": (
            ".oms-units summary",
            ["4 ×", CUP[:3], "1 ×", TEA[:2]],
        ),
        f"/admin/where/?id={order.external_id}": (".oms-list li", ["4 ×", *ends]),
    }


def test_what_is_read_from_right_to_left_moves_nothing_beside_it(
    log_in: Callable[..., Page], order: Order
) -> None:
    page = log_in(at=None, viewport=DESK)
    for address, (selector, pieces) in addresses(order).items():
        page.goto(address)
        for window in (PHONE, DESK):
            page.set_viewport_size(window)
            places: Any = page.locator(selector).first.evaluate(PLACES, pieces)
            assert places == sorted(places), f"{address} {window}: {pieces} at {places}"
            assert fits(page)
