"""An accountant's month: what was sold, the orders behind a figure, and both as files, at a desk and on a phone."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, ViewportSize, expect

from api.tests.rest import make_order
from browser.navigation import at_both_widths, fits, open_page
from orders.models import OrderItem

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
A4: ViewportSize = {"width": 703, "height": 1031}  # upright, without margins of 12 mm


def downloaded(page: Page, link: str, path: Path) -> Path:
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=link, exact=True).click()
    download.value.save_as(path)
    page.locator("summary", has_text="Export").click()
    return path


@at_both_widths
def test_an_accountants_month(member: Callable[..., Page], tmp_path: Path, window: ViewportSize) -> None:
    """Three clicks from the home page to the orders behind a figure."""
    for number in range(3):
        make_order(
            f"111-000000{number}-0000001", total=Decimal("11.9"), currency="EUR", marketplace_id="A1PA6795UKMFR9",
            ship_to_country="AT", status="cancelled" if number == 2 else "shipped",
        )  # fmt: skip
    OrderItem.objects.update(total=Decimal("11.9"), tax=Decimal("1.9"), currency="EUR")
    page = member("Viewer", viewport=window)
    open_page(page, "Sales")
    expect(page.get_by_text("No order was purchased in these months.")).to_be_visible()
    page.get_by_label("First month").fill("2026-01")
    page.get_by_label("Last month").fill("2026-01")
    page.get_by_role("button", name="Show").click()
    row = page.get_by_role("row", name="Jan 2026").first
    expect(row).to_contain_text("20.00")
    assert fits(page)
    page.emulate_media(media="print")
    page.set_viewport_size(A4)
    assert page.evaluate("document.documentElement.scrollWidth") <= A4["width"]
    page.emulate_media(media="screen")
    page.set_viewport_size(window)
    report = load_workbook(downloaded(page, "Sales XLSX", tmp_path / "sales.xlsx")).worksheets[0]
    row.get_by_role("link", name="2", exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.locator("summary", has_text="Export").click()
    page.get_by_label("Times in UTC").check()
    page.locator("summary", has_text="Export").click()
    lines = load_workbook(downloaded(page, "Order lines XLSX", tmp_path / "lines.xlsx")).worksheets[0]
    titles, *rows = lines.iter_rows(values_only=True)
    assert "Order: purchased (UTC)" in titles
    assert sum(row[titles.index("Net (total without tax)")] for row in rows) == 20
    names, values = report.iter_rows(values_only=True)
    assert values[names.index("Net (total without tax)")] == 20
