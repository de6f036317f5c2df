"""Makes our stock equal to a platform's. Safe to repeat: the same records twice change nothing."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, fields
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from oms.bulk import BulkUpsert
from oms.outcome import Outcome
from platforms.models import Platform, Source

# The key of a row within a platform, and what a record says about it.
KEY = ("marketplace_id", "sku", "fnsku")
REPORTED = tuple(field.name for field in fields(InventoryRecord) if field.name not in KEY)
QUANTITIES = ("total", "available", "reserved", "inbound", "unfulfillable", "researching")
Key = tuple[str, str, str]

_write = BulkUpsert(
    InventoryItem,
    fields=("platform", *KEY, *REPORTED, "source", "content_hash", "synced_at", "gone_at"),
    unique=("platform", *KEY),
)


class _Stored(NamedTuple):
    content_hash: str
    source: str
    gone_at: datetime | None
    values: tuple[Any, ...]  # in the order of REPORTED


@transaction.atomic
def upsert_inventory(*, platform: Platform, records: Sequence[InventoryRecord], source: str) -> Outcome:
    """Store `records`, all or none of them, in a fixed number of queries.

    Records that are older than the stored row, or equal to it, change nothing; mock and sandbox never replace live.
    Raises django.db.DatabaseError, ValueError or OverflowError where a value does not fit.
    """
    incoming = {key_of(record): record for record in records}
    stored = _stored_rows(platform, incoming)
    rows, outcome, now = [], Outcome(), timezone.now()
    for key, record in incoming.items():
        content_hash = _hash(record)
        before = stored.get(key)
        if before and not _is_news(record, content_hash, before, source):
            continue
        values = [getattr(record, name) for name in REPORTED]
        if before:
            outcome.updated += 1
            values = [old if _missing(new) else new for new, old in zip(values, before.values, strict=True)]
        else:
            outcome.created += 1
        rows.append((platform.pk, *key, *values, source, content_hash, now, None))
    _write(rows)
    outcome.unchanged = len(records) - len(rows)
    return outcome


def mark_gone(*, platform: Platform, marketplace_id: str, source: str, seen: Collection[Key]) -> int:
    """After a complete sweep of one marketplace: rows that were not listed are gone, with nothing in stock.

    Returns how many rows that concerned.
    """
    present = InventoryItem.objects.filter(
        platform=platform, marketplace_id=marketplace_id, source=source, gone_at__isnull=True
    )
    gone = [pk for pk, *key in present.order_by().values_list("pk", *KEY).iterator() if tuple(key) not in seen]
    now = timezone.now()
    for start in range(0, len(gone), 500):
        # Without a hash, the row counts as changed when its SKU comes back.
        InventoryItem.objects.filter(pk__in=gone[start : start + 500]).update(
            gone_at=now, synced_at=now, content_hash="", **dict.fromkeys(QUANTITIES, 0)
        )
    return len(gone)


def delete_inventory(*, platform: Platform, sources: Iterable[str]) -> int:
    """Delete a platform's stock rows of these sources. Returns how many there were."""
    return InventoryItem.objects.filter(platform=platform, source__in=list(sources)).delete()[0]


def key_of(record: InventoryRecord) -> Key:
    return record.marketplace_id, record.sku, record.fnsku


def _stored_rows(platform: Platform, keys: Collection[Key]) -> dict[Key, _Stored]:
    rows = (
        InventoryItem.objects.select_for_update()
        .filter(
            platform=platform,
            marketplace_id__in={marketplace_id for marketplace_id, _, _ in keys},
            sku__in={sku for _, sku, _ in keys},
        )
        .order_by()
        .values_list(*KEY, "content_hash", "source", "gone_at", *REPORTED)
    )
    return {row[:3]: _Stored(*row[3:6], row[6:]) for row in rows}


def _is_news(record: InventoryRecord, content_hash: str, stored: _Stored, source: str) -> bool:
    if stored.source == Source.LIVE != source:
        return False
    if content_hash == stored.content_hash and source == stored.source and stored.gone_at is None:
        return False
    known_since: datetime | None = stored.values[REPORTED.index("platform_updated_at")]
    updated = record.platform_updated_at
    return not (known_since and updated and updated < known_since)


def _hash(record: InventoryRecord) -> str:
    return hashlib.blake2b(repr(astuple(record)).encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


def _missing(value: Any) -> bool:
    return value is None or value == ""
