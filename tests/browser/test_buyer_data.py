"""Buyer data in a browser: who is shown it, and that nobody else is, whatever they open, call or export."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from api.tests.rest import make_order
from audit.models import AuditEntry
from browser.navigation import ORDERS, PLATFORMS, export, get, post
from integrations.tests.syncing import platform_of
from orders.models import Order, OrderBuyer
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Member = Callable[..., Page]


@pytest.fixture
def order(platform: Platform) -> Order:
    order = make_order(platform=platform)
    OrderBuyer.objects.create(
        order=order, data={"name": "Ada Example"}, purge_after=timezone.now() + timedelta(days=3)
    )
    return order


def exports_of(page: Page, folder: Path) -> str:
    page.goto(ORDERS)
    return export(page, "Orders", folder) + export(page, "Order lines", folder)


def test_it_records_what_a_privacy_officer_reads(member: Member, order: Order, tmp_path: Path) -> None:
    page = member("Privacy officer", at=f"{ORDERS}{order.pk}/change/")
    assert "Ada Example" not in page.content()
    page.get_by_role("link", name="Buyer data", exact=True).click()
    page.get_by_label("Reason").fill("label")
    page.get_by_role("button", name="Show buyer data").click()
    expect(page.get_by_role("code")).to_contain_text("Ada Example")
    expect(page.get_by_text("history records that")).to_be_visible()
    assert AuditEntry.objects.filter(action="buyer_data.read").get().object_id == str(order.pk)
    page.get_by_role("link", name="Back to the order").click()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("buyer data read")).to_be_visible()
    exported = exports_of(page, tmp_path)
    assert order.external_id in exported
    assert "Ada" not in exported
    assert post(page, f"{PLATFORMS}sync/") == 403


@pytest.mark.parametrize("group", ["Viewer", "Operator", "Manager"])
def test_it_shows_buyers_to_nobody_else(member: Member, order: Order, tmp_path: Path, group: str) -> None:
    page = member(group, at=f"{ORDERS}{order.pk}/change/")
    expect(page.get_by_text(order.external_id).first).to_be_visible()
    expect(page.get_by_role("link", name="Buyer data")).to_have_count(0)
    assert "Ada" not in page.content()
    assert get(page, f"{ORDERS}{order.pk}/buyer/") == 403
    exported = exports_of(page, tmp_path)
    assert order.external_id in exported
    assert "Ada" not in exported
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()


def test_it_takes_a_manager_who_is_privacy_officer_too_from_the_switch_to_the_buyer(
    member: Member, start_simulator: Any, work: Callable[[], None]
) -> None:
    amazon = platform_of(start_simulator(orders=30))
    page = member("Manager", "Privacy officer", at=f"{PLATFORMS}{amazon.pk}/change/?tab=schedule")
    page.get_by_label("Store buyer data").check()
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.get_by_role("button", name="Sync from Amazon").click()
    page.get_by_role("button", name="Start sync").click()
    expect(page.get_by_text(re.compile(r"Orders sync #\d+"))).not_to_have_count(0)
    work()
    buyer = OrderBuyer.objects.exclude(order__external_id__startswith="S").latest("pk")
    name = next(str(value) for value in buyer.data.values() if isinstance(value, str) and value)
    page.goto(f"{ORDERS}{buyer.order_id}/change/")
    assert name not in page.content()
    page.get_by_role("link", name="Buyer data", exact=True).click()
    page.get_by_label("Reason").fill("label")
    page.get_by_role("button", name="Show buyer data").click()
    expect(page.get_by_text(name).first).to_be_visible()
