"""The main job in a browser: credentials in, orders and stock out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from integrations.models import SyncLog
from integrations.sync.queue import queue_sync
from integrations.sync.start import request_sync
from integrations.sync.streams import STREAMS
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
Work = Callable[[], None]


def log_in_by_hand(page: Page) -> None:
    """With the form, as the other tests do not."""
    User.objects.create_superuser("ada", password="a long pass phrase")
    page.context.clear_cookies()
    page.goto("/admin/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


def open_platform(page: Page, platform: Platform) -> None:
    page.goto("/admin/")
    page.get_by_role("link", name="Platforms").first.click()
    page.get_by_role("link", name="Amazon amazon").click()
    expect(page.get_by_label("Client id")).to_be_visible()


def enter(page: Page, account: Any) -> None:
    page.get_by_label("Client id").fill(account.client_id)
    page.get_by_label("Client secret").fill(account.client_secret)
    page.get_by_label("Refresh token").fill(account.refresh_token)
    page.get_by_label("Marketplace", exact=True).select_option("ATVPDKIKX0DER")
    page.get_by_role("button", name="Save and continue editing").click()


def sync(page: Page, work: Work) -> None:
    page.get_by_role("button", name="Sync from Amazon").click()
    page.get_by_role("button", name="Start sync").click()
    expect(page.get_by_text("Orders sync #")).to_be_visible()
    work()


def value_of(page: Page, label: str) -> str:
    row = (
        page.locator(".field-line, .form-row, div").filter(has=page.locator(f"label:text-is('{label}')")).last
    )
    return row.locator("xpath=following-sibling::div[1]").inner_text().strip()


def test_it_goes_from_credentials_to_orders(
    log_in: LogIn, platform: Platform, start_simulator: Any, work: Work
) -> None:
    account = start_simulator(orders=30, skus=5).accounts[0]
    page = log_in(at=None)
    log_in_by_hand(page)
    open_platform(page, platform)
    enter(page, account)
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert page.get_by_label("Client secret").input_value() == ""
    assert not [
        secret for secret in (account.client_secret, account.refresh_token) if secret in page.content()
    ]

    sync(page, work)
    page.get_by_role("link", name="Orders sync #").click()
    expect(page.get_by_text("succeeded", exact=True)).to_be_visible()
    assert value_of(page, "Fetched") == "30"

    order = Order.objects.filter(items__isnull=False).exclude(items__sku="").first()
    assert order is not None
    page.locator("a[href='/admin/orders/order/']").first.click()
    page.get_by_placeholder("Order id, SKU").fill(order.external_id)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=order.external_id, exact=True).click()
    for item in order.items.all():
        expect(page.get_by_role("link", name=item.sku, exact=True).first).to_be_visible()


def test_it_shows_a_refusal_and_forgets_what_was_typed(
    log_in: LogIn, platform: Platform, start_simulator: Any
) -> None:
    account = start_simulator().accounts[0]
    page = log_in(at=None)
    open_platform(page, platform)
    page.get_by_label("Client id").fill(account.client_id)
    page.get_by_label("Client secret").fill(account.client_secret)
    page.get_by_label("Refresh token").fill(account.refresh_token)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("credentials work only when they are complete").first).to_be_visible()
    assert not [
        secret for secret in (account.client_secret, account.refresh_token) if secret in page.content()
    ]


def test_it_marks_made_up_data_wherever_it_appears(log_in: LogIn, platform: Platform, work: Work) -> None:
    page = log_in(at=None)
    open_platform(page, platform)
    sync(page, work)
    page.goto("/admin/orders/order/")
    expect(page.locator("#result_list").get_by_text("mock", exact=True).first).to_be_visible()
    page.locator(".field-order_id a").first.click()
    expect(page.get_by_text("This is made-up data.")).to_be_visible()
    page.goto("/admin/platforms/platform/")
    expect(page.get_by_text("mock data", exact=True)).to_be_visible()


def test_it_syncs_from_the_list(log_in: LogIn, platform: Platform) -> None:
    page = log_in(at="/admin/platforms/platform/")
    page.get_by_label("Select record").last.check()
    page.get_by_label("Select action to run").select_option(label="Sync from Amazon")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("Inventory sync #")).to_be_visible()
    assert SyncLog.objects.count() == 2


def test_it_offers_no_sync_to_those_who_may_not(log_in: LogIn, platform: Platform) -> None:
    address = f"/admin/platforms/platform/{platform.pk}/change/?tab=credentials"
    page = log_in("view_platform", "view_synclog", at=address)
    expect(page.get_by_text("No credentials are stored.")).to_be_visible()
    expect(page.get_by_text("Sync from Amazon")).to_have_count(0)


def test_it_fits_a_phone(log_in: LogIn, platform: Platform, work: Work) -> None:
    for kind in STREAMS:
        queue_sync(request_sync(platform=platform, kind=kind, trigger=SyncLog.Trigger.ADMIN).log)
    work()
    page = log_in(viewport={"width": 390, "height": 844}, at=None)
    for address in (
        "orders/order/",
        "inventory/inventoryitem/",
        "integrations/synclog/",
        "platforms/platform/",
    ):
        page.goto(f"/admin/{address}")
        expect(page.locator("#result_list")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
