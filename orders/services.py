"""Makes our orders equal to a platform's. Safe to repeat: the same records twice change nothing."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from oms.bulk import BulkUpsert
from oms.outcome import Outcome
from orders.models import Order, OrderBuyer, OrderItem
from orders.records import BuyerRecord, OrderItemRecord, OrderRecord
from platforms.fields import SecretDict
from platforms.models import Platform, Source

# Amazon's Data Protection Policy: personal data is kept for at most 30 days after delivery.
BUYER_DATA_LIFETIME = timedelta(days=30)

# What a record says about an order, in the order of `_values`. A missing value does not replace a stored one.
REPORTED = (
    "status", "platform_status", "purchased_at", "platform_updated_at", "marketplace_id", "fulfilled_by",
    "service_level", "ship_by", "deliver_by", "currency", "total", "programs", "replaced_order_id",
    "buyer_requested_cancellation",
)  # fmt: skip
ITEM_REPORTED = (
    "sku", "asin", "title", "quantity_ordered", "quantity_shipped", "unit_price", "total", "tax", "shipping",
    "discount", "currency",
)  # fmt: skip

_write_orders = BulkUpsert(
    Order,
    fields=("platform", "external_id", *REPORTED, "source", "payload", "content_hash", "synced_at"),
    unique=("platform", "external_id"),
)
_write_items = BulkUpsert(
    OrderItem, fields=("order", "external_id", *ITEM_REPORTED), unique=("order", "external_id")
)


class _Stored(NamedTuple):
    """What decides whether a record is news."""

    id: int
    content_hash: str
    platform_updated_at: datetime
    source: str


class _Incoming(NamedTuple):
    record: OrderRecord
    values: tuple[Any, ...]  # in the order of REPORTED
    payload: str  # JSON
    content_hash: str


@transaction.atomic
def upsert_orders(*, platform: Platform, records: Sequence[OrderRecord], source: str) -> Outcome:
    """Store `records`, all or none of them, in a fixed number of queries.

    1. Find out which are news: older or equal records change nothing, and mock or sandbox never replaces live.
    2. Keep stored values where a changed order's record has none.
    3. Write orders, then items; remove lines that are no longer part of their order.
    4. Write buyer data where the platform row asks for it.

    Raises django.db.DatabaseError, ValueError or OverflowError where a value does not fit.
    """
    incoming = [_incoming(record, with_buyer=platform.include_pii) for record in _newest(records)]
    known = _stored_orders(platform, [each.record.external_id for each in incoming])
    news = [each for each in incoming if _is_news(each, known.get(each.record.external_id), source)]
    changed = {each.record.external_id: each for each in news if each.record.external_id in known}
    outcome = Outcome(len(news) - len(changed), len(changed), len(records) - len(news))
    if not news:
        return outcome
    kept = _stored_values(platform, changed)
    now = timezone.now()
    _write_orders(
        [
            (
                platform.pk,
                each.record.external_id,
                *_merged(each.values, kept.get(each.record.external_id)),
                source,
                each.payload,
                each.content_hash,
                now,
            )
            for each in news
        ]
    )
    ids = {external_id: stored.id for external_id, stored in known.items() if external_id in changed}
    ids.update(_new_ids(platform, [each.record.external_id for each in news if each.record.external_id not in ids]))
    _replace_items({ids[each.record.external_id]: each.record.items for each in news}, set(map(ids.get, changed)))
    if platform.include_pii:
        _write_buyers({ids[each.record.external_id]: each.record for each in news}, now)
    return outcome


def delete_orders(*, platform: Platform, sources: Iterable[str]) -> int:
    """Delete a platform's orders of these sources, with items and buyer data. Returns how many orders there were."""
    doomed = Order.objects.filter(platform=platform, source__in=list(sources))
    with transaction.atomic():
        OrderBuyer.objects.filter(order__in=doomed).delete()
        OrderItem.objects.filter(order__in=doomed).delete()
        return doomed.delete()[1].get("orders.Order", 0)


def purge_buyers(*, now: datetime | None = None) -> int:
    """Delete the buyer data whose time has come. Returns how many orders lost theirs."""
    return OrderBuyer.objects.filter(purge_after__lte=now or timezone.now()).delete()[0]


def _newest(records: Iterable[OrderRecord]) -> list[OrderRecord]:
    """One record for each order: a page may hold the same one twice."""
    newest: dict[str, OrderRecord] = {}
    for record in records:
        other = newest.get(record.external_id)
        if other is None or record.platform_updated_at >= other.platform_updated_at:
            newest[record.external_id] = record
    return list(newest.values())


def _incoming(record: OrderRecord, *, with_buyer: bool) -> _Incoming:
    """The record as values, with the hash of all that could be stored of it."""
    values = (
        record.status, record.platform_status, record.purchased_at, record.platform_updated_at,
        record.marketplace_id, record.fulfilled_by, record.service_level, record.ship_by, record.deliver_by,
        record.currency, record.total, json.dumps(record.programs), record.replaced_order_id,
        record.buyer_requested_cancellation,
    )  # fmt: skip
    payload = json.dumps(record.payload, ensure_ascii=False, separators=(",", ":"))
    buyer = record.buyer if with_buyer else None
    text = f"{values}{[_item_values(item) for item in record.items]}{payload}{buyer}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32, key=_hash_key())
    return _Incoming(record, values, payload, digest.hexdigest())


def _hash_key() -> bytes:
    """Keyed, so that no one can guess personal data from the hash."""
    return settings.SECRET_KEY.encode()[:64]


def _item_values(item: OrderItemRecord) -> tuple[Any, ...]:
    return (
        item.external_id, item.sku, item.asin, item.title, item.quantity_ordered, item.quantity_shipped,
        item.unit_price, item.total, item.tax, item.shipping, item.discount, item.currency,
    )  # fmt: skip


def _stored_orders(platform: Platform, external_ids: list[str]) -> dict[str, _Stored]:
    rows = (
        Order.objects.select_for_update()
        .filter(platform=platform, external_id__in=external_ids)
        .order_by()
        .values_list("external_id", "id", "content_hash", "platform_updated_at", "source")
    )
    return {external_id: _Stored(*rest) for external_id, *rest in rows}


def _is_news(incoming: _Incoming, stored: _Stored | None, source: str) -> bool:
    if stored is None:
        return True
    if stored.source == Source.LIVE != source or incoming.record.platform_updated_at < stored.platform_updated_at:
        return False
    return incoming.content_hash != stored.content_hash or source != stored.source


def _stored_values(platform: Platform, external_ids: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    wanted = list(external_ids)
    if not wanted:
        return {}
    rows = Order.objects.filter(platform=platform, external_id__in=wanted).order_by()
    return {row[0]: row[1:] for row in rows.values_list("external_id", *REPORTED)}


def _merged(new: tuple[Any, ...], stored: tuple[Any, ...] | None) -> list[Any]:
    """`new` with the gaps filled from `stored`, and from the defaults where there is nothing stored."""
    merged = list(new)
    if stored is not None:
        for position, value in enumerate(new):
            if value is None or value == "":
                merged[position] = stored[position]
    merged[0] = merged[0] or Order.Status.UNKNOWN.value
    merged[-1] = bool(merged[-1])
    return merged


def _new_ids(platform: Platform, external_ids: list[str]) -> dict[str, int]:
    rows = Order.objects.filter(platform=platform, external_id__in=external_ids).order_by()
    return dict(rows.values_list("external_id", "id"))


def _replace_items(items_of: dict[int, tuple[OrderItemRecord, ...]], changed: set[int | None]) -> None:
    """Write the lines of each order id; of the changed orders, remove those that vanished."""
    stored: dict[tuple[int, str], tuple[Any, ...]] = {}
    if changed:
        rows = OrderItem.objects.filter(order_id__in=changed).order_by()
        stored = {(row[0], row[1]): row[2:] for row in rows.values_list("order_id", "external_id", "id", *ITEM_REPORTED)}
    written = []
    for order_id, items in items_of.items():
        for item in items:
            external_id, *values = _item_values(item)
            before = stored.pop((order_id, external_id), None)
            if before is not None:
                values = [
                    old if new is None or new == "" else new for new, old in zip(values, before[1:], strict=True)
                ]
            written.append((order_id, external_id, *values))
    _write_items(written)
    if stored:
        OrderItem.objects.filter(pk__in=[row[0] for row in stored.values()]).delete()


def _write_buyers(records: dict[int, OrderRecord], now: datetime) -> None:
    """Store buyer data that may still be kept; a value that is missing now does not delete a stored one."""
    wanted = {order_id: record for order_id, record in records.items() if record.buyer}
    stored = {buyer.order_id: buyer.data for buyer in OrderBuyer.objects.filter(order_id__in=wanted)}
    rows = []
    for order_id, record in wanted.items():
        purge_after = (record.deliver_by or record.platform_updated_at) + BUYER_DATA_LIFETIME
        if purge_after > now and record.buyer:
            data = SecretDict({**stored.get(order_id, {}), **_present(record.buyer)})
            rows.append(OrderBuyer(order_id=order_id, data=data, purge_after=purge_after))
    OrderBuyer.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["data", "purge_after"], unique_fields=_buyer_key()
    )


def _buyer_key() -> list[str] | None:
    """The conflict target, which MySQL neither needs nor takes."""
    from django.db import connection

    return ["order"] if connection.features.supports_update_conflicts_with_target else None


def _present(buyer: BuyerRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(buyer).items() if value}
