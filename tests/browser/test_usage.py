"""API usage in a browser: a sync's calls appear in the chart and in the list, on a wide screen and on a telephone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from integrations.tests.syncing import platform_of, sync
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
# Pixels of the chart that are not transparent; an empty canvas has none.
PAINTED = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 390)])
def test_it_shows_the_calls_that_a_sync_made(
    log_in: LogIn, platform: Platform, start_simulator: Any, scheme: str, width: int
) -> None:
    sim = start_simulator(orders=30, page_size=10)
    sync(platform_of(sim))
    page = log_in(color_scheme=scheme, viewport={"width": width, "height": 900})
    if width < 1024:
        page.goto("/admin/integrations/apiusage/")
    else:
        page.get_by_role("link", name="API usage").first.click()
    chart = page.get_by_role("img", name="Calls in the last 48 hours: 4, of them 0 throttled, 0 errors.")
    expect(chart).to_be_visible()
    assert chart.evaluate(PAINTED) > 1000
    title = page.get_by_role("heading", name="API calls per hour")
    assert title.evaluate("title => parseFloat(getComputedStyle(title).paddingLeft)") >= 8  # not on the frame
    expect(page.locator("td.field-operation", has_text="searchOrders")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_shows_what_is_left_of_the_quota(
    log_in: LogIn, platform: Platform, start_simulator: Any, settings: Any
) -> None:
    sim = start_simulator(orders=30, page_size=10)
    settings.AMAZON_QUOTAS = {}
    sync(platform_of(sim))
    page = log_in("view_apiquota")
    page.get_by_role("link", name="API quotas").first.click()
    row = page.get_by_role("row", name="searchOrders")
    for text in ("amazon", "1 call every 3 minutes", "20", "17", "now"):
        expect(row).to_contain_text(text)
    expect(page.get_by_role("link", name="API usage")).to_have_count(0)
