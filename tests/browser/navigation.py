"""What the browser tests share: windows, addresses, and requests that no page offered."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from integrations.models import SyncFailure, SyncLog

PLATFORMS, ORDERS = "/admin/platforms/platform/", "/admin/orders/order/"
LOGS, FAILURES = "/admin/integrations/synclog/", "/admin/integrations/syncfailure/"
STOCK, WHERE = "/admin/inventory/inventoryitem/", "/admin/where/"


DESK: ViewportSize = {"width": 1400, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
at_both_widths = pytest.mark.parametrize("window", [DESK, PHONE], ids=["desk", "phone"])


def fits(page: Page) -> bool:
    """Whether nothing of it is beyond the right edge, once it is loaded: without its styles it is wider."""
    page.wait_for_load_state()
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def open_page(page: Page, name: str) -> None:
    """By the menu, which a phone keeps behind a button."""
    link = page.get_by_role("link", name=name, exact=True).first
    if not link.is_visible():
        page.get_by_role("button", name="Menu", exact=True).click()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def press(page: Page, name: str) -> None:
    """A button of the page's head, which a phone keeps behind a menu."""
    button = page.get_by_role("button", name=name)
    if not button.is_visible():
        page.locator("span:text-is('more_horiz')").first.click()
    button.click()


def post(page: Page, address: str, **fields: str) -> int:
    """The status that the server answers to a form that the page did not offer; 0 for a redirect."""
    script = """async ([address, fields]) => {
        const body = new URLSearchParams(fields), token = document.cookie.match(/csrftoken=([^;]+)/)[1];
        const method = "POST";
        const answer = await fetch(address, {method, body, headers: {"X-CSRFToken": token}, redirect: "manual"});
        return answer.status;
    }"""
    return int(page.evaluate(script, [address, fields]))


def get(page: Page, address: str) -> int:
    """The status of a page whose address somebody typed."""
    return int(page.request.get(address).status)


def export(page: Page, name: str, folder: Path) -> str:
    """What the menu of the list on the page hands out as CSV, by the name of the export."""
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=f"{name} CSV", exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    page.keyboard.press("Escape")
    return path.read_text(encoding="utf-8-sig")


def failure_of(log: SyncLog, external_id: str) -> SyncFailure:
    return SyncFailure.objects.create(
        log=log, platform=log.platform, kind="orders", external_id=external_id, error_code="malformed",
        error_message="It has no purchase date.",
    )  # fmt: skip
