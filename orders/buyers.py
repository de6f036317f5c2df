"""Buyer data of orders: stored in a table of its own, encrypted, and deleted 30 days after delivery at the latest."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from core.encryption import SecretDict, Unreadable, keyed_digest
from core.upsert import to_json
from orders.models import OrderBuyer
from orders.records import BuyerRecord, OrderRecord

# The strictest rule of any channel: personal data is kept for at most 30 days after delivery.
BUYER_DATA_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Buyer:
    """What is to be stored of an order's buyer, and whether that differs from the stored row."""

    data: SecretDict
    purge_after: datetime
    is_news: bool


def buyer_digest(buyer: BuyerRecord | None) -> str:
    """Distinguishes the data of one buyer from another's; without the key, nobody can check a guess with it."""
    return keyed_digest(to_json(buyer), purpose="orders.buyer") if buyer else ""


def stored_buyers(order_ids: Iterable[int]) -> dict[int, SecretDict]:
    """What is stored of the buyers of these orders. One query."""
    ids = list(order_ids)
    return dict(OrderBuyer.objects.filter(order__in=ids).values_list("order_id", "data")) if ids else {}


def compare_buyers(
    records: Mapping[int, OrderRecord], stored: Mapping[int, SecretDict], now: datetime
) -> dict[int, Buyer]:
    """What is to be stored of the buyers of these orders, by the orders' ids.

    Data that is due for deletion is left out; a value that is missing now does not delete a stored one. What cannot be
    decrypted cannot be compared, and is not overwritten for that reason alone: its key may be put back.
    """
    buyers = {}
    for order_id, record in records.items():
        purge_after = (record.deliver_by or record.platform_updated_at) + BUYER_DATA_LIFETIME
        if record.buyer and purge_after > now:
            before: Mapping[str, Any] = stored.get(order_id, {})
            present = {name: value for name, value in asdict(record.buyer).items() if value}
            data = SecretDict({**before, **present})
            is_equal = order_id in stored and (data == before or isinstance(before, Unreadable))
            buyers[order_id] = Buyer(data, purge_after, is_news=not is_equal)
    return buyers


def write_buyers(buyers: Mapping[int, Buyer]) -> None:
    """Store buyer data, by the orders' ids."""
    rows = [
        OrderBuyer(order_id=order_id, data=buyer.data, purge_after=buyer.purge_after)
        for order_id, buyer in buyers.items()
    ]
    OrderBuyer.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["data", "purge_after"], unique_fields=_conflict_target()
    )


def purge_buyers(*, now: datetime | None = None) -> int:
    """Delete the buyer data that is due for deletion. Returns for how many orders."""
    return OrderBuyer.objects.filter(purge_after__lte=now or timezone.now()).delete()[0]


def _conflict_target() -> list[str] | None:
    """Which MySQL neither needs nor takes."""
    return ["order"] if connection.features.supports_update_conflicts_with_target else None
