"""Buyer data of orders: stored in a table of its own, encrypted, and deleted 30 days after delivery at the latest."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.recording import record
from core.dates import meant
from core.encryption import SecretDict, Unreadable, keyed_digest
from core.upsert import Incoming, to_json
from feed.models import Change
from feed.recording import Changed, add_changes_by_platform
from orders.models import Order, OrderBuyer
from orders.records import BuyerRecord, OrderRecord

# The strictest rule of any channel: personal data is kept for at most 30 days after delivery.
BUYER_DATA_LIFETIME = timedelta(days=30)
# The scheduler deletes once a day: what falls due before its next turn goes with this one.
BEFORE_NEXT_TURN = timedelta(hours=25)
# A delivery window that ends later says nothing of the delivery.
LONGEST_DELIVERY = timedelta(days=365)
AT_ONCE = 1000  # rows that are deleted in one transaction


@dataclass(frozen=True, slots=True)
class StoredBuyer:
    """What is stored of an order's buyer."""

    data: SecretDict
    purge_after: datetime


@dataclass(frozen=True, slots=True)
class Buyer:
    """What is to be stored of an order's buyer: whether that differs from the stored row, and whether it is to be
    deleted at another time than the row says."""

    data: SecretDict
    purge_after: datetime
    is_news: bool
    is_moved: bool


def purge_after_delivery(record: OrderRecord, deliver_by: datetime | None, now: datetime) -> datetime:
    """When the buyer's data is deleted: 30 days after the end of the delivery window that is stored of the order, or
    after the order's last change where there is none. A placeholder such as the year 9999 is neither a reason to keep
    nor to lose it."""
    changed = min(meant(record.platform_updated_at) or meant(record.purchased_at) or now, now)
    delivery = meant(deliver_by)
    if delivery is None or delivery > changed + LONGEST_DELIVERY:
        delivery = changed
    return delivery + BUYER_DATA_LIFETIME


def buyer_digest(buyer: BuyerRecord | None) -> str:
    """Distinguishes the data of one buyer from another's; without the key, nobody can check a guess with it."""
    return keyed_digest(to_json(buyer), purpose="orders.buyer") if buyer else ""


def stored_buyers(order_ids: Iterable[int]) -> dict[int, StoredBuyer]:
    """What is stored of the buyers of these orders. One query."""
    ids = list(order_ids)
    if not ids:
        return {}
    rows = OrderBuyer.objects.filter(order__in=ids).values_list("order_id", "data", "purge_after")
    return {order_id: StoredBuyer(data, purge_after) for order_id, data, purge_after in rows}


def compare_buyers(
    orders: Iterable[tuple[Incoming[OrderRecord], datetime | None]],
    stored: Mapping[int, StoredBuyer],
    now: datetime,
) -> dict[int, Buyer]:
    """What is to be stored of the buyers of these orders, by the orders' ids. Each order comes with the end of its
    delivery window as it is stored afterwards.

    Data that is due for deletion is not stored anew. What cannot be decrypted cannot be compared, and is not
    overwritten for that reason alone: its key may be put back.
    """
    buyers = {}
    for incoming, deliver_by in orders:
        record, before = incoming.record, stored.get(incoming.pk)
        purge_after = purge_after_delivery(record, deliver_by, now)
        is_moved = before is not None and before.purge_after != purge_after
        given = _given(record.buyer) if record.buyer and purge_after > now + BEFORE_NEXT_TURN else {}
        if before is None:
            if given:
                buyers[incoming.pk] = Buyer(SecretDict(given), purge_after, is_news=True, is_moved=False)
        elif isinstance(before.data, Unreadable):
            data = SecretDict(given) if given else before.data
            buyers[incoming.pk] = Buyer(data, purge_after, is_news=False, is_moved=is_moved)
        else:
            data = SecretDict(_joined(before.data, given))
            buyers[incoming.pk] = Buyer(data, purge_after, data != before.data, is_moved)
    return buyers


def _given(buyer: BuyerRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(buyer).items() if value}


def _joined(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a buyer: a platform says less after a while, and what it said before stays.

    A part such as the address stays where all that is given of it is equal, and is replaced as a whole where something
    differs: half of one address and half of another would be nobody's. The phone goes with its address; each of the
    `lines` is a part of its own.
    """
    joined = {**stored, **given}
    for name, value in given.items():
        before = stored.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if name == "lines" or _agrees(value, before):
                joined[name] = _joined(before, value)
            elif name == "address" and "phone" not in given:
                joined.pop("phone", None)
    return joined


def _agrees(given: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether nothing that is given differs from what is stored under the same name."""
    return all(
        _agrees(value, stored[name])
        if isinstance(value, dict) and isinstance(stored[name], dict)
        else value == stored[name]
        for name, value in given.items()
        if name in stored
    )


def write_buyers(buyers: Mapping[int, Buyer]) -> None:
    """Store buyer data, by the orders' ids."""
    rows = [
        OrderBuyer(order_id=order_id, data=buyer.data, purge_after=buyer.purge_after)
        for order_id, buyer in buyers.items()
    ]
    OrderBuyer.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["data", "purge_after"], unique_fields=_conflict_target()
    )


def move_purge(buyers: Mapping[int, Buyer]) -> None:
    """Store when buyer data is deleted, by the orders' ids, and leave the data alone."""
    if buyers:
        rows = [OrderBuyer(pk=order_id, purge_after=buyer.purge_after) for order_id, buyer in buyers.items()]
        OrderBuyer.objects.bulk_update(rows, ["purge_after"])


def purge_buyers(*, now: datetime | None = None) -> int:
    """Delete the buyer data that is due for deletion. Returns for how many orders."""
    due = OrderBuyer.objects.filter(purge_after__lte=now or timezone.now())
    deleted = 0
    while some := _purge_some(due):
        deleted += some
    if deleted:
        record("buyer_data.purged", changes={"orders": deleted})
    return deleted


@transaction.atomic
def _purge_some(due: QuerySet[OrderBuyer]) -> int:
    """The orders are read after their buyers are locked, and are not locked themselves: a sync locks an order and then
    its buyer. Two statements, since MariaDB cannot lock the rows of one table of two."""
    found = list(due.select_for_update().order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    orders = Order.objects.filter(pk__in=found).order_by("pk")
    changed = [
        (platform_id, Changed(pk, name, ("buyer",)))
        for pk, name, platform_id in orders.values_list("pk", "external_id", "platform_id")
    ]
    OrderBuyer.objects.filter(pk__in=found).delete()
    add_changes_by_platform(Change.Kind.ORDER_UPDATED, changed)
    return len(found)


def _conflict_target() -> list[str] | None:
    """Which MySQL neither needs nor takes."""
    return ["order"] if connection.features.supports_update_conflicts_with_target else None
