"""A manager's morning: what went wrong in the night, run again, and what it did; at a desk and on a phone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from backoffice.tests.home_pages import log_of
from browser.navigation import at_both_widths, fits, open_page, press
from conftest import api_config
from integrations.models import SyncLog
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@at_both_widths
def test_a_managers_morning(
    member: Callable[..., Page],
    grave_problems: Callable[[Page], list[str]],
    platform: Platform,
    start_simulator: Any,
    work: Callable[[], None],
    window: ViewportSize,
) -> None:
    """Two clicks from the home page to what failed, and one to run it again."""
    account = start_simulator(orders=30, page_size=10).accounts[0]
    platform.api_config = api_config(account)
    platform.save()
    log_of(platform, "cancelled")
    failed = log_of(platform, "failed", error_code="unavailable", error_message="It did not answer.")
    page = member("Manager", viewport=window)
    open_page(page, "Health")
    week = page.locator(".oms-parts li").last  # as wide as its seven of the thirty days above
    expect(week).to_contain_text("2 syncs 1 failed")
    assert 0.18 < week.evaluate("week => week.offsetWidth / week.parentElement.offsetWidth") < 7 / 30
    assert not grave_problems(page)
    assert fits(page)
    failures = page.get_by_role("row", name="Failed").first
    failures.get_by_role("link", name="1").first.click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Filters").click()
    filters = page.get_by_role("dialog", name="Filters")
    filters.get_by_label("cancelled").check()
    filters.get_by_role("button", name="Apply").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.goto(f"/admin/integrations/synclog/{failed.pk}/change/")
    press(page, "Run again")
    expect(page.get_by_text("is queued").first).to_be_visible()
    log = SyncLog.objects.latest("pk")
    page.goto(f"/admin/platforms/platform/{platform.pk}/change/")
    expect(page.get_by_role("progressbar").first).to_be_visible()
    expect(page.locator("#oms-platform-state")).to_contain_text("credentials set")
    page.evaluate("window.sameDocument = true")
    work()
    expect(page.get_by_text("30 fetched, 30 new.").first).to_be_visible()  # without being loaded again
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert page.evaluate("window.sameDocument")
    log.refresh_from_db()
    ended = f"ended {log.finished_at:%Y-%m-%d %H:%M} UTC"
    expect(page.get_by_text(ended).first).to_be_visible()
    open_page(page, "Health")
    expect(page.get_by_role("row", name=re.compile("Last good sync")).first).to_contain_text(ended)
    expect(page.get_by_role("row", name=re.compile("^Syncs")).first).to_contain_text("3")
    open_page(page, "API usage and quotas")
    expect(page.get_by_text("searchOrders").first).to_be_visible()
    assert not grave_problems(page)
    assert fits(page)
