"""A morning of picking and packing, with a scanner's keystrokes; and lists on paper."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from playwright.sync_api import Page, ViewportSize, expect

from api.tests.rest import make_order
from browser.conftest import PASSWORD
from browser.navigation import PHONE, at_both_widths, fits
from orders.models import Pick, PickList
from orders.packing import make_list

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def pages_on_paper(page: Page) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4")))


@at_both_widths
def test_a_packers_morning(member: Callable[..., Page], window: ViewportSize) -> None:
    """From the list of orders to an empty list: tick, pick, print, scan."""
    for number in range(45):
        make_order(f"902-{number:02d}", status="unshipped", sku=f"S{number % 4}", title="A bottle")
    page = member("Operator", at="/admin/orders/order/", viewport=window)
    assert pages_on_paper(page) > 1  # the list's frame shows fewer rows than there are
    for name in ("902-00", "902-01"):
        page.locator("#result_list tr", has_text=name).get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option("make_pick_list")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("heading", name="To fetch")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Show packing slips to print").click()
    slips = opened.value
    expect(slips.locator("article svg")).to_have_count(2)
    assert pages_on_paper(slips) == 2
    slips.close()
    page.bring_to_front()  # without it, no field of it is focused
    expect(page.get_by_role("heading", level=1)).to_contain_text("Pick list")
    wider = "boxes => boxes.map(box => box.scrollWidth - box.clientWidth)"
    assert page.locator(".oms-table").evaluate_all(wider) == [0, 0]
    for name in ("902-00", "902-01"):
        field = page.get_by_label("Scan or type an order id")
        field.press_sequentially(f"{name}\n")
        expect(page.get_by_text(f"{name}: 1 order is packed.")).to_be_visible()
        expect(field).to_be_focused()  # ready for the next one
    assert fits(page)
    assert Pick.objects.filter(packed_at__isnull=True).count() == 0


def test_who_is_signed_out_while_packing_comes_back_to_the_list(member: Callable[..., Page]) -> None:
    """What was scanned last is said not to be done."""
    make_list([make_order("902-00", status="unshipped", sku="S1", title="A bottle")], "ana")
    address = f"/admin/orders/picklist/{PickList.objects.get().pk}/change/"
    page = member("Operator", at=address, viewport=PHONE)
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_label("Scan or type an order id").press_sequentially("902-00\n")
    expect(page.get_by_text("What you sent last was not done: do it again.")).to_be_visible()
    assert fits(page)
    page.locator("[name=username]").fill("user0")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.get_by_label("Scan or type an order id").press_sequentially("902-00\n")
    expect(page.get_by_text("902-00: 1 order is packed.")).to_be_visible()
