"""Stock of some platforms: the same rows whether they are few or many, and many in the order of the list's index."""

import pytest
from django.db import connection

from api.tests.rest import amazon, make_stock
from inventory import listing
from inventory.listing import of_platforms
from inventory.models import InventoryItem
from platforms.models import Platform

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("few", [0, 1000])
def test_it_lists_the_stock_of_some_platforms(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    other = Platform.objects.create(name="other")
    rows = [make_stock("A", platform=amazon()), make_stock("B", platform=other), make_stock("C")]
    items = InventoryItem.objects.order_by("level", "available", "sku", "id")
    assert list(of_platforms(items, [amazon().pk])) == [rows[0], rows[2]]
    assert list(of_platforms(items, [other.pk, amazon().pk])) == rows
    assert list(of_platforms(items, [])) == []
    if connection.vendor == "sqlite" and not few:
        plan = of_platforms(items, [amazon().pk]).values("pk").explain()
        assert "USING INDEX stock_lowest_first" in plan
        assert "TEMP B-TREE" not in plan
