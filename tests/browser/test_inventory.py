"""Inventory in a browser: low stock first, thresholds typed in the list and on the page, and who may change them."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from api.tests.rest import make_stock
from inventory.models import InventoryItem
from inventory.snapshots import take_snapshots, today

if TYPE_CHECKING:
    from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
LIST = "/admin/inventory/inventoryitem/"
# Pixels of the chart that are not transparent; an empty canvas has none.
PAINTED = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""


@pytest.fixture
def stock(platform: "Platform") -> InventoryItem:
    """Three SKUs with a history of two weeks, of which KETTLE falls."""
    kettle = make_stock("KETTLE", title="Red kettle", available=40, total=50, reserved=4, inbound=6)
    make_stock("CUP", title="Blue cup", available=90)
    make_stock("PLATE", title="White plate", available=0)
    for back in range(14, -1, -1):
        InventoryItem.objects.filter(pk=kettle.pk).update(available=12 + 2 * back)
        take_snapshots(today() - timedelta(days=back))
    return kettle


def test_it_brings_a_sku_to_the_top_once_its_threshold_is_set(log_in: LogIn, stock: InventoryItem) -> None:
    page = log_in("view_inventoryitem", "change_inventoryitem")
    page.get_by_role("link", name="Inventory").first.click()
    rows = page.locator("#result_list tbody tr th a")
    expect(rows).to_have_text(["PLATE", "KETTLE", "CUP"])
    page.get_by_label("Threshold of CUP").fill("100")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 inventory item was changed successfully.")).to_be_visible()
    expect(rows).to_have_text(["PLATE", "CUP", "KETTLE"])
    row = page.get_by_role("row", name="CUP")
    expect(row).to_contain_text("low")
    page.goto(f"{LIST}?stock=low")
    expect(rows).to_have_text(["PLATE", "CUP"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_it_shows_how_stock_went(
    log_in: LogIn, grave_problems: Callable[[Page], list[str]], stock: InventoryItem, scheme: str, width: int
) -> None:
    page = log_in(color_scheme=scheme, viewport={"width": width, "height": 900}, at=LIST)
    words = "15 days: 40 → 12, lowest 12"
    if width > 1000:  # on a phone a SKU is a card without a chart
        expect(page.get_by_role("img", name=words)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert grave_problems(page) == []
    page.get_by_role("link", name="KETTLE").click()
    chart = page.get_by_role("img", name=f"Units available at the end of each day (UTC). {words}.")
    expect(chart).to_be_visible()
    assert chart.evaluate(PAINTED) > 500
    page.get_by_label("Threshold").fill("12")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="KETTLE").first.click()
    expect(page.get_by_text("low from here on")).to_be_visible()
    expect(page.get_by_role("region", name="In all marketplaces").get_by_text("low")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert grave_problems(page) == []


def test_it_lets_viewers_look_alone(log_in: LogIn, stock: InventoryItem) -> None:
    page = log_in("view_inventoryitem", at=LIST)
    expect(page.get_by_role("row", name="KETTLE")).to_be_visible()
    expect(page.get_by_role("spinbutton")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.goto(f"{LIST}{stock.pk}/change/")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_role("heading", name="Sales of the last 30 days in this marketplace")).to_have_count(0)
