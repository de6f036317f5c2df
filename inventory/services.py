"""Makes our stock equal to a platform's. Safe to repeat: the same records twice change nothing."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from core.database.bulk import BulkFind, BulkUpsert
from core.outcome import Outcome
from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from platforms.models import Platform, Source

# The key of a row within a platform, and what a record says about it.
KEY = ("marketplace_id", "sku", "fnsku")
REPORTED = tuple(field.name for field in fields(InventoryRecord) if field.name not in KEY)
QUANTITIES = ("total", "available", "reserved", "inbound", "unfulfillable", "researching")
Key = tuple[str, str, str]
_values_of = attrgetter(*REPORTED)

_UPDATED = REPORTED.index("platform_updated_at")

_find = BulkFind(InventoryItem, fields=(*KEY, "id", "content_hash", "source"), within="platform", by="sku")
_write = BulkUpsert(
    InventoryItem,
    fields=("platform", *KEY, *REPORTED, "source", "content_hash", "synced_at", "gone_at"),
    unique=("platform", *KEY),
)


class _Stored(NamedTuple):
    """What decides at first sight whether a record is news."""

    id: int
    content_hash: str
    source: str


@transaction.atomic
def upsert_inventory(*, platform: Platform, records: Sequence[InventoryRecord], source: str) -> Outcome:
    """Store `records`, all or none of them, in a fixed number of queries.

    Records that are older than the stored row, or equal to it, change nothing; mock and sandbox never replace live,
    and live takes nothing over from them. Raises django.db.DatabaseError, ValueError or OverflowError where a value
    does not fit.
    """
    incoming = {key_of(record): _values_of(record) for record in records}
    hashes = {key: _hash(key, values) for key, values in incoming.items()}
    known = _known(platform, incoming)
    differing = [key for key in incoming if _differs(hashes[key], known.get(key), source)]
    stored = _stored_values(
        [known[key].id for key in differing if key in known and known[key].source == source]
    )
    rows, outcome, now = [], Outcome(), timezone.now()
    for key in differing:
        values, before = incoming[key], stored.get(key)
        if before:
            if _is_older(values, before):
                continue
            values = tuple(old if _missing(new) else new for new, old in zip(values, before, strict=True))
            outcome.updated += 1
        else:
            outcome.created += 1
        rows.append((platform.pk, *key, *values, source, hashes[key], now, None))
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
    gone = [
        pk for pk, *key in present.order_by().values_list("pk", *KEY).iterator() if tuple(key) not in seen
    ]
    now = timezone.now()
    for start in range(0, len(gone), 500):
        # Without a hash, the row counts as changed when its SKU comes back.
        InventoryItem.objects.filter(pk__in=gone[start : start + 500]).update(
            gone_at=now, synced_at=now, content_hash="", **dict.fromkeys(QUANTITIES, 0)
        )
    return len(gone)


def delete_inventory(*, platform: Platform, sources: Iterable[str]) -> int:
    """Delete a platform's stock rows of these sources. Returns how many there were."""
    doomed = InventoryItem.objects.filter(platform=platform, source__in=list(sources))
    return doomed.delete()[0] if doomed.exists() else 0  # nearly always there are none


def key_of(record: InventoryRecord) -> Key:
    return record.marketplace_id, record.sku, record.fnsku


def _known(platform: Platform, keys: Collection[Key]) -> dict[Key, _Stored]:
    """Those of the rows that are stored; of the same SKUs there may be more, in other marketplaces."""
    rows = _find(platform.pk, list({sku for _, sku, _ in keys}))
    return {(marketplace_id, sku, fnsku): _Stored(*rest) for marketplace_id, sku, fnsku, *rest in rows}


def _differs(content_hash: str, known: _Stored | None, source: str) -> bool:
    if known is None:
        return True
    if known.source == Source.LIVE != source:
        return False
    return content_hash != known.content_hash or source != known.source


def _is_older(values: tuple[Any, ...], stored: tuple[Any, ...]) -> bool:
    updated, known_since = values[_UPDATED], stored[_UPDATED]
    return bool(updated and known_since and updated < known_since)


def _stored_values(ids: Collection[int]) -> dict[Key, tuple[Any, ...]]:
    """What is stored in these rows, in the order of REPORTED."""
    if not ids:
        return {}
    rows = InventoryItem.objects.filter(pk__in=ids).order_by().values_list(*KEY, *REPORTED)
    return {row[:3]: row[3:] for row in rows}


def _hash(key: Key, values: tuple[Any, ...]) -> str:
    return hashlib.blake2b(repr((key, values)).encode(), digest_size=32).hexdigest()


def _missing(value: Any) -> bool:
    return value is None or value == ""
