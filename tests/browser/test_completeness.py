"""The buttons of the page Completeness that start audits, wide and on a telephone: from the button to the order or the
SKU that was missing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from integrations.models import AuditFinding, StockAudit
from integrations.tests.syncing import INVENTORY, platform_of, sync
from inventory.models import InventoryItem
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
    page.context.add_cookies([{"name": "django_language", "value": "de", "url": page.url}])
    page.goto(f"/admin/completeness/?platform={platform.pk}&month={month}")
    wider = "days => Math.max(...days.map(day => day.scrollWidth - day.clientWidth))"
    assert page.locator(".oms-day").evaluate_all(wider) <= 0  # "bewiesen" is not over the next day
    page.context.clear_cookies(name="django_language")
    page.goto(f"/admin/completeness/?platform={platform.pk}&month={month}")
    page.locator(f'.oms-calendar a[href*="day={found.day}"]').click()
    row = page.get_by_role("row", name=missing)
    expect(row).to_contain_text("healed")
    row.get_by_role("link", name=missing).click()
    expect(page.get_by_text("fetched, because it was missing")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1400, 390])
def test_audit_the_stock_now_reads_what_is_missing(
    log_in: Callable[..., Page],
    platform: Platform,
    start_simulator: Any,
    work: Callable[[], None],
    width: int,
) -> None:
    sync(platform_of(start_simulator(orders=5, skus=12)), INVENTORY)
    listed = InventoryItem.objects.filter(gone_at=None)
    missing, count = listed.earliest("pk"), listed.count()
    missing.delete()
    page = log_in(at="/admin/completeness/#complete-stock", viewport={"width": width, "height": 900})
    section = page.locator("#complete-stock")
    expect(section.get_by_text("The stock of this platform was never audited.")).to_be_visible()
    section.get_by_role("button", name="Audit the stock now").click()
    expect(page.get_by_text("of stock of Amazon is queued.")).to_be_visible()
    expect(section.get_by_role("status")).to_contain_text("An audit of the stock is under way.")
    expect(section.get_by_role("button", name="Audit the stock now")).to_have_count(0)

    work()  # the page looks again by itself

    expect(section.get_by_role("button", name="Audit the stock now")).to_be_visible()
    row = section.get_by_role("row").filter(has_text="US").first
    expect(row).to_contain_text("healed")
    expect(row).to_contain_text("1 missing")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    audit = StockAudit.objects.get()
    assert (audit.missing, audit.healed, audit.open) == (1, 1, 0)
    assert InventoryItem.objects.filter(gone_at=None).count() == count
    assert InventoryItem.objects.filter(sku=missing.sku).exists()
