"""Orders in the admin: found, readable, without buyer data unless somebody asks for it, which is recorded."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.models import AuditEntry
from core.encryption import SecretDict
from orders.models import Order, OrderBuyer, OrderItem
from orders.products import remember_products
from platforms.models import Platform

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"
BOUGHT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
PERSON: Any = {"name": "Jo Doe", "email": "jo@example.org", "address": {"city": "Ghent"}}


def make(
    external_id: str = "111-1", skus: tuple[str, ...] = ("SKU-1",), title: str = "Tent", **values: Any
) -> Order:
    facts = {
        "platform": Platform.objects.get(name="amazon"),
        "purchased_at": BOUGHT, "platform_updated_at": BOUGHT, "synced_at": BOUGHT,
        "status": "shipped", "marketplace_id": "A1PA6795UKMFR9", "currency": "EUR", "total": Decimal("1234.5000"),
        "source": "live", "payload": {"orderId": external_id},
    }  # fmt: skip
    order = Order.objects.create(external_id=external_id, **facts | values)
    for number, sku in enumerate(skus):
        OrderItem.objects.create(order=order, external_id=str(number), sku=sku, asin=f"B00{sku}", title=title)
    remember_products((sku, title) for sku in skus)
    return order


def with_buyer(order: Order) -> Order:
    OrderBuyer.objects.create(order=order, data=SecretDict(PERSON), purge_after=BOUGHT + timedelta(days=30))
    return order


def text(response: Any) -> str:
    return str(response.content.decode())


def found(client: Client, query: str) -> list[str]:
    html = text(client.get(f"{LIST}?{query}"))
    return [
        order.external_id for order in Order.objects.order_by("pk") if f">{order.external_id}</span>" in html
    ]


def viewer(client: Client, *codenames: str) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def test_it_shows_an_order_at_a_glance(admin_client: Client) -> None:
    make(skus=("SKU-1", "SKU-2"), ship_by=BOUGHT)
    html = text(admin_client.get(LIST))
    for part in (
        "111-1",
        "1,234.50 <small>EUR</small>",
        "SKU-1, +1 more",
        "Germany (A1PA6795UKMFR9)",
        "2026-01-31 08:00 UTC",
    ):
        assert part in html


def test_shops_whose_names_begin_alike_look_different(admin_client: Client) -> None:
    names = [f"The very long name of a shop for all of Europe, {place}" for place in ("north", "south")]
    for number, name in enumerate(names):
        shop = Platform.objects.create(name=f"shop-{number}", display_name=name)
        make(f"902-{number}", platform=shop)
    admin_client.post("/admin/orders/order/columns/", {"column": ["order_id", "platform_name"]})
    page = admin_client.get("/admin/orders/order/").content.decode()
    shown = dict(re.findall(r'<span class="oms-clamp" title="([^"]+)">([^<]+)<', page))
    assert shown == {name: f"The very long n…{name[-15:].strip()}" for name in names}


@pytest.mark.parametrize(
    ("total", "currency", "shown"),
    [
        (None, "", '<span class="oms-number">–</span>'),
        (Decimal("0"), "USD", "0.00 <small>USD</small>"),
        (Decimal("1500.0000"), "JPY", "1,500 <small>JPY</small>"),
        (Decimal("0.1250"), "USD", "0.125 <small>USD</small>"),
    ],
)
def test_it_tells_unknown_from_zero(
    admin_client: Client, total: Decimal | None, currency: str, shown: str
) -> None:
    make(total=total, currency=currency)
    assert shown in text(admin_client.get(LIST))


def test_it_lists_any_number_of_orders_with_as_many_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(40):
        make(f"111-{number}", skus=("A", "B"))
    with django_assert_max_num_queries(13):
        assert text(admin_client.get(LIST)).count("A, +1 more") == 40


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("q=111-1", ["111-1"]),
        ("q=111", ["111-1"]),
        ("q=MY SKU 7", ["222-2"]),
        ("q=MY", ["222-2"]),
        ("q=B00MY SKU 7", ["222-2"]),
        ("q=kettle", ["222-2"]),
        ("status__exact=pending", ["222-2"]),
        ("source__exact=mock", ["222-2"]),
        ("marketplace=ATVPDKIKX0DER", ["222-2"]),
        ("fulfilled_by__exact=merchant", ["222-2"]),
        ("buyer_requested_cancellation__exact=1", ["222-2"]),
        ("purchased_at_from=2026-02-01", ["222-2"]),
        ("purchased_at_to=2026-01-31", ["111-1"]),
    ],
)
def test_it_finds_orders(admin_client: Client, query: str, ids: list[str]) -> None:
    make("111-1")
    make(
        "222-2", skus=("MY SKU 7",), title="Red Kettle", status="pending", source="mock", fulfilled_by="merchant",
        marketplace_id="ATVPDKIKX0DER", buyer_requested_cancellation=True, purchased_at=BOUGHT + timedelta(days=9),
    )  # fmt: skip
    assert found(admin_client, query) == ids


def test_it_says_that_made_up_data_is_made_up(admin_client: Client) -> None:
    mock, live = make("MOCK-1", source="mock"), make("111-1")
    assert "This is made-up data." in text(admin_client.get(f"{LIST}{mock.pk}/change/"))
    assert "This is made-up data." not in text(admin_client.get(f"{LIST}{live.pk}/change/"))


def test_it_shows_items_and_payload(admin_client: Client) -> None:
    html = text(admin_client.get(f"{LIST}{make(title='<b>Tent</b>').pk}/change/"))
    for part in ("SKU-1", "B00SKU-1", "&lt;b&gt;Tent&lt;/b&gt;", "&quot;orderId&quot;: &quot;111-1&quot;"):
        assert part in html


@pytest.mark.parametrize("address", ["add/", "{}/change/", "{}/delete/"])
def test_it_lets_nobody_edit_orders(admin_client: Client, address: str) -> None:
    assert admin_client.post(LIST + address.format(make().pk), {"post": "yes"}).status_code == 403


def test_it_shows_no_buyer_in_lists_and_on_the_orders_page(admin_client: Client) -> None:
    order = with_buyer(make())
    html = text(admin_client.get(LIST)) + text(admin_client.get(f"{LIST}{order.pk}/change/"))
    assert "Jo Doe" not in html
    assert f'href="{LIST}{order.pk}/buyer/"' in html
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()


def test_it_records_who_read_buyer_data(admin_client: Client, admin_user: User) -> None:
    order = with_buyer(make())
    asked = admin_client.get(f"{LIST}{order.pk}/buyer/")
    unsaid = admin_client.post(f"{LIST}{order.pk}/buyer/", {"reason": " "})
    assert "Jo Doe" not in text(asked) + text(unsaid)
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()
    response = admin_client.post(f"{LIST}{order.pk}/buyer/", {"reason": "return"})
    assert [part for part in ("Jo Doe", "jo@example.org", "Ghent") if part in text(response)] == [
        "Jo Doe",
        "jo@example.org",
        "Ghent",
    ]
    entry = AuditEntry.objects.filter(action="buyer_data.read").get()
    assert (entry.actor, entry.actor_id, entry.door) == ("admin", admin_user.pk, "admin")
    assert entry.reason == "return"
    assert (entry.object_kind, entry.object_id, entry.address) == ("orders.order", str(order.pk), "127.0.0.1")
    assert "no-store" in response["Cache-Control"]
    assert "buyer data read" in text(admin_client.get(f"{LIST}{order.pk}/history/"))


def test_it_refuses_buyer_data_without_the_permission(client: Client) -> None:
    order = with_buyer(make())
    client = viewer(client, "view_order")
    assert "/buyer/" not in text(client.get(f"{LIST}{order.pk}/change/"))
    assert client.get(f"{LIST}{order.pk}/buyer/").status_code == 403
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()


def test_it_shows_buyer_data_with_the_permission(client: Client) -> None:
    order = with_buyer(make())
    reader = viewer(client, "view_order", "view_orderbuyer")
    assert "Jo Doe" in text(reader.post(f"{LIST}{order.pk}/buyer/", {"reason": "label"}))


def test_it_has_no_page_for_buyer_data_that_is_gone(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}{make().pk}/buyer/").status_code == 404


def test_it_says_what_to_do_where_no_order_is_stored(admin_client: Client) -> None:
    assert "No order was stored yet." in text(admin_client.get(LIST))
