"""The home page in a browser: numbers that lead somewhere, charts that are drawn, on a wide screen and on a phone."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from api.tests.rest import make_stock
from backoffice.tests.home_pages import log_of
from inventory.snapshots import take_due_snapshots
from orders.models import Order
from platforms.models import Platform, Source

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]


@pytest.fixture
def late_order(platform: Platform) -> Order:
    now = timezone.now()
    return Order.objects.create(
        platform=platform, external_id="111-0000000-0000001", status=Order.Status.UNSHIPPED, purchased_at=now,
        platform_updated_at=now, synced_at=now, ship_by=now - timedelta(hours=3), source=Source.LIVE, currency="USD",
        total=Decimal("10.00"), fulfilled_by=Order.FulfilledBy.MERCHANT,
    )  # fmt: skip


def test_it_leads_from_a_number_to_its_orders(log_in: LogIn, late_order: Order) -> None:
    page = log_in()
    page.get_by_role("link", name="Overdue").click()
    expect(page.get_by_role("link", name=late_order.external_id)).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Later").click()
    expect(page.get_by_role("link", name=late_order.external_id)).to_have_count(0)


def test_it_draws_charts_and_has_them_as_tables(log_in: LogIn, late_order: Order) -> None:
    page = log_in()
    chart = page.locator("[data-chart='revenue-USD']")
    expect(chart).to_have_attribute("data-drawn", "yes")
    expect(chart.get_by_role("img", name="Chart: Revenue per day, USD")).to_be_visible()
    chart.get_by_text("As a table").click()
    expect(chart.get_by_role("cell", name="10.00")).to_be_visible()
    expect(page.locator("[data-chart='stock']")).to_have_count(0)


@pytest.mark.parametrize("width", [1400, 390])
def test_it_keeps_each_figure_in_its_frame(log_in: LogIn, late_order: Order, width: int) -> None:
    page = log_in(viewport={"width": width, "height": 900})
    expect(page.locator("[data-drawn]").first).to_be_visible()
    wanting = "found => found.map(each => each.scrollHeight - each.clientHeight)"
    assert set(page.locator(".oms-panel").evaluate_all(wanting)) == {0}
    below = """found => { const end = element => element.getBoundingClientRect().bottom;
        return Math.min(...found.map(each => end(each.closest("figure")) - end(each))); }"""
    assert page.locator(".oms-chart summary").evaluate_all(below) >= 10
    halves = """canvases => canvases.flatMap(canvas => Chart.getChart(canvas).scales.y.ticks.map(tick => tick.value))
        .filter(value => !Number.isInteger(value))"""
    assert page.locator("[data-chart=orders] canvas").evaluate_all(halves) == []


def test_what_went_wrong_has_the_width_of_its_row(log_in: LogIn, platform: Platform) -> None:
    message = "Login with Amazon does not accept the refresh token. OMS goes on trying. If it lasts, authorise again."
    log_of(platform, "failed", error_code="invalid_grant", error_message=message)
    page = log_in(viewport={"width": 1400, "height": 900})
    row = (
        page.locator("section", has=page.get_by_role("heading", name="Syncs that failed")).locator("li").first
    )
    expect(row).to_contain_text("does not accept")
    share = "row => row.querySelector('.oms-row-main').offsetWidth / row.offsetWidth"
    assert row.evaluate(share) > 0.6


def test_it_takes_a_newcomer_to_the_credentials(log_in: LogIn, platform: Platform) -> None:
    page = log_in()
    expect(page.get_by_role("heading", name="Three steps to your first orders")).to_be_visible()
    page.get_by_role("link", name="Enter the credentials of your selling account").click()
    expect(page.get_by_label("Client id")).to_be_visible()


def test_it_fits_a_phone(log_in: LogIn, late_order: Order) -> None:
    page = log_in(viewport={"width": 390, "height": 844})
    expect(page.locator("[data-drawn]").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_is_used_with_the_keyboard(log_in: LogIn, late_order: Order) -> None:
    page = log_in()
    page.get_by_role("link", name="Overdue").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Today")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**to_ship=overdue**")


# How many pixels have the colour of the first series.
BLUE = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((value, at) => at % 4 === 0 && value === 0x3b && pixels[at + 1] === 0x82).length;
}"""


def test_it_draws_the_stock_of_the_first_day(log_in: LogIn, platform: Platform) -> None:
    make_stock("A", available=1234)
    take_due_snapshots()
    page = log_in()
    chart = page.locator("[data-chart='stock']")
    expect(chart).to_have_attribute("data-drawn", "yes")
    assert chart.locator("canvas").evaluate(BLUE) > 5
