"""A platform is connected, at a desk and on a phone: on the channel's pages and back, and by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from browser.navigation import PLATFORMS, at_both_widths, fits, open_page, press
from integrations.tests.syncing import sync
from orders.models import Order
from platforms.models import Platform
from simulator import Simulator
from simulator.consent import APPLICATION_ID, seller_id

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
US = "ATVPDKIKX0DER"


@pytest.fixture
def sim(start_simulator: Any, settings: Any) -> Simulator:
    """A seller who may authorise the application that this installation has."""
    sim: Simulator = start_simulator(orders=3, skus=1)
    settings.AMAZON_CONSENT_ENDPOINT, settings.AMAZON_APPLICATION_ID = sim.endpoint, APPLICATION_ID
    settings.AMAZON_CLIENT_ID = sim.accounts[0].client_id
    settings.AMAZON_CLIENT_SECRET = sim.accounts[0].client_secret
    return sim


def connect(page: Page, label: str) -> None:
    page.get_by_role("navigation", name="Parts of this page").get_by_role("link", name="Credentials").click()
    page.get_by_role("link", name=label, exact=True).click()
    page.wait_for_url("**/connect/")


@at_both_widths
def test_a_seller_confirms_on_amazons_pages_and_again(
    member: Callable[..., Page],
    grave_problems: Callable[[Page], list[str]],
    platform: Platform,
    sim: Simulator,
    window: ViewportSize,
) -> None:
    """Five clicks from the list of platforms to a platform that is connected, and one to choose the marketplace."""
    page = member("Manager", viewport=window)
    open_page(page, "Platforms")
    page.get_by_role("link", name="Amazon amazon").click()
    connect(page, "Connect Amazon")
    offered = page.get_by_role("region", name="Authorise OMS at Amazon")
    offered.get_by_label("Marketplace").select_option(US)
    page.get_by_role("button", name="Choose").click()
    assert fits(page)
    assert not grave_problems(page)
    page.get_by_role("link", name="Go to Amazon").click()
    page.get_by_role("link", name=f"Confirm as {seller_id(sim.accounts[0])}").click()
    expect(page.get_by_text("Amazon has authorised OMS for the seller")).to_be_visible()
    press(page, "Check connection")
    expect(page.locator("#oms-check").get_by_text("The connection works")).to_be_visible()
    platform.refresh_from_db()
    first = platform.api_config["refresh_token"]
    assert first not in page.content()
    sync(platform)
    assert Order.objects.count() == 3

    connect(page, "Authorise again")
    page.get_by_role("link", name="Go to Amazon").click()
    page.get_by_role("link", name="Confirm as").click()
    expect(page.get_by_text("Amazon has authorised OMS for the seller")).to_be_visible()
    assert fits(page)
    platform.refresh_from_db()
    assert platform.api_config["refresh_token"] not in ("", first)


@at_both_widths
def test_a_private_app_is_connected_step_by_step(
    member: Callable[..., Page],
    grave_problems: Callable[[Page], list[str]],
    platform: Platform,
    sim: Simulator,
    settings: Any,
    window: ViewportSize,
) -> None:
    settings.AMAZON_APPLICATION_ID = ""
    account = sim.accounts[0]
    page = member("Manager", at=f"{PLATFORMS}{platform.pk}/change/", viewport=window)
    connect(page, "Connect Amazon")
    expect(page.get_by_role("listitem").filter(has_text="Solution Provider Portal")).to_be_visible()
    expect(page.get_by_role("link", name="Go to Amazon")).to_have_count(0)
    assert fits(page)
    assert not grave_problems(page)
    page.get_by_label("Client id").fill(account.client_id)
    page.get_by_label("Client secret").fill("wrong")
    page.get_by_label("Refresh token").fill(account.refresh_token)
    page.locator("select[name=marketplace_id]").select_option(US)
    page.get_by_role("button", name="Try and store").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
    assert account.refresh_token not in page.content()
    page.get_by_label("Client secret").fill(account.client_secret)
    page.get_by_label("Refresh token").fill(account.refresh_token)
    page.get_by_role("button", name="Try and store").click()
    expect(page.get_by_text("The credentials work, and are stored.")).to_be_visible()
    platform.refresh_from_db()
    assert platform.api_config["refresh_token"] == account.refresh_token
