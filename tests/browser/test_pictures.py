"""Pictures of products wherever they are shown: none is squeezed, nothing beside them is pushed away, and axe finds
nothing, at both widths, light and dark; with titles and SKUs as long as sellers write them."""

import io
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page

from api.tests.rest import make_order, make_stock
from browser.navigation import DESK, PHONE, fits
from browser.test_accessibility import barriers, set_dark
from integrations.lookup.planning import count_platform
from integrations.models import ProductPicture
from integrations.pictures.shrinking import shrunk
from integrations.shipping.making import make_shipment
from integrations.shipping.rules import Package
from integrations.shipping.switching import set_policy
from orders.models import Order, Pick, PickList, Shipment
from orders.packing import make_list, mark_packed
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TITLE = "A cup that goes with every kettle, in seven colours, for the office and at home; " * 6
LONG = "ANEXTRAORDINARILYLONGSKU" * 6
SIZES = "thumbs => thumbs.filter(each => each.checkVisibility()).map(each => [each.offsetWidth, each.offsetHeight])"
PUSHED = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).map(box => box.className)"
# How far apart the middles of a picture and of what stands beside it in a table are, in pixels.
APART = """thumbs => thumbs.filter(each => each.checkVisibility() && each.closest("tr")).flatMap(thumb => {
    const middle = element => { const at = element.getBoundingClientRect(); return at.top + at.height / 2; };
    const row = thumb.closest("tr"), count = row.querySelector(".oms-count, td.oms-right");
    return count ? [Math.abs(middle(thumb.closest("td, th")) - middle(count))] : [];
})"""


@pytest.fixture
def order(platform: Platform) -> Order:
    """With a picture of its first line and none of its second, packed; and stock of the first."""
    platform.show_pictures, platform.api_config = True, {"client_id": "somebody"}
    platform.save()
    set_policy(platform, mode="live", hourly_limit=1000, who="manager")
    order = make_order(
        "902-00", status="unshipped", fulfilled_by="merchant", sku=LONG[:100], title=TITLE[:500]
    )
    order.items.create(external_id="02", asin="B000000002", sku="S-2", title="W" * 300, quantity_ordered=4)
    order.items.update(quantity_left=1)
    make_list([order], "ana")
    mark_packed(Pick.objects.all(), "ana")
    make_stock(LONG[:60], title=TITLE[:500])
    count_platform(platform)
    other = make_order(
        "902-01", status="unshipped", fulfilled_by="merchant", sku=LONG[:100], title=TITLE[:500]
    )
    make_shipment(other, Package(), who="ana", is_draft=True)
    file = io.BytesIO()
    Image.new("RGB", (80, 80), "navy").save(file, "PNG")
    known = ProductPicture.State.KNOWN
    ProductPicture.objects.create(
        platform=platform, asin="B000000001", state=known, image=shrunk(file.getvalue())
    )
    return order


def pages(order: Order) -> list[str]:
    return [
        "/admin/orders/order/",
        f"/admin/orders/order/{order.pk}/change/",
        f"/admin/orders/order/{order.pk}/ship/",
        "/admin/inventory/inventoryitem/",
        f"/admin/orders/picklist/{PickList.objects.get().pk}/change/",
        f"/admin/shipping/?order={order.pk}",
        f"/admin/shipping/orders/?orders={order.pk}",
        f"/admin/orders/shipment/{Shipment.objects.get().pk}/change/",
        "/admin/inventory/plannedsku/",
    ]


def test_pictures_push_nothing_away_and_shut_nobody_out(
    log_in: Callable[..., Page], grave_problems: Callable[[Page], list[str]], order: Order
) -> None:
    page, found = log_in(at=None, viewport=DESK, color_scheme="light"), []
    others = [f"/admin/where/?id={order.external_id}"]
    for address in [*pages(order), *others]:
        page.set_viewport_size(DESK)
        page.goto(address)
        for window in (DESK, PHONE):
            page.set_viewport_size(window)
            if window is PHONE:
                set_dark(page, True)
            found += [
                f"{address} {window['width']}: {problem}"
                for problem in ugly(page, shows=address not in others)
            ]
            found += barriers(page, grave_problems)
    assert not found, "\n".join(found)


def ugly(page: Page, *, shows: bool) -> list[str]:
    """What is wrong with how it looks; `shows`: it has pictures."""
    sizes = page.locator(".oms-thumb").evaluate_all(SIZES)
    found = [f"a picture of {size}" for size in sizes if size != [40, 40]]
    if bool(sizes) is not shows:
        found.append(f"{len(sizes)} pictures")
    if not fits(page):
        found.append("too wide")
    found += page.locator(".oms-table, .oms-card, .oms-panel, #result_list").evaluate_all(PUSHED)
    if page.viewport_size == DESK and max(page.locator(".oms-thumb").evaluate_all(APART), default=0) > 4:
        found.append("a picture is not level with its row")
    return found
