"""Stock in the admin."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from inventory.models import InventoryItem
from platforms.models import Platform

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/inventoryitem/"
NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def make(sku: str, **values: Any) -> InventoryItem:
    facts = {
        "platform": Platform.objects.get(),
        "marketplace_id": "ATVPDKIKX0DER",
        "source": "live",
        "synced_at": NOW,
    }
    return InventoryItem.objects.create(sku=sku, **facts | values)


def text(response: Any) -> str:
    return str(response.content.decode())


def listed(client: Client, query: str = "") -> list[str]:
    """SKUs in the order of the page."""
    html = text(client.get(f"{LIST}?{query}"))
    places = {item.sku: html.find(f">{item.sku}</a>") for item in InventoryItem.objects.all()}
    return sorted((sku for sku, place in places.items() if place >= 0), key=lambda sku: places[sku])


def test_it_shows_quantities_and_tells_unknown_from_zero(admin_client: Client) -> None:
    make("A", available=1200, inbound=0, gone_at=NOW)
    html = text(admin_client.get(LIST))
    for part in (">1,200</span>", ">0</span>", ">–</span>", "United States (ATVPDKIKX0DER)", "2026-01-31"):
        assert part in html


def test_it_sorts_by_quantity(admin_client: Client) -> None:
    for sku, available in (("A", 5), ("B", 1), ("C", 3)):
        make(sku, available=available, threshold=2)
    header = re.search(r'href="\?([^"]*)">\s*Available', text(admin_client.get(LIST)))
    assert header is not None
    assert listed(admin_client) == ["B", "C", "A"]
    assert listed(admin_client, header[1]) == ["B", "C", "A"]
    back = re.search(r'href="\?([^"]*)">\s*Available', text(admin_client.get(f"{LIST}?{header[1]}")))
    assert back is not None
    assert listed(admin_client, back[1]) == ["A", "C", "B"]


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ("", ["A", "MY SKU"]),
        ("listed=yes", ["A"]),
        ("listed=no", ["MY SKU"]),
        ("stock=gone", ["MY SKU"]),
        ("stock=listed", ["A"]),
        ("q=MY SKU", ["MY SKU"]),
        ("q=B00", ["MY SKU"]),
        ("q=X00", ["MY SKU"]),
        ("q=kettle", ["MY SKU"]),
        ("q=nothing", []),
        ("source__exact=mock", ["MY SKU"]),
        ("marketplace=A1PA6795UKMFR9", ["MY SKU"]),
    ],
)
def test_it_finds_stock(admin_client: Client, query: str, skus: list[str]) -> None:
    make("A")
    make(
        "MY SKU", asin="B001", fnsku="X001", title="Red Kettle", source="mock", gone_at=NOW,
        marketplace_id="A1PA6795UKMFR9",
    )  # fmt: skip
    assert listed(admin_client, query) == skus


def test_it_lists_any_number_of_skus_with_as_many_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(25):
        make(f"SKU-{number}")
    # integrations/tests/test_cover.py counts exactly; here, the test asks one of its own.
    with django_assert_max_num_queries(15):
        assert len(listed(admin_client)) == 25


@pytest.mark.parametrize("address", ["add/", "{}/delete/"])
def test_it_lets_nobody_add_or_delete_stock(admin_client: Client, address: str) -> None:
    assert admin_client.post(LIST + address.format(make("A").pk), {"post": "yes"}).status_code == 403


def test_it_says_that_made_up_stock_is_made_up(admin_client: Client) -> None:
    assert "This is made-up data." in text(admin_client.get(f"{LIST}{make('A', source='mock').pk}/change/"))


@pytest.mark.parametrize(("query", "count", "select_all"), [("", "1,002", True), ("q=kettle", "25+", False)])
def test_it_offers_an_action_all_rows_only_where_it_knows_how_many(
    admin_client: Client, query: str, count: str, select_all: bool
) -> None:
    """A search that very many rows match does not count them: that would read all titles for each page."""
    first = make("K", title="Red Kettle")
    facts = {"platform": first.platform, "source": "live", "synced_at": NOW, "title": "Red Kettle"}
    InventoryItem.objects.bulk_create(InventoryItem(sku=f"K-{each:04}", **facts) for each in range(1001))
    html = text(admin_client.get(f"{LIST}?{query}"))
    assert re.search(rf"\s{re.escape(count)}\s+inventory items", html)
    assert ("Select all 1002 inventory items" in html) == select_all
    assert listed(admin_client, f"{query}&p=2") == [f"K-{each:04}" for each in range(24, 49)]
