"""What changed in an order, and when: one entry for each time that an order which was stored already changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from orders.models import Order, OrderChange, OrderedProduct
from orders.records import BuyerRecord, OrderItemRecord, OrderRecord
from orders.services import changes_by, upsert_orders
from platforms.models import Platform

pytestmark = pytest.mark.django_db

BOUGHT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
LINE = OrderItemRecord(
    external_id="01", sku="CUP", title="A cup", quantity_ordered=1, total=Decimal(12), currency="EUR"
)
ORDER = OrderRecord(
    external_id="111-1", purchased_at=BOUGHT, platform_updated_at=BOUGHT, items=(LINE,), status="pending",
    currency="EUR", total=Decimal(12), programs=("PRIME",),
)  # fmt: skip


def store(record: OrderRecord, **options: Any) -> None:
    upsert_orders(platform=Platform.objects.get(), records=[record], source="live", **options)


def later(record: OrderRecord, hours: int = 1, **values: Any) -> OrderRecord:
    return replace(record, platform_updated_at=record.platform_updated_at + timedelta(hours=hours), **values)


def changes() -> list[Any]:
    return [change.changes for change in OrderChange.objects.order_by("pk")]


def test_it_writes_nothing_for_a_new_order_or_one_without_news() -> None:
    store(ORDER)
    store(ORDER)
    assert not OrderChange.objects.exists()


def test_it_notes_which_fields_changed_and_by_which_sync() -> None:
    store(ORDER)
    store(later(ORDER, status="shipped", total=Decimal("12.5"), programs=("PRIME", "B2B")), sync_log_id=7)
    change = OrderChange.objects.get()
    assert change.changes == [
        ["status", "pending", "shipped"],
        ["total", "12.00 EUR", "12.50 EUR"],
        ["programs", "PRIME", "PRIME, B2B"],
    ]
    assert (change.sync_log_id, change.platform_updated_at) == (7, BOUGHT + timedelta(hours=1))


def test_it_notes_what_happened_to_lines() -> None:
    store(replace(ORDER, items=(LINE, replace(LINE, external_id="02", sku="POT"))))
    store(
        later(
            ORDER,
            items=(replace(LINE, quantity_ordered=3), replace(LINE, external_id="03", sku="", title="x")),
        )
    )
    assert changes() == [
        [["quantity_ordered", 1, 3, "CUP"], ["added", None, 1, "03"], ["removed", 1, None, "POT"]]
    ]


def test_it_notes_a_change_of_what_is_kept_in_the_payload_alone() -> None:
    store(ORDER)
    store(later(ORDER, payload={"packages": []}))
    assert changes() == [[]]


def test_it_notes_no_gap_as_a_change() -> None:
    store(ORDER)
    gaps = replace(LINE, total=None, title="", absent=("total", "title"))
    store(later(ORDER, status="", total=None, currency="", items=(gaps,), absent=("status", "total")))
    assert changes() == [[]]


def test_it_notes_each_change_once_however_often_it_is_reported() -> None:
    store(ORDER)
    shipped = later(ORDER, status="shipped")
    for record in (shipped, shipped, ORDER):
        store(record)
    assert changes() == [[["status", "pending", "shipped"]]]


def test_it_keeps_personal_data_out() -> None:
    Platform.objects.update(include_pii=True)
    recent = replace(ORDER, platform_updated_at=datetime.now(UTC), buyer=BuyerRecord(name="Jo Doe"))
    store(recent)
    store(later(recent, buyer=BuyerRecord(name="Jo Roe")))
    assert changes() == [[]]


def test_it_forgets_with_the_order() -> None:
    store(ORDER)
    store(later(ORDER, status="shipped"))
    Order.objects.get().delete()
    assert not OrderChange.objects.exists()


def test_it_says_beforehand_what_storing_would_change() -> None:
    platform, shipped = Platform.objects.get(), later(ORDER, status="shipped", items=(), absent=("items",))
    assert changes_by(platform=platform, record=ORDER) is None
    store(ORDER)
    assert changes_by(platform=platform, record=ORDER) == []
    assert changes_by(platform=platform, record=shipped) == [["status", "pending", "shipped"]]
    store(shipped)
    assert changes_by(platform=platform, record=ORDER) == []


def test_it_remembers_each_product_once() -> None:
    store(ORDER)
    store(later(ORDER, items=(LINE, replace(LINE, external_id="02"))))
    store(later(ORDER, 2, items=(replace(LINE, title="A mug"),)))
    assert sorted(OrderedProduct.objects.values_list("sku", "words")) == [("CUP", "a cup"), ("CUP", "a mug")]


def test_it_shows_the_timeline_with_the_newest_first(admin_client: Client) -> None:
    store(replace(ORDER, items=(LINE, replace(LINE, external_id="02", sku="<POT>"))))
    store(later(ORDER, status="shipped", items=(replace(LINE, quantity_ordered=2),)), sync_log_id=7)
    store(later(ORDER, 2, items=(LINE,), payload={"x": 1}))
    html = admin_client.get(f"/admin/orders/order/{Order.objects.get().pk}/change/").content.decode()
    assert "&lt;POT&gt;" in html
    assert "<POT>" not in html
    parts = ["Quantity", "Sync #7", "Status", "pending", "shipped", "First stored"]
    found = [html.rindex(part) for part in ("Stored by hand", "Sync #7", "First stored")]
    assert found == sorted(found)
    assert [part for part in parts if part not in html] == []
