"""Rows for tests of pages that show them."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

if TYPE_CHECKING:  # this file is read before Django is set up
    from inventory.models import InventoryItem
    from orders.models import Order
    from platforms.models import Platform


@pytest.fixture
def platform() -> "Platform":
    from platforms.models import Platform

    return Platform.objects.update_or_create(name="amazon", defaults={"display_name": ""})[0]


@pytest.fixture
def order(platform: "Platform") -> "Callable[..., Order]":
    """Stores an order: unshipped, live, by the merchant, bought now; `changes` are of the row."""

    from orders.models import Order
    from platforms.models import Source

    def make(**changes: Any) -> Order:
        now = timezone.now()
        row = {
            "platform": platform, "external_id": f"111-{Order.objects.count():07d}", "status": Order.Status.UNSHIPPED,
            "purchased_at": now, "platform_updated_at": now, "synced_at": now, "source": Source.LIVE,
            "fulfilled_by": Order.FulfilledBy.MERCHANT, "ship_by": now + timedelta(days=9), "currency": "USD",
            "total": Decimal("10.00"),
        }  # fmt: skip
        return Order.objects.create(**row | changes)

    return make


@pytest.fixture
def stock(platform: "Platform") -> "Callable[..., InventoryItem]":
    from inventory.models import InventoryItem
    from platforms.models import Source

    def make(**changes: Any) -> InventoryItem:
        row = {
            "platform": platform, "marketplace_id": "ATVPDKIKX0DER", "sku": f"SKU-{InventoryItem.objects.count()}",
            "source": Source.LIVE, "synced_at": timezone.now(), "available": 5,
        }  # fmt: skip
        return InventoryItem.objects.create(**row | changes)

    return make
