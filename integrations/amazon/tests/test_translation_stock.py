"""Stock, field by field: what stands where in a summary of Amazon's, and which oddities cost the record."""

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.amazon import normalize
from integrations.errors import MalformedRecord
from inventory.records import InventoryRecord


def test_it_reads_every_field_of_a_summary() -> None:
    summary = {
        "sellerSku": "SKU 1 ",
        "fnSku": "X001",
        "asin": "B000000001",
        "productName": "A thing",
        "condition": "NewItem",
        "totalQuantity": 40,
        "lastUpdatedTime": "2026-03-01T10:00:00Z",
        "inventoryDetails": {
            "fulfillableQuantity": 20,
            "inboundWorkingQuantity": 1,
            "inboundShippedQuantity": 2,
            "inboundReceivingQuantity": 4,
            "reservedQuantity": {"totalReservedQuantity": 8, "pendingCustomerOrderQuantity": 3},
            "unfulfillableQuantity": {
                "totalUnfulfillableQuantity": 5,
                "customerDamagedQuantity": 5,
                "meltedQuantity": 0,
            },
            "researchingQuantity": {
                "totalResearchingQuantity": 6,
                "researchingQuantityBreakdown": [
                    {"name": "researchingQuantityInMidTerm", "quantity": 6},
                    None,
                ],
            },
            "futureSupplyQuantity": {"reservedFutureSupplyQuantity": 9, "futureSupplyBuyableQuantity": "7"},
        },
    }
    assert normalize.inventory(summary, marketplace_id="M") == InventoryRecord(
        marketplace_id="M",
        sku="SKU 1 ",
        fnsku="X001",
        asin="B000000001",
        title="A thing",
        condition="NewItem",
        total=40,
        available=20,
        reserved=8,
        inbound=7,
        unfulfillable=5,
        researching=6,
        details={
            "reserved": {"pending_customer_order": 3},
            "unfulfillable": {"customer_damaged": 5, "melted": 0},
            "future_supply": {"reserved_future_supply": 9, "future_supply_buyable": 7},
            "inbound": {"working": 1, "shipped": 2, "receiving": 4},
            "researching": {"mid_term": 6},
        },
        platform_updated_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    )


def test_it_never_takes_unknown_stock_for_none() -> None:
    assert normalize.inventory({"sellerSku": "A"}, marketplace_id="M") == InventoryRecord(
        marketplace_id="M", sku="A", absent=normalize.OF_DETAILS
    )
    zero = {"sellerSku": "A", "totalQuantity": 0, "inventoryDetails": {"inboundShippedQuantity": 0}}
    record = normalize.inventory(zero, marketplace_id="M")
    assert (record.total, record.inbound, record.available, record.absent) == (0, 0, None, ())
    sold_out = normalize.inventory({"sellerSku": "A", "totalQuantity": 0}, marketplace_id="M")
    assert (sold_out.available, sold_out.absent) == (None, ())


@pytest.mark.parametrize(
    ("summary", "says"),
    [
        ({}, "sellerSku"),
        (None, "sellerSku"),
        ({"sellerSku": " "}, "sellerSku"),
        ({"sellerSku": "A", "totalQuantity": "many"}, "totalQuantity"),
        ({"sellerSku": "A", "inventoryDetails": {"fulfillableQuantity": True}}, "fulfillableQuantity"),
    ],
)
def test_it_says_what_makes_a_summary_unreadable(summary: Any, says: str) -> None:
    with pytest.raises(MalformedRecord, match=says):
        normalize.inventory(summary, marketplace_id="M")
