"""How many clicks each job of the day takes, from the home page: what docs/desk.md says of it is what is counted here.

A click is a press of the mouse's button, or a choice in a list of choices. Typing, scanning and Enter are none.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from api.tests.rest import make_order
from browser.navigation import DESK
from integrations.tests.depot import Depot
from orders.models import Order, Pick, Shipment
from orders.packing import make_list, mark_packed
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESK_BY_JOB = Path(__file__).parents[2] / "docs" / "desk.md"
COUNTING = """
addEventListener("pointerdown", event => event.isTrusted && clicked(), true);
addEventListener("change", event => event.target.tagName === "SELECT" && clicked(), true);
"""


def promised() -> dict[str, int]:
    """The clicks of each job, by its name in the table of docs/desk.md."""
    section = DESK_BY_JOB.read_text().split("## How many clicks")[1]
    rows = re.findall(r"^\| ([^|]+?) \| (\d+) \|", section, re.MULTILINE)
    return {job: int(clicks) for job, clicks in rows}


class Counter:
    """Of the clicks on one page, job by job."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._clicks = 0
        self.counted: dict[str, int] = {}
        page.expose_function("clicked", self._count)
        page.add_init_script(COUNTING)

    def _count(self) -> None:
        self._clicks += 1

    @contextmanager
    def job(self, name: str) -> Iterator[None]:
        self._page.goto("/admin/")
        self._clicks = 0
        yield
        self.counted[name] = self._clicks


def menu(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_each_job_takes_as_many_clicks_as_is_said(
    member: Callable[..., Page], platform: Platform, depot: Depot, tmp_path: Path
) -> None:
    late = timezone.now() - timedelta(hours=30)
    for number in range(45):
        make_order(f"902-{number:02d}", platform=platform, status="unshipped", sku="S1", ship_by=late)
    order = make_order("302-6365812-6571562", platform=platform, status="shipped", title="A bottle")
    order.packages.create(external_id="1", carrier="DHL", tracking_number="JD0001", shipped_at=timezone.now())
    packed = Order.objects.filter(external_id__startswith="S-")
    make_list(list(packed.filter(external_id__gt="S-3")), "ana")
    mark_packed(Pick.objects.all(), "ana")
    page = member("Manager", "Shipper", at=None, viewport=DESK)
    clicks = Counter(page)

    with clicks.job("See the first of the overdue orders, with its items"):
        page.get_by_role("link", name=re.compile("Overdue")).first.click()
        page.get_by_role("link", name=re.compile("902-")).first.click()
        expect(page.get_by_role("heading", name="Shipping")).to_be_visible()
    with clicks.job("Put all orders of a page on a pick list, and see their packing slips"):
        page.get_by_role("link", name=re.compile("Overdue")).first.click()
        page.locator("#action-toggle").check()
        page.locator("select[name=action]").select_option("make_pick_list")
        page.get_by_role("button", name="Run").click()
        with page.context.expect_page() as opened:
            page.get_by_role("button", name="Show packing slips to print").click()
        expect(opened.value.locator("article svg")).to_have_count(45)
        opened.value.close()
    with clicks.job("Ship seven packed orders, each with its tracking number"):
        menu(page, "Shipping desk")
        page.get_by_label("Carrier", exact=True).select_option("UPS")
        page.get_by_label("Tracking number", exact=True).focus()
        for number in range(packed.count()):
            field = page.get_by_label("Tracking number", exact=True)
            field.press_sequentially(f"1Z{number}\n")
            expect(page.get_by_text(f"shipped as 1Z{number}")).to_be_visible()
    with clicks.job("Tell a buyer, who names a part of the order's id, the tracking number"):
        menu(page, "Where is my order?")
        page.get_by_label("Order id or tracking number").fill("6571562")
        page.keyboard.press("Enter")
        page.get_by_role("link", name=order.external_id).click()
        expect(page.get_by_text("JD0001").first).to_be_visible()
    with clicks.job("Have the sales of last month as a spreadsheet"):
        menu(page, "Sales")
        page.get_by_role("link", name="Last month").click()
        page.locator("summary", has_text="Export").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Sales XLSX", exact=True).click()
        assert download.value.suggested_filename.endswith(".xlsx")
    with clicks.job("Invite a colleague with a role"):
        menu(page, "Users")
        page.locator("a[href='/admin/auth/user/add/']").first.click()
        page.get_by_label("Name", exact=True).fill("Bo Berg")
        page.get_by_label("Email address").fill("bo@shop.example")
        page.get_by_label("Operator: also").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("pre code")).to_be_visible()

    assert clicks.counted == promised()
    assert Shipment.objects.count() == packed.count() == 7
