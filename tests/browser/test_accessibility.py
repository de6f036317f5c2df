"""Every page of the desk for everybody: axe finds nothing serious, in light and dark, wide and narrow."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import Page, expect

from integrations.models import SyncFailure, SyncLog
from integrations.services import request_sync, run_sync
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
Inspect = Callable[[Page], list[str]]
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def filled(platform: Platform, box: Any) -> None:
    """Live orders and stock, a failure, and a sync that is still queued."""
    account = box(orders=30, skus=5).accounts[0]
    from conftest import api_config

    platform.api_config = api_config(account)
    platform.save()
    for kind in SyncLog.Kind.values:
        log, _is_new = request_sync(platform=platform, kind=kind, trigger=SyncLog.Trigger.ADMIN)
        run_sync(log.pk)
    SyncFailure.objects.create(
        log=log, platform=platform, kind="orders", external_id="111-0000000-0000000", error_code="malformed"
    )
    request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.ADMIN)


def pages() -> Iterator[str]:
    """The home page, and each model's list, newest row and empty form, as far as they exist."""
    yield reverse("admin:index")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        row = model._default_manager.order_by("-pk").first()
        if row is not None:
            yield reverse(f"{name}_change", args=[row.pk])
    yield reverse("admin:platforms_platform_add")
    yield reverse("admin:platforms_platform_sync") + f"?platform={Platform.objects.earliest('pk').pk}"
    order = Order.objects.earliest("pk")
    yield reverse("where-is-my-order") + f"?id={order.external_id}"


@pytest.mark.parametrize(("scheme", "window"), [("light", NARROW), ("dark", WIDE)])
def test_it_has_no_serious_barrier(
    log_in: LogIn, grave_problems: Inspect, filled: None, scheme: str, window: dict[str, int]
) -> None:
    page = log_in(color_scheme=scheme, viewport=window)
    found = []
    for address in pages():
        page.goto(address)
        found += [f"{address}: {problem}" for problem in grave_problems(page)]
    page.goto(reverse("admin:orders_order_changelist"))
    if window == WIDE:
        page.locator("summary", has_text="Export").click()
        expect(page.get_by_role("link", name="CSV").first).to_be_visible()
        found += [f"the export's menu: {problem}" for problem in grave_problems(page)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "name",
    ["index", "orders_order_changelist", "integrations_synclog_changelist", "platforms_platform_changelist"],
)
def test_it_is_usable_by_keyboard_alone(log_in: LogIn, filled: None, name: str) -> None:
    """Each stop of the tabulator shows where it is."""
    page = log_in()
    page.goto(reverse(f"admin:{name}"), wait_until="networkidle")
    unseen = []
    for _stop in range(40):
        page.keyboard.press("Tab")
        unseen += page.evaluate(
            """() => {
                const e = document.activeElement, s = getComputedStyle(e);
                const seen = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none';
                return e === document.body || seen ? [] : [e.outerHTML.slice(0, 120)];
            }"""
        )
    assert not unseen, "\n".join(unseen)
