"""Stock -> `InventorySummary` of Amazon's FBA Inventory API v1 (models/fba-inventory-api-model)."""

from __future__ import annotations

from typing import Any

from simulator.model import Stock
from simulator.render.orders import render_time

Json = dict[str, Any]

_TERMS = ("Short", "Mid", "Long")
_DAMAGES = (
    "customerDamaged",
    "warehouseDamaged",
    "distributorDamaged",
    "carrierDamaged",
    "defective",
    "expired",
)


def render_stock(stock: Stock, *, details: bool) -> Json:
    """One `InventorySummary`; without `details` Amazon tells the total only."""
    document: Json = {
        "asin": stock.asin,
        "fnSku": stock.fnsku,
        "sellerSku": stock.sku,
        "condition": stock.condition,
        "totalQuantity": stock.total,
        "stores": [],
    }
    if stock.title or stock.blanks:
        document["productName"] = stock.title
    if stock.updated is not None:
        document["lastUpdatedTime"] = render_time(stock.updated)
    elif stock.blanks:
        document["lastUpdatedTime"] = ""
    if details:
        document["inventoryDetails"] = {} if stock.bare else _details(stock)
    return document


def _details(stock: Stock) -> Json:
    return {
        "fulfillableQuantity": stock.fulfillable,
        "inboundWorkingQuantity": stock.inbound_working,
        "inboundShippedQuantity": stock.inbound_shipped,
        "inboundReceivingQuantity": stock.inbound_receiving,
        "reservedQuantity": {
            "totalReservedQuantity": sum(stock.reserved),
            "pendingCustomerOrderQuantity": stock.reserved[0],
            "pendingTransshipmentQuantity": stock.reserved[1],
            "fcProcessingQuantity": stock.reserved[2],
        },
        "researchingQuantity": {
            "totalResearchingQuantity": sum(stock.researching),
            "researchingQuantityBreakdown": [
                {"name": f"researchingQuantityIn{term}Term", "quantity": quantity}
                for term, quantity in zip(_TERMS, stock.researching, strict=True)
            ],
        },
        "unfulfillableQuantity": {
            "totalUnfulfillableQuantity": sum(stock.unfulfillable),
            **{f"{name}Quantity": count for name, count in zip(_DAMAGES, stock.unfulfillable, strict=True)},
        },
    }
