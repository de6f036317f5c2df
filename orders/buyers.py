"""Buyer data of orders: stored in a table of its own, encrypted, with the day on which it is deleted (erasing.py)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from core.dates import meant
from core.encryption import SecretDict, Unreadable, keyed_digest, keyed_digests
from core.upsert import Incoming, to_json
from orders.models import BuyerDataEnd, Order, OrderBuyer
from orders.records import BuyerRecord, OrderRecord

# The strictest rule of any channel: personal data is kept for at most 30 days after delivery.
BUYER_DATA_LIFETIME = timedelta(days=30)
# How long a delivery takes where the platform names no day for it.
UNKNOWN_DELIVERY = timedelta(days=7)
# The scheduler deletes once a day: what falls due before its next turn goes with this one.
BEFORE_NEXT_TURN = timedelta(hours=25)
# A window that ends later than this after the purchase says nothing of the delivery.
LONGEST_DELIVERY = timedelta(days=365)
_EMAIL = "orders.buyer_email"  # purpose of the digests


class Facts(NamedTuple):
    """What is to be stored of an order and decides how long its buyer's data is kept."""

    status: str
    purchased_at: datetime
    ship_by: datetime | None
    deliver_by: datetime | None


@dataclass(frozen=True, slots=True)
class StoredBuyer:
    """What is stored of an order's buyer."""

    data: SecretDict
    purge_after: datetime


@dataclass(frozen=True, slots=True)
class Buyer:
    """What is to be stored of an order's buyer: whether that differs from the stored row, whether it is to be deleted
    earlier than the row says, and whether it is over with it now."""

    data: SecretDict
    purge_after: datetime
    is_news: bool = False
    is_moved: bool = False
    is_over: bool = False


def purge_after_delivery(facts: Facts, changed: datetime, now: datetime) -> datetime:
    """When the buyer's data is deleted: 30 days after the end of the delivery window; where the platform names none, 37
    days after the purchase, or after the end of the time to ship where that is later.

    A placeholder such as the year 9999 is neither a reason to keep nor to lose it; of an order without a time of
    purchase, that of its change counts.
    """
    bought = min(meant(facts.purchased_at) or meant(changed) or now, now)
    latest = bought + LONGEST_DELIVERY
    delivery, shipment = meant(facts.deliver_by), meant(facts.ship_by)
    if delivery is None or delivery > latest:
        sent = bought if shipment is None or shipment > latest else max(bought, shipment)
        delivery = sent + UNKNOWN_DELIVERY
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


def ended_orders(order_ids: Iterable[int]) -> set[int]:
    """Those of the orders whose buyer data was deleted for good. One query."""
    ids = list(order_ids)
    return set(BuyerDataEnd.objects.filter(order__in=ids).values_list("pk", flat=True)) if ids else set()


def compare_buyers(
    orders: Iterable[tuple[Incoming[OrderRecord], Facts]],
    stored: Mapping[int, StoredBuyer],
    ended: Collection[int],
    now: datetime,
) -> dict[int, Buyer]:
    """What is to be stored of the buyers of these orders, by the orders' ids; nothing of the `ended` ones.

    The day of deletion never moves to a later one. Data that is due for deletion is not stored anew, nor is that of a
    cancelled order. What cannot be decrypted cannot be compared, and is not overwritten for that reason alone: its key
    may be put back.
    """
    buyers = {}
    for incoming, facts in orders:
        before = stored.get(incoming.pk)
        if before is None and (incoming.record.buyer is None or incoming.pk in ended):
            continue
        buyer = _compared(incoming.record, facts, before, now)
        if buyer is not None:
            buyers[incoming.pk] = buyer
    return buyers


def _compared(record: OrderRecord, facts: Facts, before: StoredBuyer | None, now: datetime) -> Buyer | None:
    purge_after = purge_after_delivery(facts, record.platform_updated_at, now)
    is_cancelled = facts.status == Order.Status.CANCELLED
    if before is None:
        given = {} if is_cancelled else _given(record.buyer, purge_after, now)
        return Buyer(SecretDict(given), purge_after, is_news=True) if given else None
    if is_cancelled:
        return Buyer(before.data, before.purge_after, is_over=True)
    is_moved = purge_after < before.purge_after
    purge_after = min(purge_after, before.purge_after)
    given = _given(record.buyer, purge_after, now)
    if isinstance(before.data, Unreadable):
        return Buyer(SecretDict(given) if given else before.data, purge_after, is_moved=is_moved)
    data = SecretDict(_joined(before.data, given))
    return Buyer(data, purge_after, data != before.data, is_moved)


def _given(buyer: BuyerRecord | None, purge_after: datetime, now: datetime) -> dict[str, Any]:
    """What there is to store; nothing once it would be due for deletion."""
    if buyer is None or purge_after <= now + BEFORE_NEXT_TURN:
        return {}
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


def email_digest(data: Mapping[str, Any]) -> str | None:
    """What finds the orders of an address without revealing it; "" where there is none, None where nobody can say."""
    if isinstance(data, Unreadable):
        return None
    email = normal_email(str(data.get("email") or ""))
    return keyed_digest(email.encode(), purpose=_EMAIL) if email else ""


def email_digests(address: str) -> list[str]:
    """What the digest of this address may be: one for each key that was ever the first and still decrypts."""
    return keyed_digests(normal_email(address).encode(), purpose=_EMAIL)


def normal_email(address: str) -> str:
    return address.strip().casefold()


def write_buyers(buyers: Mapping[int, Buyer]) -> None:
    """Store buyer data, by the orders' ids."""
    rows = [
        OrderBuyer(
            order_id=order_id,
            data=buyer.data,
            purge_after=buyer.purge_after,
            email_digest=email_digest(buyer.data),
        )
        for order_id, buyer in buyers.items()
    ]
    OrderBuyer.objects.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=["data", "purge_after", "email_digest"],
        unique_fields=_conflict_target(),
    )


def move_purge(buyers: Mapping[int, Buyer]) -> None:
    """Store when buyer data is deleted, by the orders' ids, and leave the data alone."""
    if buyers:
        rows = [OrderBuyer(pk=order_id, purge_after=buyer.purge_after) for order_id, buyer in buyers.items()]
        OrderBuyer.objects.bulk_update(rows, ["purge_after"])


def _conflict_target() -> list[str] | None:
    """Which MySQL neither needs nor takes."""
    return ["order"] if connection.features.supports_update_conflicts_with_target else None
