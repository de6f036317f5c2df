"""Somebody asks where a parcel is; a colleague is told; and a morning without a mouse."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, ViewportSize, expect

from api.tests.rest import make_order
from browser.navigation import ORDERS
from orders.models import OrderNote, Pick
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DESK: ViewportSize = {"width": 1400, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def is_on_first_screen(part: Locator, window: ViewportSize) -> bool:
    box = part.bounding_box()
    return box is not None and box["y"] + box["height"] <= window["height"]


@pytest.mark.parametrize("window", [DESK, PHONE], ids=["desk", "phone"])
def test_a_question_of_a_buyer(
    member: Callable[..., Page],
    grave_problems: Callable[[Page], list[str]],
    platform: Platform,
    window: ViewportSize,
) -> None:
    """Two steps from a part of the id to what the buyer wants to know, on one screen, and one more to a colleague."""
    order = make_order(
        "302-6365812-6571562", platform=platform, status="partially_shipped", title="A bottle",
        deliver_by=timezone.now() + timedelta(days=3),
    )  # fmt: skip
    order.packages.create(external_id="1", carrier="DHL", tracking_number="JD0001", shipped_at=timezone.now())
    page = member("Operator", at="/admin/where/", viewport=window)
    page.get_by_label("Order id or tracking number").fill("6571562")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="302-6365812-6571562").click()
    answer = page.locator("section", has_text="JD0001")
    for part in ("A bottle", "Promised until", "DHL"):
        expect(answer.get_by_text(part).first).to_be_visible()
    assert is_on_first_screen(answer.get_by_text("JD0001"), window)
    assert not grave_problems(page)

    answer.get_by_role("link", name="302-6365812-6571562").click()
    expect(page.get_by_role("heading", name="Shipping")).to_be_visible()
    assert is_on_first_screen(page.get_by_text("JD0001"), window)
    assert not grave_problems(page)
    page.get_by_label("Note", exact=True).fill("Half of it is lost, @user0")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("user0 will see it.")).to_be_visible()
    assert OrderNote.objects.get().written_by == "user0"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_morning_without_a_mouse(member: Callable[..., Page], platform: Platform) -> None:
    """From the home page to an order on a pick list."""
    soon = timezone.now() + timedelta(hours=5)
    for number in range(2):
        make_order(
            f"302-{number}", platform=platform, status="unshipped", fulfilled_by="merchant", ship_by=soon
        )
    page = member("Operator", viewport=DESK)
    press = page.keyboard.press

    def tab_to(part: Locator) -> None:
        for _step in range(60):
            if part.evaluate("part => part === document.activeElement"):
                return
            press("Tab")
        raise AssertionError(f"60 tabs do not lead to {part}.")

    page.goto(ORDERS)
    press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.type("302-1")
    press("Enter")
    link = page.get_by_role("link", name="302-1", exact=True)
    expect(link).to_be_visible()
    tab_to(page.locator("#result_list tbody input[type=checkbox]").first)
    press("Space")
    choice = page.locator("select[name=action]")
    tab_to(choice)
    page.keyboard.type("Pick")
    tab_to(page.get_by_role("button", name="Run"))
    press("Enter")
    expect(page.get_by_label("Scan or type an order id")).to_be_focused()
    page.keyboard.type("302-1\n")
    expect(page.get_by_text("302-1: 1 order is packed.")).to_be_visible()
    assert Pick.objects.get().packed_at is not None
