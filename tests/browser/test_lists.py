"""The morning in the list of orders, on a desk and on a phone: a tab, a filter, a view to keep, an order to find."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from api.tests.rest import make_order, make_stock
from browser.navigation import DESK, LOGS, ORDERS, PHONE, PLATFORMS, STOCK, WHERE, fits
from integrations.lookup.planning import count_platform
from integrations.models import SyncLog
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("window", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_it_walks_through_the_morning(
    log_in: Callable[..., Page], grave_problems: Callable[[Page], list[str]], platform: Platform,
    window: ViewportSize, scheme: str,
) -> None:  # fmt: skip
    now = timezone.now()
    for number, late in enumerate((2, 30, -50)):
        make_order(
            f"302-6365812-657156{number}", platform=platform, status="unshipped", fulfilled_by="merchant",
            ship_by=now - timedelta(hours=late), purchased_at=now - timedelta(days=3 + 20 * number), total=5,
        )  # fmt: skip
    page = log_in(at=ORDERS, viewport=window, color_scheme=scheme)
    rows = page.locator("#result_list tbody")
    expect(rows).to_have_count(3)
    if window is PHONE:
        assert all(card.bounding_box()["height"] < 125 for card in rows.all())  # type: ignore[index]  # three lines

    page.get_by_role("link", name="Overdue 2").click()
    expect(page.get_by_role("link", name="Overdue 2")).to_have_attribute("aria-current", "page")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Filters").click()
    assert not grave_problems(page)
    filters = page.get_by_role("dialog", name="Filters")
    filters.get_by_label("Purchased", exact=True).select_option("last_7_days")
    page.wait_for_url("**purchased_at_in=last_7_days*")
    expect(rows).to_have_count(1)
    expect(page.get_by_text("Purchased: last 7 days")).to_be_visible()

    page.locator("summary", has_text="Views").click()
    page.get_by_label("Save what is listed now as a view").fill("Late this week")
    assert not grave_problems(page)
    page.keyboard.press("Enter")
    view = page.get_by_role("navigation", name="Views of this list").get_by_role(
        "link", name="Late this week"
    )
    expect(view).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Remove Purchased: last 7 days").click()
    expect(rows).to_have_count(2)
    view.click()
    expect(rows).to_have_count(1)

    page.goto(ORDERS)
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Service level").check()
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("th.column-service_level")).to_have_count(1)
    page.locator("#searchbar").fill("6571562")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="302-6365812-6571562").click()
    page.wait_for_url("**/change/**")
    assert not grave_problems(page)


def test_the_label_of_a_demonstration_leaves_room_to_the_title(
    log_in: Callable[..., Page], platform: Platform, settings: Any
) -> None:
    settings.DEMO = True
    order = make_order("302-6365812-6571560", platform=platform)
    page = log_in(at=None, viewport=DESK)
    for address in (ORDERS, "/admin/orders/shipment/", WHERE, f"{ORDERS}{order.pk}/change/"):
        page.goto(address)
        expect(page.get_by_text("Demo: invented data", exact=True)).to_be_visible()
        page.set_viewport_size(PHONE)
        expect(page.get_by_text("Demo", exact=True)).to_be_visible()
        expect(page.get_by_text("Demo: invented data", exact=True)).to_be_hidden()
        cut = "titles => titles.filter(title => title.scrollWidth > title.clientWidth).map(title => title.innerText)"
        assert page.locator("h1, h1 > :is(a, span):visible").evaluate_all(cut) == []
        assert fits(page)
        page.set_viewport_size(DESK)


@pytest.fixture
def two_shops(platform: Platform) -> None:
    """Rows whose columns are as wide as those of shops are: two platforms, long names, nothing in stock, failures."""
    other = Platform.objects.create(name="britain", display_name="The shop for Great Britain and Ireland")
    for number, shop in enumerate((platform, other)):
        order = make_order(
            f"302-6365812-657156{number}", platform=shop, status="partially_shipped", fulfilled_by="merchant",
            marketplace_id="A1F83G8C2ARO7P", buyer_requested_cancellation=True, total=12345, currency="EUR",
            ship_by=timezone.now(), sku="PERCENT%2FSKU", title="A very long tent for trails",
        )  # fmt: skip
        order.items.update(quantity_left=1)
        make_stock(
            "PERCENT%2FSKU", platform=shop, available=0, inbound=12345, total=12345, title="A tent for trails"
        )
        for kind, status in (("orders", "failed"), ("inventory", "succeeded")):
            SyncLog.objects.create(
                platform=shop, kind=kind, status=status, trigger="schedule", started_at=order.ship_by,
                finished_at=order.ship_by, fetched=12345, created=12345, unchanged=12345, failed=12345,
                window_start=order.ship_by, window_end=order.ship_by, error_code="timeout", error_message="No answer",
            )  # fmt: skip
        count_platform(shop)


@pytest.mark.parametrize("code", ["en", "de", "es"])
def test_a_list_fits_every_window_that_has_its_columns(
    log_in: Callable[..., Page], two_shops: None, live_server: Any, code: str
) -> None:
    """A table begins at 1024 pixels; at 1280 the menu comes beside it, and leaves it no more than that."""
    page = log_in(at=None, viewport=DESK)
    page.context.add_cookies([{"name": "django_language", "value": code, "url": live_server.url}])
    beyond = "list => list.parentElement.scrollWidth - list.parentElement.clientWidth"
    found = []
    for address in (ORDERS, STOCK, "/admin/inventory/plannedsku/", PLATFORMS, LOGS):
        page.goto(address)
        for width in (1024, 1100, 1279, 1280, 1366, 1399, 1400, 1499):
            page.set_viewport_size({"width": width, "height": 900})
            pixels = page.locator("#result_list").evaluate(beyond)
            found += [f"{address} {width}: {pixels} pixels too wide"] if pixels > 0 or not fits(page) else []
    assert not found, "\n".join(found)
