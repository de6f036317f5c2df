"""From the shop's JSON to records."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.errors import MalformedRecord
from integrations.protocol import RecordFailure
from inventory.records import InventoryRecord
from orders.records import BuyerRecord, OrderItemRecord, OrderRecord

STATUSES = {"paid": "unshipped", "sent": "shipped"}


def order(raw: dict[str, Any], *, include_pii: bool = False) -> OrderRecord:
    """Raises MalformedRecord."""
    payload = {name: value for name, value in raw.items() if name != "customer"}
    try:
        customer = raw.get("customer") or {}
        return OrderRecord(
            external_id=raw["number"],
            purchased_at=datetime.fromisoformat(raw["placed"]),
            platform_updated_at=datetime.fromisoformat(raw["changed"]),
            status=STATUSES.get(raw["state"], "unknown"),
            platform_status=raw["state"],
            fulfilled_by="merchant",
            currency=raw["currency"],
            total=Decimal(raw["sum"]),
            items=tuple(_item(line, raw["currency"]) for line in raw["lines"]),
            payload=payload,
            buyer=BuyerRecord(name=customer["name"], email=customer["mail"]) if include_pii else None,
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise MalformedRecord(f"The order cannot be read: {error!r}.", payload=payload) from None


def orders(
    raws: Iterable[dict[str, Any]], *, include_pii: bool = False
) -> tuple[tuple[OrderRecord, ...], tuple[RecordFailure, ...]]:
    """Those that can be read, and why the others cannot."""
    records, failures = [], []
    for raw in raws:
        try:
            records.append(order(raw, include_pii=include_pii))
        except MalformedRecord as error:
            external_id = str(raw.get("number", ""))
            failures.append(
                RecordFailure(
                    external_id=external_id, code=error.code, message=str(error), payload=error.payload
                )
            )
    return tuple(records), tuple(failures)


def stock(raw: dict[str, Any]) -> InventoryRecord:
    on_hand, promised = raw["on_hand"], raw["promised"]
    return InventoryRecord(
        marketplace_id="",
        sku=raw["article"],
        title=raw["name"],
        total=on_hand,
        available=on_hand - promised,
        reserved=promised,
    )


def _item(line: dict[str, Any], currency: str) -> OrderItemRecord:
    price = Decimal(line["price"])
    return OrderItemRecord(
        external_id=line["line"],
        sku=line["article"],
        title=line["name"],
        quantity_ordered=line["count"],
        unit_price=price,
        total=price * line["count"],
        currency=currency,
    )
