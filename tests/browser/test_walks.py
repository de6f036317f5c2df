"""One walk for each group, as its people go: members of the real groups, a real worker, a simulated Amazon."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from integrations.models import SyncFailure, SyncLog
from integrations.tests.syncing import open_sync, platform_of, sync
from oms.tests.rest import make_order
from orders.models import Order, OrderBuyer
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
PLATFORMS, ORDERS = "/admin/platforms/platform/", "/admin/orders/order/"
LOGS, FAILURES = "/admin/integrations/synclog/", "/admin/integrations/syncfailure/"
STOCK = "/admin/inventory/inventoryitem/"


@pytest.fixture
def member(log_in: LogIn, platform: Platform) -> Callable[[str], Page]:
    """Somebody of this group, logged in."""

    def start(name: str) -> Page:
        if not Group.objects.filter(name=name).exists():  # another transactional test emptied the tables
            call_command("migrate", "oms", "zero", verbosity=0)
            call_command("migrate", "oms", verbosity=0)
        page = log_in("view_order")
        user = User.objects.get()
        user.user_permissions.clear()
        user.groups.set([Group.objects.get(name=name)])
        page.goto("/admin/")
        return page

    return start


def post(page: Page, address: str) -> int:
    """What the server answers to a form that the page did not offer."""
    script = """async (address) => {
        const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
        const answer = await fetch(address, {method: "POST", headers: {"X-CSRFToken": token}, redirect: "manual"});
        return answer.status;
    }"""
    return int(page.evaluate(script, address))


def failure_of(log: SyncLog, external_id: str) -> SyncFailure:
    return SyncFailure.objects.create(
        log=log, platform=log.platform, kind="orders", external_id=external_id, error_code="malformed",
        error_message="It has no purchase date.",
    )  # fmt: skip


def test_it_takes_a_manager_from_credentials_to_orders(
    member: Callable[[str], Page], platform: Platform, box: Any, work: Callable[[], None]
) -> None:
    account = box(orders=30, page_size=10).accounts[0]
    page = member("Manager")
    page.goto(f"{PLATFORMS}{platform.pk}/change/")
    page.get_by_label("Client id").fill(account.client_id)
    page.get_by_label("Client secret").fill(account.client_secret)
    page.get_by_label("Refresh token").fill(account.refresh_token)
    page.get_by_label("Marketplace", exact=True).select_option("ATVPDKIKX0DER")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("button", name="Check connection").click()
    expect(page.locator("#oms-check").get_by_text("The connection works")).to_be_visible()
    page.get_by_role("button", name="Sync from Amazon").click()
    page.get_by_role("button", name="Start sync").click()
    expect(page.get_by_role("progressbar").first).to_be_visible()
    work()
    expect(page.get_by_text("30 fetched, 30 new.")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.goto(ORDERS)
    order = Order.objects.latest("purchased_at")
    page.get_by_role("link", name=order.external_id).click()
    expect(page.get_by_role("heading", name="What changed when")).to_be_visible()


def test_it_lets_an_operator_clear_up(member: Callable[[str], Page], box: Any, tmp_path: Path) -> None:
    amazon = platform_of(box(orders=30))
    log = sync(amazon)
    first, second = Order.objects.exclude(external_id__startswith="S").order_by("external_id")[:2]
    failure_of(log, first.external_id)
    failure_of(log, second.external_id)
    SyncLog.objects.filter(pk=log.pk).update(failed=2, status="partial")
    page = member("Operator")
    page.goto(f"{LOGS}{log.pk}/change/")
    page.get_by_role("button", name=f"Replay {first.external_id}").click()
    expect(page.get_by_text("1 record is stored now.")).to_be_visible()
    page.get_by_role("button", name=f"Dismiss {second.external_id}").click()
    expect(page.get_by_text("is dismissed.")).to_be_visible()
    assert set(SyncFailure.objects.values_list("resolution", flat=True)) == {"replayed", "dismissed"}

    running = open_sync(amazon)
    page.goto(f"{LOGS}{running.pk}/change/")
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    running.refresh_from_db()
    assert running.status == "cancelled"

    page.goto(f"{ORDERS}?q={first.external_id}")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    download.value.save_as(tmp_path / "orders.csv")
    exported = (tmp_path / "orders.csv").read_text(encoding="utf-8-sig")
    assert first.external_id in exported
    assert second.external_id not in exported


def test_it_lets_a_viewer_look_and_nothing_more(member: Callable[[str], Page], box: Any) -> None:
    amazon = platform_of(box(orders=30))
    log = sync(amazon)
    failure = failure_of(log, "111-0000000-0000000")
    running = open_sync(amazon)
    order = Order.objects.exclude(external_id__startswith="S")[0]
    lost = order.external_id
    order.delete()
    page = member("Viewer")
    pages = (
        "/admin/", ORDERS, STOCK, PLATFORMS, f"{PLATFORMS}{amazon.pk}/change/", LOGS, f"{LOGS}{log.pk}/change/",
        f"{LOGS}{running.pk}/change/", FAILURES, f"{FAILURES}{failure.pk}/change/",
    )  # fmt: skip
    for address in pages:
        page.goto(address)
        expect(page.locator("#content-main, #changelist, .oms-home").first).to_be_visible()
        for name in ("Sync from", "Check connection", "Cancel", "Replay", "Dismiss", "Save", "Delete"):
            expect(page.get_by_role("button", name=re.compile(rf"^{name}\b"))).to_have_count(0)
            expect(page.get_by_role("link", name=re.compile(rf"^{name}\b"))).to_have_count(0)
    page.get_by_role("link", name="Where is my order?").click()
    page.get_by_label("Order id").fill(lost)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not stored.")).to_be_visible()
    expect(page.get_by_role("button", name="Ask")).to_have_count(0)
    for address in (f"{PLATFORMS}sync/", f"{PLATFORMS}{amazon.pk}/check/", f"{PLATFORMS}add/"):
        assert post(page, address) == 403, address
    post(page, f"{FAILURES}{failure.pk}/press/dismiss/")
    post(page, f"{LOGS}{running.pk}/press/cancel/")
    failure.refresh_from_db()
    running.refresh_from_db()
    assert (failure.is_open, running.status) == (True, "queued")


def test_it_records_what_a_privacy_officer_reads(member: Callable[[str], Page], platform: Platform) -> None:
    order = make_order(platform=platform)
    OrderBuyer.objects.create(
        order=order, data={"name": "Ada Example"}, purge_after=timezone.now() + timedelta(days=3)
    )
    page = member("Privacy officer")
    page.goto(f"{ORDERS}{order.pk}/change/")
    assert "Ada Example" not in page.content()
    page.get_by_role("link", name="Buyer data").click()
    expect(page.get_by_text("has been recorded")).to_be_visible()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(order.pk), "Read buyer data.")
    assert post(page, f"{PLATFORMS}sync/") == 403
