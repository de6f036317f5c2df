"""Filtering by day in a browser, in each language: what the field of the browser holds is what the list reads."""

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
LANGUAGES = ("en", "de", "es")


def test_it_lists_the_day_that_was_picked_in_the_calendar(log_in: LogIn, platform: Platform) -> None:
    make_order("111-0000001-0000001", platform=platform, purchased_at=TODAY)
    make_order("111-0000002-0000002", platform=platform, purchased_at=TODAY.replace(day=24))
    page = log_in(timezone_id="UTC")
    page.clock.set_fixed_time(TODAY)
    rows = page.locator("#result_list")
    for language in LANGUAGES:
        cookie = {
            "name": "django_language",
            "value": language,
            "domain": urlsplit(page.url).hostname,
            "path": "/",
        }
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.goto(ORDERS)
        expect(page.locator("html")).to_have_attribute("lang", language)
        if page.locator("#filter-form").is_hidden():  # it stays open where there is room
            page.locator("[data-oms-filters]").click()
        page.locator("[name=purchased_at_from]").fill("2026-11-26")
        page.locator("#filter-form [type=submit]").click()
        expect(rows).to_contain_text("111-0000001-0000001")
        expect(rows).not_to_contain_text("111-0000002-0000002")

    page.goto(f"{ORDERS}?purchased_at_from=26.11.26.")
    expect(page.get_by_text("26.11.26.").first).to_be_visible()
    expect(rows).to_have_count(0)
