"""Languages and time zones in a browser: the menu at one's name, and the zone that the browser reports."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from api.tests.rest import make_order
from browser.navigation import LOGS, ORDERS
from integrations.models import SyncLog
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
LATE = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


@pytest.fixture
def order(platform: Platform) -> Order:
    SyncLog.objects.create(
        platform=platform, kind="orders", trigger="admin", status="succeeded", source="live",
        queued_at=LATE, started_at=LATE, finished_at=LATE, fetched=12345,
    )  # fmt: skip
    return make_order(platform=platform, purchased_at=LATE, total=Decimal("1234.5"), currency="USD")


def choose(page: Page, language: str) -> None:
    """In the menu at one's name, with the keyboard alone."""
    page.get_by_role("button", name=re.compile("^user0")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile(f"^{language}")).focus()
    page.keyboard.press("Enter")


def test_it_speaks_the_language_that_was_chosen_wherever_one_goes(log_in: LogIn, order: Order) -> None:
    page = log_in(timezone_id="UTC", at=ORDERS)
    for language, code, words, total, day in (
        ("Deutsch", "de", "Bestellungen", "1.234,50 USD", "01.03.2026"),
        ("español", "es", "Pedidos", "1.234,50 USD", "01/03/2026"),
        ("English", "en", "Orders", "1,234.50 USD", "2026-03-01"),
    ):
        before = page.url
        choose(page, language)
        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page).to_have_url(before)
        for address in (ORDERS, f"{ORDERS}{order.pk}/change/"):
            page.goto(address)
            expect(page.get_by_role("link", name=words, exact=True).first).to_be_visible()
            expect(page.locator("#content")).to_contain_text(total)
            if address == ORDERS:  # the list is short; the whole time is in the tooltip
                expect(page.locator(f".field-purchased [title*='{day}']").first).to_be_attached()
            else:
                expect(page.locator("#content")).to_contain_text(day)
        page.goto(LOGS)
        expect(page.locator("td.field-number_fetched")).to_have_text("12,345" if code == "en" else "12.345")


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "2026-03-02 08:30 JST"),
        ("America/New_York", "2026-03-01 18:30 EST"),
        ("Europe/Berlin", "2026-03-02 00:30 CET"),
    ],
)
def test_it_shows_times_in_the_zone_of_the_browser(
    log_in: LogIn, order: Order, zone: str, shown: str
) -> None:
    page = log_in(timezone_id=zone)  # where the browser tells its zone
    page.goto(f"{ORDERS}{order.pk}/change/")
    expect(page.locator("#content")).to_contain_text(shown)
    page.goto(ORDERS)
    expect(page.locator(f".field-purchased [title*='{shown}']").first).to_be_attached()
    page.goto("/admin/platforms/platform/")
    page.get_by_role("link", name="Sync from Amazon").click()
    page.get_by_label("From … until …").check()
    expect(page.get_by_label(f"From ({zone})")).to_be_visible()
