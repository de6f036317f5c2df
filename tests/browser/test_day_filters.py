"""Filtering by day in a browser, in each language: what the calendar writes is what the list reads."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from api.tests.rest import make_order
from browser.navigation import ORDERS
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
TODAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
WRITTEN = {"en": "2026-11-26", "de": "26.11.2026", "es": "26/11/2026"}


def test_it_lists_the_day_that_was_picked_in_the_calendar(log_in: LogIn, platform: Platform) -> None:
    make_order("111-0000001-0000001", platform=platform, purchased_at=TODAY)
    make_order("111-0000002-0000002", platform=platform, purchased_at=TODAY.replace(day=24))
    page = log_in(timezone_id="UTC")
    page.clock.set_fixed_time(TODAY)
    rows = page.locator("#result_list")
    for language, written in WRITTEN.items():
        cookie = {
            "name": "django_language",
            "value": language,
            "domain": urlsplit(page.url).hostname,
            "path": "/",
        }
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.goto(ORDERS)
        expect(page.locator("html")).to_have_attribute("lang", language)
        page.locator("#changelist a:has-text('filter_list')").click()
        field = page.locator("[name=purchased_at_from]")
        field.locator("xpath=..").locator("[id^=calendarlink]").click()
        page.locator(".calendarbox:visible td a", has_text="26").click()
        expect(field).to_have_value(written)
        page.locator("#filter-form [type=submit]").click()
        expect(rows).to_contain_text("111-0000001-0000001")
        expect(rows).not_to_contain_text("111-0000002-0000002")

    page.goto(f"{ORDERS}?purchased_at_from=26.11.26.")
    expect(page.get_by_text("26.11.26.").first).to_be_visible()
    expect(rows).to_have_count(0)
