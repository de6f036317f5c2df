"""A shipper's morning, whole, at a desk and on a phone: packed orders with a scanner's keystrokes and a carrier's file;
orders out of the list; those who may not ship; and a rehearsal. What the platform was told is what was typed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from browser.conftest import PASSWORD, synced
from browser.navigation import DESK, PHONE, at_both_widths, fits, get, open_page
from integrations.shipping.switching import set_policy
from integrations.tests.depot import Depot
from orders.models import Order, Shipment
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Member = Callable[..., Page]


def scan(page: Page, code: str) -> None:
    field = page.get_by_label("Tracking number", exact=True)
    expect(field).to_be_focused()  # without a hand on the mouse
    field.press_sequentially(f"{code}\n")


def give(page: Page, file: str) -> None:
    """A carrier's file, whose heading Ref nobody knows yet."""
    upload = {"name": "ups.csv", "mimeType": "text/csv", "buffer": file.encode()}
    page.get_by_label("File", exact=True).set_input_files(upload)  # type: ignore[arg-type]  # as a dict
    page.get_by_role("button", name="Check the file").click()
    page.get_by_label("Order id").select_option("Ref")
    page.get_by_role("button", name="Check the rows again").click()


@at_both_widths
def test_a_shippers_morning(
    member: Member, platform: Platform, depot: Depot, work: Callable[[], None], window: ViewportSize
) -> None:
    """From the login to an empty desk, with a scanner's keystrokes and a carrier's file; and to the proof."""
    page = member("Shipper", at=None, viewport=window)
    page.context.clear_cookies()
    page.goto("/admin/shipping/")
    page.locator("[name=username]").fill("user0")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.get_by_role("heading", name="S-1")).to_be_visible()
    assert fits(page)
    page.get_by_label("Carrier", exact=True).select_option("UPS")
    page.get_by_label("Tracking number", exact=True).focus()
    scan(page, "1Z1")
    expect(page.get_by_text("S-1: shipped as 1Z1, and waits to be sent.")).to_be_visible()
    scan(page, "1Z1")  # once more: it is another order by now
    expect(page.get_by_text("Order S-1 has this tracking number already.")).to_be_visible()
    assert fits(page)
    scan(page, "S-3")  # out of turn, in the place of what was refused
    expect(page.get_by_role("heading", name="S-3")).to_be_visible()
    scan(page, "1Z3")  # with the carrier of before
    expect(page.get_by_role("heading", name="S-2")).to_be_visible()

    page.get_by_role("link", name="Import a carrier's file").click()
    give(page, "Ref;Tracking;Carrier\nS-2;1Z2;UPS\nS-4;1Z4;UPS\nS-9;1Z9;UPS\n")
    expect(page.get_by_text("Platform Amazon has no order S-9 here.")).to_be_visible()
    assert fits(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Refused rows as a file").click()
    assert download.value.path().read_text(encoding="utf-8-sig").splitlines()[1].endswith(",S-9,1Z9,UPS")
    page.get_by_role("button", name="Ship 2 packages").click()
    expect(page.get_by_text("2 packages are shipped, and wait to be sent.")).to_be_visible()
    open_page(page, "Shipping desk")
    expect(page.get_by_role("heading", name="Everything that is packed is shipped")).to_be_visible()
    assert fits(page)
    work()
    synced(platform)
    told = {name: package[0] for (name, _number), package in depot.truth().items()}
    assert told == {"S-1": "1Z1", "S-2": "1Z2", "S-3": "1Z3", "S-4": "1Z4"}
    assert set(Shipment.objects.values_list("state", flat=True)) == {"confirmed"}


def test_many_orders_are_shipped_out_of_the_list(
    member: Member, platform: Platform, depot: Depot, work: Callable[[], None]
) -> None:
    page = member("Shipper", at="/admin/orders/order/", viewport=DESK)
    for name in ("S-4", "S-5", "S-6"):
        page.locator("#result_list tr", has_text=name).get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option("ship_orders")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Carrier", exact=True).fill("UPS")
    names = [name.inner_text() for name in page.locator("td .oms-nowrap").all()]
    first = page.get_by_label(f"Tracking number of {names[0]}")
    first.press_sequentially("1Z0\n")  # a scanner goes on to the next order, and ships nothing
    expect(page.get_by_label(f"Tracking number of {names[1]}")).to_be_focused()
    first.evaluate(
        """field => {
            const data = new DataTransfer();
            data.setData("text", "1ZA\\n1ZB\\n");
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
        }"""
    )
    page.set_viewport_size(PHONE)
    assert fits(page)
    heads = "cells => cells.map(cell => JSON.parse(getComputedStyle(cell, '::before').content))"
    fields = page.locator(".oms-many tbody tr").first.locator("td:not(.oms-card-wide)")
    assert fields.evaluate_all(heads) == ["Tracking number", "Carrier", "Service"]
    page.get_by_role("button", name="Ship all that have a tracking number").click()
    expect(page.get_by_text("2 orders were shipped.")).to_be_visible()
    expect(page.get_by_text("1 order to ship")).to_be_visible()
    work()
    told = {name: package[0] for (name, _number), package in depot.truth().items()}
    assert told == {names[0]: "1ZA", names[1]: "1ZB"}


def test_a_part_of_many_orders_with_the_keyboard(
    member: Member, platform: Platform, depot: Depot, work: Callable[[], None]
) -> None:
    depot.add("S-8", L1=3, L2=1)
    synced(platform)
    orders = Order.objects.filter(external_id__in=("S-7", "S-8")).order_by("external_id")
    ids = ",".join(str(order.pk) for order in orders)
    page = member("Shipper", at=f"/admin/shipping/orders/?orders={ids}", viewport=PHONE)
    page.get_by_label("Carrier", exact=True).fill("UPS")
    page.get_by_label("Carrier", exact=True).press("Enter")  # goes on, and ships nothing
    expect(page.get_by_label("Tracking number of S-7")).to_be_focused()
    page.keyboard.type("1Z7\n")
    expect(page.get_by_label("Tracking number of S-8")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    units = page.get_by_label("of 3 × SKU-1 (S-8)")
    expect(units).to_be_visible()
    page.keyboard.press("Tab")
    expect(units).to_be_focused()
    page.keyboard.type("2")
    page.keyboard.press("Tab")
    page.keyboard.type("0\n")
    expect(page.get_by_label("Tracking number of S-8")).to_be_focused()
    page.keyboard.type("1Z8")
    assert fits(page)
    page.get_by_role("button", name="Ship all that have a tracking number").click()
    expect(page.get_by_text("2 units are left to ship.")).to_be_visible()
    work()
    assert depot.truth()["S-7", "1001"] == ("1Z7", {"1": 1})
    assert depot.truth()["S-8", "1001"] == ("1Z8", {"1": 2})


@at_both_widths
def test_a_label_that_nobody_uses_is_set_aside(
    member: Member, platform: Platform, depot: Depot, window: ViewportSize
) -> None:
    depot.buy_label("S-4", L1=1)
    synced(platform)
    order = Order.objects.get(external_id="S-4")
    page = member("Shipper", at=f"/admin/orders/order/{order.pk}/ship/", viewport=window)
    expect(page.get_by_text("Amazon shows packages that were not made here: UPS TBA7.")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Ship it yourself all the same").click()
    expect(page.get_by_text("Nobody uses UPS TBA7: what is in it can be shipped here.")).to_be_visible()
    expect(page.get_by_label("Tracking number", exact=True)).to_be_focused()
    assert fits(page)
    page.get_by_role("button", name="It is used after all").click()
    expect(page.get_by_text("UPS TBA7 holds its units again.")).to_be_visible()


def test_a_viewer_may_not_and_a_rehearsal_tells_nobody(
    member: Member, platform: Platform, depot: Depot, work: Callable[[], None]
) -> None:
    """On a desk and on a phone: the viewer turns away the same page, the rehearsal takes one order after the other."""
    viewer = member("Viewer", at="/admin/orders/shipment/", viewport=DESK)
    for window in (DESK, PHONE):
        viewer.set_viewport_size(window)
        if window == PHONE:
            viewer.get_by_role("button", name="Menu", exact=True).click()
        expect(viewer.get_by_role("link", name="Shipments").first).to_be_visible()
        for name in ("Shipping desk", "Import a carrier's file"):
            expect(viewer.get_by_role("link", name=name)).to_have_count(0)
    for address in ("/admin/shipping/", "/admin/shipping/import/"):
        assert get(viewer, address) == 403
    viewer.goto("/admin/shipping/")
    for window in (DESK, PHONE):
        viewer.set_viewport_size(window)
        expect(viewer.get_by_role("heading", name="This page is not open to you")).to_be_visible()
        assert fits(viewer)

    set_policy(platform, mode="rehearsal", hourly_limit=0, who="manager")
    page = member("Shipper", at="/admin/shipping/", viewport=DESK)
    page.get_by_label("Carrier", exact=True).select_option("UPS")
    page.get_by_label("Tracking number", exact=True).focus()
    for window, name, code in ((DESK, "S-1", "1Z1"), (PHONE, "S-2", "1Z2")):
        page.set_viewport_size(window)
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        expect(page.get_by_role("button", name="Rehearse, and next")).to_be_visible()
        assert fits(page)
        scan(page, code)
        expect(page.get_by_text(f"{name}: rehearsal of {code}. Nothing is sent.")).to_be_visible()
    work()
    assert not depot.told
    page.goto("/admin/orders/shipment/")
    for window in (PHONE, DESK):
        page.set_viewport_size(window)
        expect(page.get_by_text("rehearsed").first).to_be_visible()
        assert fits(page)
