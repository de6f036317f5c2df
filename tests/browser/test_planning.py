"""A planner's morning: what to reorder, and new lead times by a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from api.tests.rest import amazon, make_stock
from backoffice.tests.test_planning import known_since, sell
from integrations.lookup.planning import count_platform
from inventory.models import PlannedSku

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDE: ViewportSize = {"width": 1400, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def is_whole(page: Page) -> bool:
    found: bool = page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    return found


def test_a_planners_morning(member: Callable[..., Page], tmp_path: Path) -> None:
    """Four clicks from the home page to the file of what is to be reordered; it is changed and uploaded on a phone."""
    known_since(91)
    for number, available in enumerate((2, 500)):
        make_stock(f"CUP-{number}", available=available, inbound=0, title="A cup")
        sell(number, f"CUP-{number}", 30, 5)
    make_stock("DEAD", available=9, inbound=0)
    count_platform(amazon())
    page = member("Operator", viewport=WIDE)
    page.get_by_role("link", name="Planning", exact=True).click()
    page.get_by_role("link", name="To reorder").click()
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.locator(".field-number_reorder")).to_have_text("58")
    expect(page.get_by_role("link", name="Dead stock 1")).to_be_visible()
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("listitem").filter(has_text="SKU settings").get_by_role("link").first.click()
    page.locator("summary", has_text="Export").click()
    file = tmp_path / "settings.csv"
    download.value.save_as(file)
    heading, line = file.read_text("utf-8-sig").splitlines()
    file.write_text(f"{heading}\n{line.replace('CUP-0,A cup,,,', 'CUP-0,A cup,5,90,')}\n")
    page.set_viewport_size(PHONE)
    assert is_whole(page)
    page.locator("details.oms-hint summary").click()
    page.get_by_role("link", name="Upload lead times").click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Show what it would change").click()
    expect(page.get_by_text("2 values differ from what is stored.")).to_be_visible()
    assert is_whole(page)
    assert PlannedSku.objects.get(sku="CUP-0").lead_days == 30
    page.get_by_role("button", name="Change these values").click()
    expect(page.get_by_text("Settings of 1 SKU were changed. 1 threshold was changed.")).to_be_visible()
    assert PlannedSku.objects.get(sku="CUP-0").reorder == 118
