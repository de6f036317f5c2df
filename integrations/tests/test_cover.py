"""Days of cover: what is available, by what was sold of it lately."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from api.tests.rest import amazon, make_order, make_stock
from integrations.lookup.stock_cover import covers
from integrations.tests.syncing import platform_of, sync
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from platforms.models import Platform

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/inventoryitem/"
US, DE, FR, ES = "ATVPDKIKX0DER", "A1PA6795UKMFR9", "A13V1IB3VIYZZH", "A1RKKUPIHCS9HS"


def sell(external_id: str, units: int | None, *, sku: str = "A", days_ago: float = 1, **values: Any) -> Order:
    facts = {"purchased_at": timezone.now() - timedelta(days=days_ago), "marketplace_id": US}
    order = make_order(external_id, sku=sku, **facts | values)
    OrderItem.objects.filter(order=order).update(quantity_ordered=units)
    return order


def cover_of(item: InventoryItem) -> tuple[int, float | None]:
    found = covers([item])[item.pk]
    return found.sold, found.days


def test_it_divides_what_is_available_by_what_was_sold_a_day() -> None:
    item = make_stock("A", available=20)
    sell("1", 10, days_ago=29)
    sell("2", 5)
    assert cover_of(item) == (15, 40.0)


@pytest.mark.parametrize(
    "values",
    [
        {"days_ago": 31},
        {"source": "mock"},
        {"source": "sandbox"},
        {"status": "cancelled"},
        {"marketplace_id": DE},
        {"sku": "a"},
        {"units": None},
        {"fulfilled_by": "merchant"},
    ],
)
def test_it_counts_live_orders_of_the_last_30_days_that_took_of_this_stock(
    values: dict[str, Any],
) -> None:
    item = make_stock("A", available=20)
    sell("1", **{"units": 10} | values)
    assert cover_of(item) == (0, None)


def test_marketplaces_that_list_the_same_units_share_their_sales() -> None:
    """200 units listed in three marketplaces that sell 10, 5 and 5 a day last 10 days, not 20 and 40."""
    sold = {DE: 300, FR: 150, ES: 150}
    items = [make_stock("A", marketplace_id=place, fnsku="X1", available=200) for place in sold]
    apart = make_stock("A", marketplace_id=US, fnsku="X1", available=90)
    for place, units in sold.items():
        sell(place, units, marketplace_id=place)
    sell("us", 30, marketplace_id=US)
    found = covers([*items, apart])
    assert [found[item.pk].days for item in items] == [10.0, 10.0, 10.0]
    assert (found[apart.pk].sold, found[apart.pk].days) == (30, 90.0)


@pytest.mark.parametrize(
    "values",
    [{"fnsku": "X2"}, {"sku": "a"}, {"available": 199}, {"gone_at": timezone.now()}, {"source": "mock"}],
)
def test_it_takes_no_other_units_for_the_same(values: dict[str, Any]) -> None:
    item = make_stock("A", marketplace_id=DE, fnsku="X1", available=200)
    other: dict[str, Any] = {"sku": "A", "marketplace_id": FR, "fnsku": "X1", "available": 200}
    make_stock(**other | values)
    sell("1", 10, marketplace_id=DE)
    sell("2", 10, marketplace_id=FR)
    assert cover_of(item) == (10, 600.0)


def test_it_counts_mock_sales_for_mock_stock() -> None:
    item = make_stock("A", available=20, source="mock")
    sell("1", 10, source="mock")
    sell("2", 7)
    assert cover_of(item) == (10, 60.0)


def test_it_does_not_count_another_platforms_sales() -> None:
    item = make_stock("A", available=20)
    sell("1", 10, platform=Platform.objects.create(name="other"))
    assert cover_of(item) == (0, None)


@pytest.mark.parametrize(
    ("values", "days"),
    [({"available": None}, None), ({"available": 0}, 0.0), ({"available": -2}, 0.0),
     ({"available": 0, "gone_at": timezone.now()}, None)],
)  # fmt: skip
def test_it_does_not_guess(values: dict[str, Any], days: float | None) -> None:
    item = make_stock("A", **values)
    sell("1", 10)
    assert cover_of(item) == (10, days)


def test_it_counts_orders_that_arrived_late(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Ids tell nothing of the time of purchase: an old order may be stored after a young one."""
    items = [make_stock("A", available=20), make_stock("B", available=1)]
    sell("1", 10)
    sell("2", 10, days_ago=50)
    sell("3", 5, days_ago=29)
    sell("4", 3, sku="B", days_ago=2)
    with django_assert_num_queries(3):
        found = covers(items)
    assert [found[item.pk].sold for item in items] == [15, 3]


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="another database counts its rows and plans by that"
)
def test_sqlite_reads_the_rows_of_these_skus_alone() -> None:
    """All rows of a platform would be read by an index that begins with it."""
    items = [make_stock("A", available=20, fnsku="X1"), make_stock("B", fnsku="X2")]
    with CaptureQueriesContext(connection) as captured:
        covers(items)
    plans = []
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plans += [row[3] for row in cursor.fetchall()]
    of_stock = [plan for plan in plans if "inventory_items" in plan]
    of_lines = [plan for plan in plans if "order_items" in plan]
    assert of_stock
    assert all("INDEX stock_sku (sku=?" in plan for plan in of_stock), of_stock
    assert all("INDEX item_sku (sku=? AND order_id>?)" in plan for plan in of_lines), of_lines


def test_it_shows_cover_in_the_list_and_on_the_page(admin_client: Client) -> None:
    item, other = make_stock("A", available=20), make_stock("B")
    sell("1", 10)
    for address, days in ((LIST, ">60</span>"), (f"{LIST}{item.pk}/change/", "60 days")):
        page = admin_client.get(address).content.decode()
        assert days in page
        assert "10 units sold in the last 30 days: 0.3 a day." in page
    assert (
        "Nothing was sold in the last 30 days."
        in admin_client.get(f"{LIST}{other.pk}/change/").content.decode()
    )


def test_it_shows_marketplaces_sales_and_the_last_sync_on_the_page(
    admin_client: Client, start_simulator: Any
) -> None:
    platform = platform_of(start_simulator(skus=3))
    log = sync(platform, "inventory")
    item = InventoryItem.objects.first()
    assert item is not None
    make_stock(item.sku, marketplace_id=DE, available=4321, fnsku="X-DE")
    make_stock(item.sku, marketplace_id="A1F83G8C2ARO7P", available=8765, source="mock", fnsku="X-mock")
    order = sell("123-1", 2, sku=item.sku, marketplace_id=item.marketplace_id, platform=platform)
    page = admin_client.get(f"{LIST}{item.pk}/change/").content.decode()
    assert f"Germany ({DE})" in page
    assert "4,321" in page
    assert "8,765" not in page
    assert f"/admin/orders/order/{order.pk}/change/" in page
    assert f"sync #{log.pk}</a>" in page
    amazon_de = admin_client.get(
        f"{LIST}{InventoryItem.objects.get(fnsku='X-DE').pk}/change/"
    ).content.decode()
    assert f"/admin/orders/order/{order.pk}/change/" not in amazon_de


def test_it_shows_no_sales_and_no_sync_to_those_who_may_not_see_them(
    client: Client, django_user_model: Any
) -> None:
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("looker", password="a long pass phrase", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_inventoryitem"))
    client.force_login(user)
    item = make_stock("A", platform=amazon())
    order = sell("1", 2)
    page = client.get(f"{LIST}{item.pk}/change/").content.decode()
    assert f"/admin/orders/order/{order.pk}/" not in page
    assert "Sales of the last 30 days" not in page


@pytest.mark.parametrize("rows", [1, 25])
def test_it_opens_the_list_and_the_page_with_a_fixed_number_of_queries(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for number in range(rows):
        make_stock(f"S-{number}")
        sell(f"o-{number}", 2, sku=f"S-{number}")
    item = InventoryItem.objects.all()[0]
    page = f"{LIST}{item.pk}/change/"
    for address in (LIST, page):
        admin_client.get(address)  # the first time, a process looks for content types
    with django_assert_num_queries(13):  # since when orders count is kept
        admin_client.get(LIST)
    with django_assert_num_queries(13):
        admin_client.get(page)


def test_it_counts_what_was_sold_since_it_last_looked(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """The first order of these 30 days is kept; those that come are behind it."""
    item = make_stock("A", available=20)
    sell("1", 10)
    assert cover_of(item)[0] == 10
    sell("2", 5)
    sell("3", 7, days_ago=29)
    with django_assert_num_queries(2):
        assert cover_of(item)[0] == 22
