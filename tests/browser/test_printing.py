"""On paper, a page is whole: nothing around it cuts it off, and nothing of it is beyond the edge."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize

from api.tests.rest import make_order, make_stock
from backoffice.tests.home_pages import log_of
from browser.navigation import FAILURES, LOGS, ORDERS, PLATFORMS, STOCK, WHERE, failure_of
from integrations.lookup.planning import count_platform
from orders.models import PickList
from orders.packing import make_list
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAPER: ViewportSize = {"width": 740, "height": 900}  # as narrow as A4
CUTS = """() => {
    const found = [], seen = document.querySelector("#result_list, #content-main, #changelist, #content form");
    for (let each = seen.parentElement; each; each = each.parentElement) {
        const style = getComputedStyle(each);
        if (style.overflowY !== "visible" || style.position === "absolute") found.push(each.className || each.tagName);
    }
    return found;
}"""


@pytest.fixture
def addresses(platform: Platform) -> list[str]:
    """Of pages that people print, each with more than a screen has or with long words."""
    orders = [
        make_order(
            f"302-6365812-65715{number}",
            platform=platform,
            status="unshipped",
            fulfilled_by="merchant",
            sku=f"PERCENT%2FSKU-{number}",
            title="A very long tent for trails",
            ship_by=timezone.now(),
            total=12345,
            currency="EUR",
            marketplace_id="A1F83G8C2ARO7P",
        )
        for number in range(10, 40)
    ]
    for number in range(30):
        make_stock(f"PERCENT%2FSKU-{number}", platform=platform, available=number, title="A tent for trails")
    count_platform(platform)
    make_list(orders, "ana")
    failed = log_of(platform, "failed", error_code="timeout", error_message="It did not answer. " * 20)
    failure_of(failed, "302-6365812-6571599")
    return [
        "/admin/", ORDERS, f"{ORDERS}{orders[0].pk}/change/", STOCK, reverse("admin:inventory_plannedsku_changelist"),
        f"/admin/orders/picklist/{PickList.objects.get().pk}/change/", PLATFORMS, f"{PLATFORMS}{platform.pk}/change/",
        LOGS, f"{LOGS}{failed.pk}/change/", FAILURES, f"{WHERE}?id={orders[0].external_id}", reverse("sync-health"),
        reverse("order-completeness"), reverse("admin:auth_user_changelist"),
        reverse("admin:audit_auditentry_changelist"), reverse("admin:integrations_apiusage_changelist"),
        reverse("shipping-desk"),
    ]  # fmt: skip


def test_each_page_is_printed_whole(log_in: Callable[..., Page], addresses: list[str]) -> None:
    page, found = log_in(at=None, viewport=PAPER), []
    User.objects.create_user("a-colleague-with-a-long-name@shop.example")
    for address in addresses:
        page.goto(address)
        page.emulate_media(media="print")
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{address}: {beyond} pixels beyond the edge"] if beyond > 0 else []
        found += [f"{address}: cut by {cut}" for cut in page.evaluate(CUTS)]
        page.emulate_media(media="screen")
    assert not found, "\n".join(found)
