"""Makes our orders equal to a platform's. Safe to repeat: the same records twice change nothing."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.database.bulk import BulkFind, BulkUpsert
from core.encryption import SecretDict
from core.outcome import Outcome
from orders.changes import Change, line_changes, order_changes
from orders.lines import ITEM_REPORTED, item_values_of, merged, replace_items, stored_lines
from orders.models import Order, OrderBuyer, OrderChange, OrderItem
from orders.records import BuyerRecord, OrderRecord
from platforms.models import Platform, Source

# Amazon's Data Protection Policy: personal data is kept for at most 30 days after delivery.
BUYER_DATA_LIFETIME = timedelta(days=30)

# What a record says about an order. A missing value does not replace a stored one.
REPORTED = (
    "status", "platform_status", "purchased_at", "platform_updated_at", "marketplace_id", "fulfilled_by",
    "service_level", "ship_by", "deliver_by", "currency", "total", "programs", "replaced_order_id",
    "buyer_requested_cancellation",
)  # fmt: skip
_values_of = attrgetter(*REPORTED)
_STATUS, _UPDATED = REPORTED.index("status"), REPORTED.index("platform_updated_at")
_PROGRAMS, _CANCELLATION = REPORTED.index("programs"), REPORTED.index("buyer_requested_cancellation")

_find_orders = BulkFind(
    Order, fields=("external_id", "id", "content_hash", "source"), within="platform", by="external_id"
)

_write_orders = BulkUpsert(
    Order,
    fields=("platform", "external_id", *REPORTED, "source", "payload", "content_hash", "synced_at"),
    unique=("platform", "external_id"),
)


class _Stored(NamedTuple):
    """What decides at first sight whether a record is news."""

    id: int
    content_hash: str
    source: str


class _Incoming(NamedTuple):
    external_id: str
    record: OrderRecord
    values: tuple[Any, ...]  # in the order of REPORTED
    payload: bytes  # JSON
    content_hash: str


@transaction.atomic
def upsert_orders(
    *, platform: Platform, records: Sequence[OrderRecord], source: str, sync_log_id: int | None = None
) -> Outcome:
    """Store `records`, all or none of them, in a fixed number of queries. `sync_log_id` says on whose behalf.

    1. Find out which are news: equal records change nothing, and mock or sandbox never replaces live; where live
       replaces one of these, nothing of it stays.
    2. Of the changed orders, read what is stored: it fills the gaps, and drops records that are older.
    3. Write orders, then items; remove lines that are no longer part of their order.
    4. Note what changed in orders that were stored already; write buyer data where the platform row asks for it.

    Raises django.db.DatabaseError, ValueError or OverflowError where a value does not fit.
    """
    hasher = _hasher()
    incoming = [
        _incoming(record, hasher.copy(), with_buyer=platform.include_pii) for record in _newest(records)
    ]
    known = _known(platform, incoming)
    differing = [each for each in incoming if _differs(each, known.get(each.external_id), source)]
    supplanted = [known.pop(each.external_id).id for each in differing if _is_of_other(each, known, source)]
    if supplanted:
        _delete(Order.objects.filter(pk__in=supplanted))
    stored = _stored_values(platform, [each.external_id for each in differing if each.external_id in known])
    news = [each for each in differing if not _is_older(each, stored.get(each.external_id))]
    if not news:
        return Outcome(unchanged=len(records))
    now = timezone.now()
    _write_orders(
        [
            (
                platform.pk,
                each.external_id,
                *_columns(each.values, stored.get(each.external_id)),
                source,
                each.payload.decode(),
                each.content_hash,
                now,
            )
            for each in news
        ]
    )
    new = [each for each in news if each.external_id not in known]
    ids = {key: each.id for key, each in (known | _known(platform, new)).items()}
    changed = {ids[each.external_id] for each in news if each.external_id in known}
    lines = replace_items({ids[each.external_id]: each.record.items for each in news}, changed)
    _note_changes(
        [
            (ids[each.external_id], each, stored[each.external_id])
            for each in news
            if each.external_id in stored
        ],
        lines,
        OrderChange(sync_log_id=sync_log_id, changed_at=now),
    )
    if platform.include_pii:
        _write_buyers({ids[each.external_id]: each.record for each in news}, now)
    return Outcome(len(new), len(changed), len(records) - len(news))


def changes_by(*, platform: Platform, record: OrderRecord) -> list[Change] | None:
    """What storing `record` would change; None where no such order is stored. Writes nothing.

    Nothing, where the stored copy is newer.
    """
    stored = _stored_values(platform, [record.external_id]).get(record.external_id)
    if stored is None:
        return None
    values = _values_of(record)
    if values[_UPDATED] < stored[_UPDATED]:
        return []
    lines = stored_lines(platform.pk, record.external_id)
    incoming = {item.external_id: item_values_of(item)[1:] for item in record.items}
    filled = {key: merged(new, lines[key]) if key in lines else new for key, new in incoming.items()}
    of_order = order_changes(REPORTED, stored, merged(values, stored))
    return of_order + (line_changes(ITEM_REPORTED, lines, filled) if filled else [])


def delete_orders(*, platform: Platform, sources: Iterable[str]) -> int:
    """Delete a platform's orders of these sources, with items and buyer data. Returns how many orders there were."""
    return _delete(Order.objects.filter(platform=platform, source__in=list(sources)))


def _delete(doomed: QuerySet[Order]) -> int:
    if not doomed.exists():  # nearly always
        return 0
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


def _incoming(record: OrderRecord, hasher: "hashlib.blake2b", *, with_buyer: bool) -> _Incoming:
    """The record as values, with the hash of all that could be stored of it."""
    values = _values_of(record)
    payload = _json(record.payload)
    items = [item_values_of(item) for item in record.items]
    hasher.update(_json((values, items, record.buyer if with_buyer else None)))
    hasher.update(payload)
    return _Incoming(record.external_id, record, values, payload, hasher.hexdigest())


def _hasher() -> "hashlib.blake2b":
    """Keyed, so that no one can guess personal data from the hash."""
    return hashlib.blake2b(digest_size=32, key=settings.SECRET_KEY.encode()[:64])


def _json(value: Any) -> bytes:
    """Making JSON is the largest part of the work on a page, and orjson takes a tenth of the time of json."""
    try:
        return orjson.dumps(value, default=str)
    except TypeError:  # an integer of more than 64 bits; half a surrogate pair, which ends as ValueError
        return json.dumps(value, default=str, ensure_ascii=False).encode()


def _known(platform: Platform, incoming: Sequence[_Incoming]) -> dict[str, _Stored]:
    """Those of the orders that are stored, by their external id."""
    rows = _find_orders(platform.pk, [each.external_id for each in incoming])
    return {external_id: _Stored(*rest) for external_id, *rest in rows}


def _differs(incoming: _Incoming, known: _Stored | None, source: str) -> bool:
    if known is None:
        return True
    if known.source == Source.LIVE != source:
        return False
    return incoming.content_hash != known.content_hash or source != known.source


def _is_of_other(incoming: _Incoming, known: dict[str, _Stored], source: str) -> bool:
    return incoming.external_id in known and known[incoming.external_id].source != source


def _is_older(incoming: _Incoming, stored: tuple[Any, ...] | None) -> bool:
    return stored is not None and bool(incoming.values[_UPDATED] < stored[_UPDATED])


def _stored_values(platform: Platform, external_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """What is stored of these orders, in the order of REPORTED."""
    if not external_ids:
        return {}
    rows = Order.objects.filter(platform=platform, external_id__in=external_ids).order_by()
    return {row[0]: row[1:] for row in rows.values_list("external_id", *REPORTED)}


def _columns(new: tuple[Any, ...], stored: tuple[Any, ...] | None) -> list[Any]:
    """`new` as columns, its gaps filled from `stored`, and from the defaults where there is nothing stored."""
    values = list(new) if stored is None else merged(new, stored)
    values[_STATUS] = values[_STATUS] or Order.Status.UNKNOWN.value
    values[_PROGRAMS] = _json(values[_PROGRAMS]).decode()
    values[_CANCELLATION] = bool(values[_CANCELLATION])
    return values


def _note_changes(
    news: Sequence[tuple[int, _Incoming, tuple[Any, ...]]],
    lines: dict[int, list[Change]],
    common: OrderChange,
) -> None:
    """One row of the timeline for each order that was stored already; `common` has what is the same in all."""
    OrderChange.objects.bulk_create(
        OrderChange(
            order_id=order_id,
            sync_log_id=common.sync_log_id,
            changed_at=common.changed_at,
            platform_updated_at=each.values[_UPDATED],
            changes=order_changes(REPORTED, stored, merged(each.values, stored)) + lines.get(order_id, []),
        )
        for order_id, each, stored in news
    )


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
    return ["order"] if connection.features.supports_update_conflicts_with_target else None


def _present(buyer: BuyerRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(buyer).items() if value}
