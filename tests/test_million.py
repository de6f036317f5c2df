"""The made-up business of `python -m bench.million`, and how the pages of the admin answer with it."""

from decimal import Decimal

import pytest
from django.db.models import F, Sum

from bench import admin_pages, million
from integrations.models import ApiUsage, StreamState, SyncFailure, SyncLog
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from platforms.models import Platform

pytestmark = pytest.mark.django_db


def test_it_makes_as_many_orders_items_and_skus_as_asked_for() -> None:
    million.fill(orders=400, skus=50)

    assert (Order.objects.business().count(), OrderItem.objects.count()) == (400, 1000)
    assert InventoryItem.objects.count() == 50
    assert SyncLog.objects.exists()
    assert ApiUsage.objects.exists()
    assert SyncFailure.objects.open().exists()
    made = StreamState.objects.filter(platform__name__startswith="demo-")
    assert made.count() == 2 * Platform.objects.filter(name__startswith="demo-").count()
    assert not made.exclude(interval_minutes=0)


def test_it_makes_orders_whose_lines_come_to_their_total() -> None:
    million.fill(orders=400, skus=50)

    totals = (
        Order.objects.exclude(total=None).annotate(lines=Sum("items__total")).values_list("total", "lines")
    )
    assert totals
    assert not [total for total, lines in totals if round(Decimal(lines), 2) != total]
    assert not OrderItem.objects.exclude(order__total=None).exclude(currency=F("order__currency"))


def test_it_leaves_alone_a_database_with_orders() -> None:
    million.fill(orders=4, skus=5)

    with pytest.raises(ValueError, match="already has orders, inventory items"):
        million.fill(orders=4, skus=5)

    assert Order.objects.count() == 4


def test_it_leaves_alone_a_platform_with_credentials() -> None:
    Platform.objects.update(api_config={"client_id": "somebody's"})

    with pytest.raises(ValueError, match="platforms with credentials"):
        million.fill(orders=4, skus=5)

    assert not Order.objects.exists()


def queries_by_page(*, orders: int, skus: int) -> dict[str, int]:
    million.fill(orders=orders, skus=skus)
    client = admin_pages.logged_in()
    pages = {name: address for name, address in admin_pages.pages().items() if ", page " not in name}
    return {
        name: admin_pages.timed_page(client, name, address, rounds=1).queries
        for name, address in pages.items()
    }


@pytest.mark.once
def test_it_answers_each_page_with_as_many_queries_however_much_there_is() -> None:
    few = queries_by_page(orders=800, skus=400)
    for model in (Order, InventoryItem, SyncFailure, SyncLog, ApiUsage):
        model._default_manager.all().delete()
    Platform.objects.filter(name__startswith="demo-").delete()
    assert queries_by_page(orders=2400, skus=1200) == few
    assert max(few.values()) <= 25
