"""Audit now on the page Completeness: from the button to the order that was missing, wide and on a telephone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from integrations.models import AuditFinding
from integrations.tests.syncing import platform_of, sync
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1400, 390])
def test_audit_now_finds_and_fetches_what_is_missing(
    log_in: Callable[..., Page],
    platform: Platform,
    start_simulator: Any,
    work: Callable[[], None],
    width: int,
) -> None:
    sync(platform_of(start_simulator(orders=30)))
    old = Order.objects.filter(status="shipped", purchased_at__lt=timezone.now() - timedelta(days=3))
    missing = old.latest("purchased_at").external_id
    Order.objects.filter(external_id=missing).delete()
    page = log_in(at="/admin/completeness/", viewport={"width": width, "height": 900})
    expect(page.get_by_text("Orders were never audited.")).to_be_visible()
    page.get_by_role("button", name="Audit now").click()
    expect(page.get_by_text("is queued")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Progress of the audit")).to_be_visible()

    work()  # the page looks again by itself

    expect(page.get_by_text("Orders proven complete until")).to_be_visible()
    expect(page.get_by_role("button", name="Audit now")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = AuditFinding.objects.exclude(kind="only_here").get()
    month = f"{found.day:%Y-%m}"
    page.goto(f"/admin/completeness/?platform={platform.pk}&month={month}")
    page.locator(f'.oms-calendar a[href*="day={found.day}"]').click()
    row = page.get_by_role("row", name=missing)
    expect(row).to_contain_text("healed")
    row.get_by_role("link", name=missing).click()
    expect(page.get_by_text("fetched, because it was missing")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
