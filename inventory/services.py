"""Makes our stock equal to a platform's. Safe to repeat: the same records twice change nothing."""

from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from core.outcome import Outcome
from core.upsert import RecordTable
from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from platforms.models import Platform, Source

# The key of a row within a platform.
KEY = ("marketplace_id", "sku", "fnsku")
QUANTITIES = ("total", "available", "reserved", "inbound", "unfulfillable", "researching")
Key = tuple[str, str, str]

# What is listed is not gone.
_stock = RecordTable(
    InventoryItem, InventoryRecord, key=KEY, find_by="sku", live=Source.LIVE, constants={"gone_at": None}
)
REPORTED = _stock.reported


@transaction.atomic
def upsert_inventory(*, platform: Platform, records: Sequence[InventoryRecord], source: str) -> Outcome:
    """Store `records`, all or none of them, in a fixed number of queries.

    Records that are older than the stored row, or equal to it, change nothing; mock and sandbox never replace live,
    and live takes nothing over from them. Raises django.db.DatabaseError where a value does not fit.
    """
    incoming = [_stock.incoming_of(record) for record in records]
    batch = _stock.compare(platform.pk, incoming, source)
    _stock.refresh(batch)
    _stock.write(platform.pk, batch, source, timezone.now())
    return batch.outcome()


def mark_gone(*, platform: Platform, marketplace_id: str, source: str, seen: Collection[Key]) -> int:
    """After a complete sweep of one marketplace: rows that were not listed are gone, with nothing in stock.

    Returns the number of these rows.
    """
    present = InventoryItem.objects.filter(
        platform=platform, marketplace_id=marketplace_id, source=source, gone_at__isnull=True
    )
    gone = [
        pk for pk, *key in present.order_by().values_list("pk", *KEY).iterator() if tuple(key) not in seen
    ]
    now = timezone.now()
    for start in range(0, len(gone), 500):
        # Without a hash, the row is compared with its record when its SKU comes back.
        InventoryItem.objects.filter(pk__in=gone[start : start + 500]).update(
            gone_at=now, synced_at=now, content_hash="", details={}, **dict.fromkeys(QUANTITIES, 0)
        )
    return len(gone)


def delete_inventory(*, platform: Platform, sources: Iterable[str]) -> int:
    """Delete a platform's stock rows of these sources. Returns how many there were."""
    doomed = InventoryItem.objects.filter(platform=platform, source__in=list(sources))
    return doomed.delete()[0] if doomed.exists() else 0  # nearly always there are none


def key_of(record: InventoryRecord) -> Key:
    return record.marketplace_id, record.sku, record.fnsku
