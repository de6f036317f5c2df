"""What people of each group do, page after page: members of the real groups, a real worker, a simulated Amazon."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from browser.navigation import (
    FAILURES,
    LOGS,
    ORDERS,
    PLATFORMS,
    STOCK,
    WHERE,
    at_both_widths,
    export,
    failure_of,
    get,
    open_page,
    post,
)
from integrations.models import SyncFailure, SyncLog
from integrations.sync.run import run_sync
from integrations.tests.syncing import INVENTORY, open_sync, platform_of, sync
from inventory.models import InventoryItem
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Member = Callable[..., Page]
Work = Callable[[], None]


def ask_for_a_month(page: Page, platform: Platform) -> SyncLog:
    """Orders of the last 30 days, through the dialog on the platform's page."""
    page.goto(f"{PLATFORMS}{platform.pk}/change/")
    page.get_by_role("button", name="Sync from Amazon").click()
    dialog = page.get_by_role("dialog", name="Sync from Amazon")
    dialog.get_by_label("Orders", exact=True).check()
    dialog.get_by_label("Of the last days").check()
    dialog.get_by_label("Days", exact=True).fill("30")
    dialog.get_by_role("button", name="Start sync").click()
    expect(page.get_by_text(re.compile(r"Orders sync #\d+ of .* is queued\."))).to_be_visible()
    return SyncLog.objects.latest("pk")


def test_it_takes_a_manager_from_credentials_to_orders(
    member: Member, platform: Platform, start_simulator: Any, work: Work
) -> None:
    account = start_simulator(orders=30, page_size=10).accounts[0]
    page = member("Manager", at=f"{PLATFORMS}{platform.pk}/change/")
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


def test_it_lets_an_operator_sync(member: Member, start_simulator: Any) -> None:
    amazon = platform_of(start_simulator(orders=30, page_size=10))
    page = member("Operator", at=None)
    first = ask_for_a_month(page, amazon)
    counts: list[str | None] = []

    def look(log: SyncLog) -> None:
        bar = page.locator('[data-oms-slot="progress"]').first
        expect(bar).to_contain_text(f"{log.fetched} orders")
        expect(bar.get_by_role("progressbar")).to_be_visible()
        counts.append(bar.text_content())

    run_sync(first.pk, on_page=look)
    assert len(set(counts)) == 3
    expect(page.get_by_text("30 fetched, 30 new.")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)

    second = ask_for_a_month(page, amazon)

    def cancel(log: SyncLog) -> None:
        if log.pages == 1:
            page.get_by_role("button", name="Cancel").first.click()
            expect(page.get_by_text(re.compile(r"Sync #\d+ stops after the current page\."))).to_be_visible()

    assert run_sync(second.pk, on_page=cancel).status == "cancelled"
    expect(page.get_by_text("cancelled").first).to_be_visible()
    assert Order.objects.count() == 30


def test_it_lets_an_operator_clear_up(member: Member, start_simulator: Any, tmp_path: Path) -> None:
    log = sync(platform_of(start_simulator(orders=30)))
    first, second, lost = Order.objects.exclude(external_id__startswith="S").order_by("external_id")[:3]
    failure_of(log, first.external_id)
    failure_of(log, second.external_id)
    SyncLog.objects.filter(pk=log.pk).update(failed=2, status="partial")
    lost.delete()
    page = member("Operator", at=f"{LOGS}{log.pk}/change/")
    page.get_by_role("button", name=f"Replay {first.external_id}").click()
    expect(page.get_by_text("1 record is stored now.")).to_be_visible()
    page.get_by_role("button", name=f"Dismiss {second.external_id}").click()
    expect(page.get_by_text("is dismissed.")).to_be_visible()
    assert set(SyncFailure.objects.values_list("resolution", flat=True)) == {"replayed", "dismissed"}

    page.get_by_role("link", name="Where is my order?").click()
    page.get_by_label("Order id").fill(lost.external_id)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not stored.")).to_be_visible()
    page.get_by_role("button", name="Ask Amazon now").click()
    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_text("The order is stored now.")).to_be_visible()
    assert Order.objects.filter(external_id=lost.external_id, source="live").exists()

    page.goto(f"{ORDERS}?q={first.external_id}")
    exported = export(page, "Orders", tmp_path)
    assert first.external_id in exported
    assert second.external_id not in exported


def test_it_lets_an_operator_set_thresholds_and_no_credentials(member: Member, start_simulator: Any) -> None:
    amazon = platform_of(start_simulator(skus=5))
    sync(amazon, INVENTORY)
    item = InventoryItem.objects.filter(available__gt=0).latest("sku")
    page = member("Operator", at=f"{STOCK}?q={item.sku}")
    page.get_by_label(f"Threshold of {item.sku}").first.fill("1000")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 inventory item was changed successfully.")).to_be_visible()
    assert InventoryItem.objects.filter(threshold=1000).count() == 1

    page.goto(PLATFORMS)
    expect(page.get_by_role("link", name=re.compile("^Add"))).to_have_count(0)
    page.goto(f"{PLATFORMS}{amazon.pk}/change/")
    expect(page.get_by_role("button", name="Check connection")).to_be_visible()
    for label in ("Client id", "Client secret", "Refresh token", "Remove"):
        expect(page.get_by_label(label)).to_have_count(0)
    for label in ("Save", "Delete"):
        expect(page.get_by_role("button", name=re.compile(f"^{label}"))).to_have_count(0)
    secrets = [amazon.api_config[name] for name in ("client_id", "client_secret", "refresh_token")]
    assert not [secret for secret in secrets if secret in page.content()]
    for address in (f"{PLATFORMS}add/", f"{PLATFORMS}{amazon.pk}/delete/"):
        assert (get(page, address), post(page, address)) == (403, 403), address
    assert post(page, f"{PLATFORMS}{amazon.pk}/change/", client_secret="of somebody else") == 403
    assert Platform.objects.get().api_config == amazon.api_config


@at_both_widths
def test_it_lets_a_viewer_look_and_nothing_more(
    member: Member, start_simulator: Any, tmp_path: Path, window: ViewportSize
) -> None:
    amazon = platform_of(start_simulator(orders=30, skus=5))
    log = sync(amazon)
    sync(amazon, INVENTORY)
    failure = failure_of(log, "111-0000000-0000000")
    running = open_sync(amazon)
    order, lost = Order.objects.exclude(external_id__startswith="S").order_by("-purchased_at")[:2]
    lost.delete()
    item = InventoryItem.objects.earliest("level", "available", "sku", "pk")
    page = member("Viewer", at=None, viewport=window)
    lists = {ORDERS: order.external_id, STOCK: item.sku, PLATFORMS: "amazon", LOGS: f"#{log.pk}"}
    pages = (
        "/admin/", *lists, FAILURES, f"{ORDERS}{order.pk}/change/", f"{STOCK}{item.pk}/change/",
        f"{PLATFORMS}{amazon.pk}/change/", f"{LOGS}{log.pk}/change/", f"{LOGS}{running.pk}/change/",
        f"{FAILURES}{failure.pk}/change/",
    )  # fmt: skip
    names = re.compile(
        r"^(Sync from|Check connection|Cancel(?! requests)|Replay|Dismiss|Save|Delete|Add|Set|Run)\b"
    )
    for address in pages:
        page.goto(address)
        expect(page.locator("#content-main, #changelist, .oms-home").first).to_be_visible()
        expect(page.locator("body")).to_contain_text(lists.get(address, ""))
        for role in ("button", "link"):
            expect(page.get_by_role(role, name=names)).to_have_count(0)
        expect(page.get_by_label("Select action to run")).to_have_count(0)
    page.goto(ORDERS)
    assert order.external_id in export(page, "Orders", tmp_path)
    open_page(page, "Where is my order?")
    page.get_by_label("Order id").fill(lost.external_id)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not stored.")).to_be_visible()
    expect(page.get_by_role("button", name="Ask")).to_have_count(0)


def test_it_refuses_what_a_viewer_calls_without_a_button(member: Member, start_simulator: Any) -> None:
    amazon = platform_of(start_simulator(orders=30, skus=5))
    sync(amazon, INVENTORY)
    running = open_sync(amazon)
    failure = failure_of(running, "111-0000000-0000000")
    item = InventoryItem.objects.earliest("pk")
    page = member("Viewer")
    refused = {
        f"{PLATFORMS}sync/": {"platform": str(amazon.pk), "kind": "both", "span": "last", "by": "updated"},
        f"{PLATFORMS}{amazon.pk}/check/": {},
        f"{PLATFORMS}{amazon.pk}/press/check/": {},
        f"{PLATFORMS}{amazon.pk}/change/": {"display_name": "Mine"},
        f"{PLATFORMS}{amazon.pk}/delete/": {"post": "yes"},
        f"{PLATFORMS}add/": {"name": "mine"},
        f"{FAILURES}{failure.pk}/press/replay/": {},
        f"{FAILURES}{failure.pk}/press/dismiss/": {},
        f"{LOGS}{running.pk}/press/cancel/": {},
        f"{STOCK}{item.pk}/change/": {"threshold": "5"},
        STOCK: {"_save": "Save", "form-TOTAL_FORMS": "0", "form-INITIAL_FORMS": "0"},
        WHERE: {"id": "111-0000000-0000000", "store": str(amazon.pk)},
    }
    for address, fields in refused.items():
        assert post(page, address, **fields) == 403, address
    actions = {
        PLATFORMS: ("sync_selected", amazon),
        FAILURES: ("dismiss_selected", failure),
        LOGS: ("cancel", running),
        STOCK: ("set_threshold", item),
    }
    for address, (action, row) in actions.items():  # not theirs, and so unknown to the list
        post(page, address, action=action, _selected_action=str(row.pk), index="0", set="1", threshold="5")
    failure.refresh_from_db()
    running.refresh_from_db()
    assert (failure.is_open, running.status, running.cancel_requested) == (True, "queued", False)
    assert SyncLog.objects.filter(trigger="admin").count() == 0
    assert not InventoryItem.objects.exclude(threshold=None).exists()
    assert (Platform.objects.get().display_name, Order.objects.count()) == (amazon.display_name, 0)
