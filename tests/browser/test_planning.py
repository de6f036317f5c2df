"""A planner's morning: what to reorder, and new lead times by a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from api.tests.rest import amazon, make_stock
from backoffice.tests.test_planning import known_since, sell
from browser.navigation import at_both_widths, fits, open_page
from integrations.lookup.planning import count_platform
from inventory.models import PlannedSku

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@at_both_widths
def test_a_planners_morning(member: Callable[..., Page], tmp_path: Path, window: ViewportSize) -> None:
    """Four clicks from the home page to the file of what is to be reordered, which is changed and uploaded; and days
    for all SKUs of a supplier."""
    known_since(91)
    for number, available in enumerate((2, 500)):
        make_stock(f"CUP-{number}", available=available, inbound=0, title="A cup")
        sell(number, f"CUP-{number}", 30, 5)
    make_stock("DEAD", available=9, inbound=0)
    count_platform(amazon())
    page = member("Operator", viewport=window)
    open_page(page, "Planning")
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
    assert fits(page)
    page.locator("details.oms-hint summary").click()
    page.get_by_role("link", name="Upload lead times").click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Show what it would change").click()
    expect(page.get_by_text("2 values differ from what is stored.")).to_be_visible()
    assert fits(page)
    assert PlannedSku.objects.get(sku="CUP-0").lead_days == 30
    page.get_by_role("button", name="Change these values").click()
    expect(page.get_by_text("Settings of 1 SKU were changed. 1 threshold was changed.")).to_be_visible()
    assert PlannedSku.objects.get(sku="CUP-0").reorder == 118
    open_page(page, "Planning")
    page.locator("#result_list").get_by_role("checkbox").last.check()
    page.locator("select[name=action]").select_option("set_days")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Tag", exact=True).fill("Smith & Co")
    page.get_by_label("all SKUs of their tag").check()
    page.get_by_label("Lead time").fill("45")
    assert fits(page)
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("Settings of 1 SKU were changed. Days of 1 tag were changed.")).to_be_visible()
    assert PlannedSku.objects.get(tag="Smith & Co").lead_days == 45
