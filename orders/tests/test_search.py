"""Finding orders among many: the same orders, however many match, and with as many queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api.tests.rest import superuser
from backoffice.base.paging import BoundedPaginator
from orders.models import Order
from orders.records import OrderItemRecord, OrderRecord
from orders.search import find_exact, find_orders
from orders.services import upsert_orders
from platforms.models import Platform

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"
BOUGHT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
TITLES = ("Red Kettle, large", "Blue tent", "WASSERKOCHER für Öl")


def record(number: int, **values: Any) -> OrderRecord:
    """Order 000 has SKU-0 with the first title, 001 SKU-1 with the second …"""
    which = number % 3
    item = OrderItemRecord(external_id="1", sku=f"SKU-{which}", asin=f"B0000000{which}", title=TITLES[which])
    facts: dict[str, Any] = {"status": "shipped", "fulfilled_by": "merchant"}
    bought = BOUGHT + timedelta(hours=number)
    return OrderRecord(
        external_id=f"111-{number:03d}", purchased_at=bought, platform_updated_at=bought, items=(item,),
        **facts | values,
    )  # fmt: skip


@pytest.fixture
def thirty() -> None:
    upsert_orders(
        platform=Platform.objects.get(), records=[record(each) for each in range(30)], source="live"
    )


# What thirty orders are: both ways of searching find the same.
AMOUNT = pytest.mark.parametrize("few", [4000, 2])


@AMOUNT
@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("111-00", range(10)),
        ("111-", range(30)),
        ("SKU", range(30)),
        ("SKU-1", range(1, 30, 3)),
        ("sku-1", ()),
        ("B00000002", range(2, 30, 3)),
        ("b00000002", range(2, 30, 3)),
        ("B0000000", ()),
        ("kettle RED", range(0, 30, 3)),
        ("kett arg", range(0, 30, 3)),
        ("kettle blue", ()),
        ("FÜR öl", range(2, 30, 3)),
        ("fur OL", range(2, 30, 3)),
        ("1-01", range(10, 20)),
        ("-019", [19]),
        ("-01", ()),  # too short for the middle of an id
        ("1-0%", ()),
        ("%", ()),
        ("_", ()),
    ],
)
def test_it_finds_the_same_among_few_and_many(thirty: None, few: int, text: str, numbers: Any) -> None:
    found = find_orders(Order.objects.all(), text, few=few)
    assert sorted(order.external_id for order in found.orders) == [f"111-{each:03d}" for each in numbers]
    assert found.is_scan == (len(numbers) > few)


@AMOUNT
@pytest.mark.parametrize(
    ("text", "numbers"), [("111-007", [7]), ("SKU-1", range(1, 30, 3)), ("b00000002", range(2, 30, 3))]
)
def test_it_finds_exactly_what_was_asked_for(thirty: None, few: int, text: str, numbers: Any) -> None:
    found = find_exact(Order.objects.all(), text, few=few)
    assert found is not None
    assert sorted(order.external_id for order in found.orders) == [f"111-{each:03d}" for each in numbers]
    assert find_exact(Order.objects.all(), text[:-1]) is None


def test_it_finds_the_same_over_the_api(thirty: None) -> None:
    found = superuser().get("/orders?search=kettle&page_size=4").json()
    assert [row["external_id"] for row in found["results"]] == ["111-027", "111-024", "111-021", "111-018"]


def test_it_pages_without_counting_far(thirty: None) -> None:
    rows = Order.objects.order_by("-pk")
    pages = [
        BoundedPaginator(rows, 5, rows=Order.objects.all(), page_number=number, counted=10)
        for number in (1, 2, 3, 6)
    ]
    assert [page.shown_count for page in pages] == ["10+", "10+", "15+", "30"]
    shown = [order.external_id for page in pages for order in page.page(1).object_list]
    assert shown == [f"111-{each:03d}" for each in [*range(29, 14, -1), *range(4, -1, -1)]]


def test_it_has_no_page_behind_the_last_one(thirty: None, admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}?p=2").status_code == 302
    assert admin_client.get(f"{LIST}?p=99999999999999999999").status_code == 400
    assert admin_client.get(f"{LIST}?p=-1").status_code == 400


QUERIES = {
    "": 13, "q=111-001": 16, "q=SKU-1": 17, "q=kettle": 23, "status__exact=shipped": 13, "to_ship=any": 13,
    "failures=open": 13, "platform__id__exact=1&marketplace=A1PA6795UKMFR9": 12, "p=1&o=3": 13,
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_it_needs_as_many_queries_for_any_number_of_orders(admin_client: Client, query: str) -> None:
    counts = []
    for first, last in ((0, 3), (3, 60)):
        records = [record(each, status="shipped" if each % 2 else "unshipped") for each in range(first, last)]
        upsert_orders(platform=Platform.objects.get(), records=records, source="live")
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(f"{LIST}?{query}").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= QUERIES[query]
