"""The charts of the home page over HTTP, by the tables that stand beside them."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from api.tests.rest import make_stock
from backoffice.tests.home_pages import charts, table
from integrations.models import ApiUsage
from inventory.snapshots import take_snapshots, today
from orders.models import Order, OrderItem
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db


def test_it_shows_charts_to_nobody_who_is_not_logged_in(client: Client) -> None:
    response = client.get("/admin/home-charts/")
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_it_adds_up_revenue_by_currency_and_counts_live_orders_alone(
    admin_client: Client, platform: Platform, order: Callable[..., Order]
) -> None:
    other = Platform.objects.create(name="amazon-de")
    order(total=Decimal("10.50"))
    order(total=Decimal("4.50"))
    order(platform=other, total=Decimal("100.00"), currency="EUR")
    order(platform=other, total=None, currency="")
    order(total=Decimal("1000.00"), status=Order.Status.CANCELLED)
    order(total=Decimal("1000.00"), source=Source.MOCK)
    order(total=Decimal("1000.00"), source=Source.SANDBOX)
    order(total=Decimal("1000.00"), purchased_at=timezone.now() - timedelta(days=31))
    yesterday = order(total=Decimal("7.00"), purchased_at=timezone.now() - timedelta(days=1))

    html = charts(admin_client)

    before = f"{yesterday.purchased_at.day} {yesterday.purchased_at:%b}"
    assert table(html, "orders")["today"] == ["2", "2"]
    assert table(html, "orders")[before] == ["1", "0"]
    assert table(html, "revenue-USD")["today"] == ["15.00"]
    assert table(html, "revenue-USD")[before] == ["7.00"]
    assert table(html, "revenue-EUR")["today"] == ["100.00"]
    assert "22.00 USD" in html
    assert "1 order has no known total and is in no amount." in html
    assert len(table(html, "orders")) == 30


def test_it_ranks_skus_by_units(admin_client: Client, order: Callable[..., Order]) -> None:
    for number, (sku, quantity, source) in enumerate(
        [("A", 2, "live"), ("B", 5, "live"), ("A", 1, "live"), ("C", 50, "mock"), ("D", None, "live")]
    ):
        OrderItem.objects.create(
            order=order(source=source), external_id=str(number), sku=sku, quantity_ordered=quantity
        )

    assert table(charts(admin_client), "skus") == {"B": ["5"], "A": ["3"]}


def test_it_shows_calls_and_throttling_by_hour(admin_client: Client, platform: Platform) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    ApiUsage.objects.create(platform=platform, operation="searchOrders", hour=hour, calls=7, throttled=2)
    ApiUsage.objects.create(platform=platform, operation="getOrder", hour=hour, calls=3)
    ApiUsage.objects.create(
        platform=platform, operation="searchOrders", hour=hour - timedelta(days=3), calls=99
    )

    hours = table(charts(admin_client), "calls")

    assert len(hours) == 48
    assert [cells for cells in hours.values() if cells != ["0", "0"]] == [["8", "2"]]


def test_it_draws_nothing_where_there_is_nothing(admin_client: Client, platform: Platform) -> None:
    assert "data-chart" not in charts(admin_client)


def test_it_counts_for_charts_once_in_five_minutes_and_says_when(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    order()
    first = charts(admin_client)
    order()

    assert re.search(r"orders as of \d\d:\d\d UTC", first)
    assert [cells for cells in table(charts(admin_client), "orders").values() if cells != ["0"]] == [["1"]]


def test_it_tells_apart_platforms_that_are_shown_by_the_same_name(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    for number, name in enumerate(("amazon-de", "amazon-fr"), start=1):
        platform = Platform.objects.create(name=name, display_name="Shop")
        for _number in range(number):
            order(platform=platform)

    html = charts(admin_client)

    assert table(html, "orders")["today"] == ["2", "1"]
    assert "Shop (amazon-fr)" in html


def test_it_joins_the_platforms_behind_the_first_seven(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    for number in range(9, 0, -1):
        platform = Platform.objects.create(name=f"p{number}")
        for _number in range(number):
            order(platform=platform)

    html = charts(admin_client)

    assert table(html, "orders")["today"] == ["9", "8", "7", "6", "5", "4", "3", "3"]
    assert '<th scope="col">others</th>' in html


def test_it_shows_figures_of_a_platform_that_was_deleted_since_they_were_counted(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    gone = Platform.objects.create(name="gone")
    order(platform=gone)
    charts(admin_client)
    Order.objects.all().delete()
    gone.delete()

    assert table(charts(admin_client), "orders")["today"] == ["1"]


def test_it_rounds_amounts_and_cuts_nothing_off(admin_client: Client, order: Callable[..., Order]) -> None:
    for total in ("0.07", "0.06", "0.1566"):
        order(total=Decimal(total))

    assert table(charts(admin_client), "revenue-USD")["today"] == ["0.29"]


def test_it_draws_stock_over_time_by_marketplace(admin_client: Client) -> None:
    make_stock("A", available=1234)
    make_stock("A", available=5, marketplace_id="A1PA6795UKMFR9")
    make_stock("B", available=9000, source="mock")
    take_snapshots(today() - timedelta(days=1))
    make_stock("C", available=7, marketplace_id="A1F83G8C2ARO7P")
    take_snapshots(today())
    page = admin_client.get("/admin/home-charts/").content.decode()
    assert "Units in stock" in page
    assert '"values": [1234.0, 1234.0]' in page
    assert '"values": [null, 7.0]' in page
    assert "9000" not in page
