"""Orders in a browser: find an order, see what changed, and find a lost one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from integrations.tests.syncing import platform_of, sync
from orders.models import Order
from platforms.models import Platform
from simulator import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
LIST = "/admin/orders/order/"


@pytest.fixture
def synced(start_simulator: Any, platform: Platform) -> Simulator:
    sim: Simulator = start_simulator(orders=30, skus=5)
    sync(platform_of(sim))
    return sim


def forget_one(sim: Simulator) -> str:
    """The id of an order that Amazon has and we do not."""
    order = Order.objects.exclude(external_id__startswith="S").order_by("purchased_at")[3]
    order.delete()
    return order.external_id


def test_it_finds_a_lost_order_and_stores_it(log_in: LogIn, synced: Simulator) -> None:
    lost = forget_one(synced)
    page = log_in()
    page.get_by_role("link", name="Where is my order?").click()
    page.get_by_label("Order id").fill(f"A buyer asks about {lost}.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not stored.")).to_be_visible()

    page.get_by_role("button", name="Ask Amazon now").click()
    expect(page.get_by_text("We do not have this order.")).to_be_visible()
    expect(page.get_by_text("covered that time")).to_be_visible()

    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_text("The order is stored now.")).to_be_visible()
    expect(page.get_by_role("heading", name="What changed when")).to_be_visible()
    assert Order.objects.filter(external_id=lost, source="live").count() == 1


def test_it_shows_the_difference_field_by_field(log_in: LogIn, synced: Simulator) -> None:
    order = Order.objects.filter(status="shipped").exclude(external_id__startswith="S")[0]
    Order.objects.filter(pk=order.pk).update(
        status="pending",
        content_hash="old",
        platform_updated_at=order.platform_updated_at - timedelta(days=1),
    )
    page = log_in(at=f"/admin/where/?id={order.external_id}")
    page.get_by_role("button", name="Ask Amazon now").click()
    expect(page.get_by_role("row", name="Status pending shipped")).to_be_visible()
    page.get_by_role("button", name="Store it").click()
    entry = page.locator(".oms-timeline > li").first
    expect(entry).to_contain_text("Stored by hand")
    expect(entry).to_contain_text("Status: pending")


def test_it_is_kind_about_a_wrong_id(log_in: LogIn, platform: Platform) -> None:
    page = log_in("view_order", at="/admin/where/")
    expect(page.get_by_label("Order id")).to_be_focused()
    page.keyboard.type("my order")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Look")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("does not look like an order id")


def test_it_walks_from_what_is_due_to_the_order_and_to_seller_central(
    log_in: LogIn, synced: Simulator
) -> None:
    due = Order.objects.filter(marketplace_id="ATVPDKIKX0DER").exclude(external_id__startswith="S")[0]
    Order.objects.filter(status__in=("unshipped", "partially_shipped")).exclude(pk=due.pk).update(
        ship_by=None
    )
    Order.objects.filter(pk=due.pk).update(
        status="unshipped", fulfilled_by="merchant", ship_by=timezone.now() - timedelta(hours=30, minutes=5)
    )
    page = log_in(at=LIST)
    page.get_by_role("link", name="Overdue 1").click()
    expect(page.get_by_text("30 h late")).to_be_visible()
    page.get_by_role("link", name=due.external_id).click()
    address = f"https://sellercentral.amazon.com/orders-v3/order/{due.external_id}"
    expect(page.get_by_role("link", name="Open in Seller Central")).to_have_attribute("href", address)


def test_it_fits_a_phone(log_in: LogIn, synced: Simulator) -> None:
    order = Order.objects.exclude(items=None)[0]
    page = log_in(viewport={"width": 390, "height": 844}, at=None)
    for address in (
        f"{LIST}?to_ship=any",
        f"{LIST}{order.pk}/change/",
        f"/admin/where/?id={order.external_id}",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address


def test_a_list_is_printed_whole(log_in: LogIn, order: Callable[..., Order], platform: Platform) -> None:
    """On paper as narrow as A4 it is a table of all rows, and nothing around it cuts it off."""
    for _number in range(50):
        order()
    page = log_in("view_order", viewport={"width": 740, "height": 900}, at="/admin/orders/order/")
    page.emulate_media(media="print")
    assert page.locator("#result_list tbody tr").count() == 50
    cuts = """
        () => {
            const found = [];
            for (let e = document.querySelector("#result_list").parentElement; e; e = e.parentElement) {
                const style = getComputedStyle(e);
                const cuts = style.overflowY !== "visible" || style.position === "absolute";
                if (cuts) found.push(e.className || e.tagName);
            }
            return found;
        }
    """
    assert page.evaluate(cuts) == []
    shown = "e => getComputedStyle(e).display"
    assert page.locator("#result_list thead").evaluate(shown) == "table-header-group"
    assert page.locator("#result_list tbody tr").last.evaluate(shown) == "table-row"
    expect(page.get_by_role("button", name="Filters")).not_to_be_visible()
