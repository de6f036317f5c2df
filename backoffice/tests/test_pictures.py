"""Pictures of products in the admin: the switch, what the platform's page says of them, and where they are shown."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.confinement import confine
from audit.models import AuditEntry
from backoffice.tests.test_platform_forms import GENERAL
from feed.models import Change
from integrations.lookup.planning import count_platform
from integrations.models import PictureTurn, ProductPicture
from integrations.registry import CHANNELS
from integrations.shipping.making import make_shipment
from integrations.shipping.rules import Package
from integrations.shipping.switching import set_policy
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from orders.packing import make_list
from platforms.models import Platform

pytestmark = pytest.mark.django_db

State = ProductPicture.State
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


def picture(platform: Platform, asin: str, state: State = State.KNOWN, **values: Any) -> ProductPicture:
    values.setdefault("image", JPEG if state == State.KNOWN else b"")
    return ProductPicture.objects.create(platform=platform, asin=asin, state=state, **values)


@pytest.fixture
def platform(platform: Platform) -> Platform:
    """One that shows pictures."""
    platform.show_pictures = True
    platform.save()
    return platform


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="pw"))
    return client


def page(client: Client, platform: Platform) -> str:
    return client.get(f"/admin/platforms/platform/{platform.pk}/change/").content.decode()


def test_the_switch_says_what_it_takes_and_is_recorded(admin: Client) -> None:
    platform = Platform.objects.get(name="amazon")
    assert not platform.show_pictures
    shown = page(admin, platform)
    assert "The app needs the role Product Listing." in shown
    assert "m.media-amazon.com" in shown
    admin.post(f"/admin/platforms/platform/{platform.pk}/change/", {**GENERAL, "show_pictures": "on"})
    platform.refresh_from_db()
    assert platform.show_pictures
    assert AuditEntry.objects.filter(action="platform.changed").count() == 1
    assert "show_pictures" in Change.objects.get(kind=Change.Kind.PLATFORM_CHANGED).fields


def test_a_channel_without_pictures_has_no_switch(
    admin: Client, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHANNELS, "amazon", replace(CHANNELS["amazon"], pictures=None))
    shown = page(admin, platform)
    assert 'name="show_pictures"' not in shown
    assert "Pictures so far" not in shown


def test_the_page_says_how_many_there_are(admin: Client, platform: Platform) -> None:
    picture(platform, "B01")
    picture(platform, "B02")
    picture(platform, "B03", State.NONE)
    picture(platform, "B04", State.FAILED, reason="It is damaged.")
    shown = page(admin, platform)
    for sentence in (
        "2 products have their picture.",
        "Of 1 the platform has none.",
        "1 could not be had and is asked for again later.",
    ):
        assert sentence in shown
    assert "asks again" not in shown


def test_what_stands_in_the_way_is_said_with_what_to_do(admin: Client, platform: Platform) -> None:
    until = timezone.now() + timedelta(hours=20)
    PictureTurn.objects.create(
        platform=platform,
        refused_sites={"ATVPDKIKX0DER": until.isoformat()},
        problem_code="forbidden",
        problem_message="Amazon denied access.",
        problem_at=timezone.now(),
    )
    shown = page(admin, platform)
    assert "Amazon denied access." in shown
    assert "Add the role Product Listing to the app in Seller Central" in shown
    assert "asks again" in shown
    Platform.objects.update(show_pictures=False)
    assert "Amazon denied access." not in page(admin, platform)


MakeOrder = Callable[..., Order]
MakeStock = Callable[..., InventoryItem]


def address_of(picture: ProductPicture) -> str:
    return f"/admin/pictures/{picture.pk}/{int(picture.asked_at.timestamp())}.jpg"


def pictures_in(page: str) -> list[str]:
    return re.findall(r'<img class="oms-thumb" src="([^"]+)"', page)


@pytest.fixture
def ordered(order: MakeOrder) -> Callable[..., Order]:
    """Stores an order with these products, one of each."""

    def make(*asins: str, **changes: Any) -> Order:
        made = order(**changes)
        for asin in asins:
            OrderItem.objects.create(
                order=made, external_id=asin, sku=f"SKU-{asin}", asin=asin, title=f"Thing {asin}",
                quantity_ordered=1, quantity_left=1,
            )  # fmt: skip
        return made

    return make


def test_a_picture_is_served_as_nothing_else_and_kept_by_the_browser(
    admin: Client, platform: Platform
) -> None:
    answer = admin.get(address_of(picture(platform, "B01")))
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")


def test_only_who_is_signed_in_and_sees_the_platform_gets_a_picture(
    client: Client, platform: Platform
) -> None:
    address = address_of(picture(platform, "B01"))
    assert client.get(address).status_code == 302
    user = User.objects.create_user("ana", is_staff=True)
    user.groups.add(Group.objects.get(name="Operator"))
    client.force_login(user)
    assert client.get(address).status_code == 200
    confine(user, [Platform.objects.create(name="other").pk])
    assert client.get(address).status_code == 404
    outsider = Client()
    outsider.force_login(User.objects.create_user("no-staff"))
    assert outsider.get(address).status_code == 302


def test_what_is_not_to_be_shown_is_not_there(admin: Client, platform: Platform) -> None:
    known, none = picture(platform, "B01"), picture(platform, "B02", State.NONE)
    other_version = f"/admin/pictures/{known.pk}/1.jpg"
    assert [admin.get(each).status_code for each in (address_of(none), other_version)] == [404, 404]
    Platform.objects.update(show_pictures=False)
    assert admin.get(address_of(known)).status_code == 404


def test_the_list_of_orders_shows_what_each_is_about(
    admin: Client, platform: Platform, ordered: Callable[..., Order]
) -> None:
    known = picture(platform, "B01")
    picture(platform, "B03", State.NONE)
    ordered("B01", "B02")
    ordered("B03")
    ordered()
    page = admin.get("/admin/orders/order/").content.decode()
    assert pictures_in(page) == [address_of(known)]
    assert page.count("oms-thumb-none") == 1
    [tag] = re.findall(r"<img class=.oms-thumb.[^>]+>", page)
    for part in ('width="40"', 'height="40"', 'loading="lazy"', 'alt=""'):
        assert part in tag


def test_a_list_takes_one_query_more_whatever_it_shows(
    admin: Client, platform: Platform, ordered: Callable[..., Order]
) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get("/admin/orders/order/").status_code == 200
        return [query["sql"] for query in captured]

    def of_pictures() -> list[str]:
        return [sql for sql in queries() if "product_pictures" in sql]

    for number in range(30):
        picture(platform, f"B{number}")
        ordered(f"B{number}", f"B{number + 1}")
    queries()  # what is kept from now on
    [with_pictures] = of_pictures()
    assert '"image"' not in with_pictures.replace("`", '"')
    count = len(queries())
    Platform.objects.update(show_pictures=False)
    assert (of_pictures(), len(queries())) == ([], count - 1)


def test_an_order_shows_the_picture_of_each_line(
    admin: Client, platform: Platform, ordered: Callable[..., Order]
) -> None:
    known = [picture(platform, "B01"), picture(platform, "B02")]
    made = ordered("B01", "B02", "B03")
    page = admin.get(f"/admin/orders/order/{made.pk}/change/").content.decode()
    assert pictures_in(page) == [address_of(each) for each in known]
    assert page.count("oms-thumb-none") == 1
    Platform.objects.update(show_pictures=False)
    page = admin.get(f"/admin/orders/order/{made.pk}/change/").content.decode()
    assert "oms-thumb" not in page


def test_a_pick_list_shows_what_to_fetch_and_what_each_order_is_about(
    admin: Client, platform: Platform, ordered: Callable[..., Order]
) -> None:
    first, second = picture(platform, "B01"), picture(platform, "B02")
    pick_list = make_list([ordered("B01", "B02"), ordered("B02")], "boss").pick_list
    assert pick_list is not None
    address = f"/admin/orders/picklist/{pick_list.pk}/change/"
    page = admin.get(address).content.decode()
    lines, orders = page.split("oms-card-tick", 1)
    assert pictures_in(lines) == [address_of(first), address_of(second)]
    assert pictures_in(orders) == [address_of(first), address_of(second)]
    Platform.objects.update(show_pictures=False)
    assert "oms-thumb" not in admin.get(address).content.decode()


def test_a_packer_sees_what_goes_into_the_package(
    admin: Client, platform: Platform, ordered: Callable[..., Order]
) -> None:
    known = picture(platform, "B01")
    made = ordered("B01", "B02")
    page = admin.get(f"/admin/orders/order/{made.pk}/ship/").content.decode()
    assert pictures_in(page) == [address_of(known)]
    assert page.count("oms-thumb-none") == 1


def test_the_list_of_stock_shows_pictures(admin: Client, platform: Platform, stock: MakeStock) -> None:
    known = picture(platform, "B01")
    stock(asin="B01", title="A thing")
    stock(asin="B02", title="Another one")
    page = admin.get("/admin/inventory/inventoryitem/").content.decode()
    assert pictures_in(page) == [address_of(known)]
    assert page.count("oms-thumb-none") == 1


def test_the_planning_shows_pictures_of_what_is_in_stock_and_of_what_is_only_sold(
    admin: Client, platform: Platform, stock: MakeStock, ordered: Callable[..., Order]
) -> None:
    known = [picture(platform, "B01"), picture(platform, "B02")]
    stock(sku="SKU-A", asin="B01")
    ordered("B02", "B03", purchased_at=timezone.now())
    count_platform(platform)
    with CaptureQueriesContext(connection) as captured:
        page = admin.get("/admin/inventory/plannedsku/").content.decode()
    assert sum("product_pictures" in query["sql"] for query in captured) == 1
    assert set(pictures_in(page)) == {address_of(each) for each in known}
    assert page.count("oms-thumb-none") == 1
    Platform.objects.update(show_pictures=False)
    assert "oms-thumb" not in admin.get("/admin/inventory/plannedsku/").content.decode()


def test_many_orders_are_shipped_with_the_picture_of_each(
    admin: Client, platform: Platform, ordered: Callable[..., Order]
) -> None:
    set_policy(platform, mode="live", hourly_limit=1000, who="boss")
    known = picture(platform, "B01")
    orders = [
        ordered(*asins, status="unshipped", fulfilled_by="merchant") for asins in (("B01", "B02"), ("B02",))
    ]
    address = f"/admin/shipping/orders/?orders={orders[0].pk},{orders[1].pk}"
    page = admin.get(address).content.decode()
    assert pictures_in(page) == [address_of(known)]
    assert page.count("oms-thumb-none") == 1
    Platform.objects.update(show_pictures=False)
    assert "oms-thumb" not in admin.get(address).content.decode()


def test_a_shipment_shows_what_is_in_it(
    admin: Client, platform: Platform, ordered: Callable[..., Order]
) -> None:
    set_policy(platform, mode="live", hourly_limit=1000, who="boss")
    known = picture(platform, "B01")
    made = ordered("B01", "B02", status="unshipped", fulfilled_by="merchant")
    shipment = make_shipment(made, Package(), who="boss", is_draft=True)
    page = admin.get(f"/admin/orders/shipment/{shipment.pk}/change/").content.decode()
    contents = page[page.index('id="contents"') :]
    assert pictures_in(contents) == [address_of(known)]
    assert contents.count("oms-thumb-none") == 1
