"""A platform's page as a person meets it: credentials, the connection check, and the dialog that starts a sync."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from channel_example.channel import CORNER_SHOP, KIND
from playwright.sync_api import Page, expect

from browser.navigation import press
from conftest import api_config
from integrations.models import SyncLog
from integrations.registry import CHANNELS
from integrations.tests.syncing import platform_of
from platforms.models import Platform
from simulator import Account

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
Inspect = Callable[[Page], list[str]]
LIST = "/admin/platforms/platform/"
WIDTHS = [1400, 390]


def change(platform: Platform) -> str:
    return f"{LIST}{platform.pk}/change/"


def without_scripts(page: Page) -> Page:
    """Ours and htmx; the admin itself shows nothing without Alpine."""
    for scripts in ("**/static/oms/*.js", "**/htmx.js"):
        page.route(scripts, lambda route: route.abort())
    return page


def test_it_takes_credentials_and_says_since_when_they_are_set(
    log_in: LogIn, platform: Platform, start_simulator: Any
) -> None:
    account = start_simulator(client_secret="amzn1.oa2-cs.v1.a-long-one-x7Q2").accounts[0]
    page = log_in(at=change(platform))
    expect(page.get_by_text("Nothing is stored.")).to_have_count(2)
    page.get_by_label("Client id").fill(account.client_id)
    page.get_by_label("Client secret").fill(account.client_secret)
    page.get_by_label("Refresh token").fill(account.refresh_token)
    page.get_by_label("Marketplace", exact=True).select_option("A1PA6795UKMFR9")
    expect(page.locator("output[for=id_marketplace_id]")).to_have_text(
        "Europe, Middle East, Africa and India"
    )
    link = page.get_by_role("link", name="Open Develop Apps in Seller Central").first
    expect(link).to_have_attribute("href", re.compile("^https://sellercentral-europe.amazon.com/"))
    page.get_by_label("Marketplace", exact=True).select_option("ATVPDKIKX0DER")
    expect(page.locator("output[for=id_marketplace_id]")).to_have_text("North America")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text(re.compile(r"Set on \d{4}-\d\d-\d\d\. Ends in …x7Q2\."))).to_be_visible()
    assert account.client_secret not in page.content()
    platform.refresh_from_db()
    assert platform.api_config["region"] == "NA"


def test_it_asks_for_the_channel_first_where_there_are_several(
    log_in: LogIn, grave_problems: Inspect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHANNELS, KIND, CORNER_SHOP)
    page = log_in(at=f"{LIST}add/")
    expect(page.get_by_role("heading", name="Which channel does the account belong to?")).to_be_visible()
    assert grave_problems(page) == []
    page.locator("#content").get_by_role("link", name="Corner Shop").click()
    page.locator("#id_name").fill("tea")
    page.get_by_label("Address of the shop").fill("https://corner.example")
    page.get_by_label("Key", exact=True).fill("cs-key")
    expect(page.get_by_text("Marketplace")).to_have_count(0)
    assert grave_problems(page) == []
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_role("button", name="Sync from Corner Shop")).to_be_visible()
    assert Platform.objects.get(name="tea").api_config == {
        "shop_url": "https://corner.example",
        "api_key": "cs-key",
    }


def test_it_checks_the_connection_in_place(log_in: LogIn, platform: Platform, start_simulator: Any) -> None:
    sim = start_simulator()
    platform_of(sim, client_secret="wrong")
    page = log_in(at=change(platform))
    page.get_by_label("Display name").fill("typed, and not to be lost")
    found = page.locator("#oms-check")
    press(page, "Check connection")
    expect(found.get_by_text("The connection does not work fully")).to_be_visible()
    expect(found.get_by_text("invalid_client")).to_be_visible()
    platform_of(sim)
    press(page, "Check connection")
    expect(found.get_by_text("The connection works")).to_be_visible()
    expect(found.get_by_role("listitem").filter(has_text="Orders: works.")).to_be_visible()
    expect(page.get_by_label("Display name")).to_have_value("typed, and not to be lost")


def test_it_checks_the_connection_without_our_scripts(
    log_in: LogIn, platform: Platform, start_simulator: Any
) -> None:
    platform_of(start_simulator())
    page = without_scripts(log_in(at=None))
    page.goto(change(platform))
    page.locator('[data-oms-button="check"] button').click()
    expect(page.get_by_text("The connection works; see the findings below.")).to_be_visible()
    expect(page.locator("#oms-check").get_by_text("Login with Amazon accepts")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
def test_it_starts_a_sync_from_the_page(log_in: LogIn, platform: Platform, width: int) -> None:
    platform.api_config = api_config(Account())
    platform.save()
    page = log_in(viewport={"width": width, "height": 844}, at=change(platform))
    press(page, "Sync from Amazon")
    dialog = page.get_by_role("dialog", name="Sync from Amazon")
    expect(dialog.get_by_label("Days", exact=True)).to_be_hidden()
    dialog.get_by_label("Orders", exact=True).check()
    dialog.get_by_label("Of the last days").check()
    dialog.get_by_label("Days", exact=True).fill("0")
    dialog.get_by_role("button", name="Start sync").click()
    expect(dialog.get_by_text("it takes a whole number from 1 to 3650")).to_be_visible()
    expect(dialog.get_by_label("Days", exact=True)).to_be_focused()
    assert not SyncLog.objects.exists()
    dialog.get_by_label("Days", exact=True).fill("3")
    dialog.get_by_label("created in that time").check()
    expect(dialog.get_by_role("status")).to_contain_text(
        "a page is one call, and Amazon grants one every 2 min 58 s"
    )
    assert not SyncLog.objects.exists()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dialog.get_by_role("button", name="Start sync").click()
    expect(page.get_by_text(re.compile(r"Orders sync #\d+ of Amazon is queued\."))).to_be_visible()
    expect(dialog).to_have_count(0)
    log = SyncLog.objects.get()
    assert (log.kind, log.window_by, log.is_incremental) == ("orders", "created", False)


def test_it_is_used_with_the_keyboard_alone(log_in: LogIn, platform: Platform) -> None:
    page = log_in(at=LIST)
    opener = page.get_by_role("link", name="Sync from Amazon")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sync from Amazon")
    expect(dialog.get_by_label("Orders and inventory")).to_be_focused()
    for _stop in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    assert not SyncLog.objects.exists()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Orders and inventory")).to_be_focused()
    page.keyboard.press("Enter")  # in a form: starts it
    expect(page.get_by_text(re.compile(r"Inventory sync #\d+ of Amazon is queued\."))).to_be_visible()
    assert SyncLog.objects.count() == 2


def test_it_starts_a_sync_without_our_scripts(log_in: LogIn, platform: Platform) -> None:
    page = without_scripts(log_in(at=None))
    page.goto(LIST)
    page.get_by_role("link", name="Sync from Amazon: Amazon").click()
    page.get_by_label("Inventory", exact=True).check()
    page.get_by_role("button", name="Start sync").click()
    expect(page.get_by_text(re.compile(r"Inventory sync #\d+ of Amazon is queued\."))).to_be_visible()
    assert [log.kind for log in SyncLog.objects.all()] == ["inventory"]


def test_it_offers_nothing_that_is_not_allowed(log_in: LogIn, platform: Platform) -> None:
    page = log_in("view_platform", "change_platform", "view_synclog")
    for address in (LIST, change(platform)):
        page.goto(address)
        expect(page.get_by_text("Sync from Amazon")).to_have_count(0)
        expect(page.get_by_role("button", name="Check connection")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_shuts_nobody_out(
    log_in: LogIn, grave_problems: Inspect, platform: Platform, start_simulator: Any, scheme: str
) -> None:
    platform_of(start_simulator())
    page = log_in(color_scheme=scheme, at=change(platform))
    press(page, "Check connection")
    expect(page.locator("#oms-check").get_by_text("The connection works")).to_be_visible()
    assert grave_problems(page) == []
    page.goto(LIST)
    page.get_by_role("link", name="Sync from Amazon").click()
    page.get_by_label("From … until …").check()
    assert grave_problems(page) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [("Check connection", "What you sent last was not done: do it again."), ("Sync from Amazon", "")],
)
def test_it_asks_to_log_in_where_the_session_has_ended_meanwhile(
    log_in: LogIn, platform: Platform, name: str, told: str
) -> None:
    page = log_in(at=change(platform))
    page.context.clear_cookies(name="sessionid")
    press(page, name)
    page.wait_for_url(re.compile(r"/admin/login/\?next=/admin/platforms/platform/\d+/change/"))
    expect(page.get_by_role("button", name="Log in")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text(f"You were signed out meanwhile. {told}".strip())
    expect(page.get_by_role("button", name=name)).to_have_count(0)


@pytest.mark.parametrize("width", WIDTHS)
def test_its_tabs_lose_nothing_that_was_entered(
    log_in: LogIn, grave_problems: Inspect, platform: Platform, start_simulator: Any, width: int
) -> None:
    platform_of(start_simulator())
    page = log_in(viewport={"width": width, "height": 844}, at=change(platform))
    tabs = page.get_by_role("navigation", name="Parts of this page")
    expect(tabs.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    page.get_by_label("Display name").fill("typed, and not lost")
    tabs.get_by_role("link", name="Schedule").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"\?tab=schedule$"))
    page.get_by_label("Orders every").fill("-5")
    tabs.get_by_role("link", name="Access").click()
    expect(page.get_by_role("cell", name="superuser")).to_be_visible()
    expect(page.get_by_label("Orders every")).to_be_hidden()
    assert grave_problems(page) == []
    page.get_by_role("button", name="Save and continue editing").click()
    # What is wrong is shown on its tab, whichever was open.
    expect(tabs.get_by_role("link", name="Schedule")).to_have_attribute("aria-current", "page")
    page.get_by_label("Orders every").fill("25")
    page.get_by_role("button", name="Save and continue editing").click()
    page.wait_for_url(re.compile(r"\?tab=schedule$"))  # where one was
    platform.refresh_from_db()
    assert platform.display_name == "typed, and not lost"
    press(page, "Check connection")  # its answer stands on the first tab
    expect(page.locator("#oms-check").get_by_text("The connection works")).to_be_visible()
    tabs.get_by_role("link", name="Credentials").focus()  # a phone's menu still lies over it
    page.keyboard.press("Enter")
    expect(page.get_by_label("Client id")).to_be_visible()
    assert page.locator(".select2-container").first.bounding_box()["width"] > 150  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.reload()
    expect(page.get_by_label("Client id")).to_be_visible()


def test_a_check_on_a_phone_shows_its_answer_and_then_the_marketplaces_of_the_account(
    log_in: LogIn, platform: Platform, start_simulator: Any
) -> None:
    """The menu of buttons closes; all other marketplaces are shown on request, by keyboard."""
    shop = platform_of(start_simulator())
    page = log_in(at=change(shop), viewport={"width": 390, "height": 844})
    press(page, "Check connection")
    expect(page.get_by_text("Checked just now.")).to_be_visible()
    expect(page.get_by_role("button", name="Check connection")).to_be_hidden()
    page.goto(f"{change(shop)}?tab=credentials")
    options = page.locator("#id_marketplace_id option")
    chosen = page.locator("#id_marketplace_id").input_value()
    assert options.count() < 20
    show = page.get_by_role("button", name="Show all marketplaces").first
    show.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#id_marketplace_id option[value=A1VC38T7YXB528]")).to_have_count(1)
    assert page.locator("#id_marketplace_id").input_value() == chosen
    expect(page.locator("#id_marketplace_id")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
