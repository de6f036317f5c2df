"""Makes our stock equal to a platform's. Safe to repeat: the same records twice change nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.outcome import Outcome
from core.text import is_storable
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
def upsert_inventory(
    *,
    platform: Platform,
    records: Sequence[InventoryRecord],
    source: str,
    repeated: Collection[Key] | None = None,
) -> Outcome:
    """Store `records`, all or none of them, in a fixed number of queries.

    Records that are older than the stored row, or equal to it, change nothing; mock and sandbox never replace live,
    and live takes nothing over from them. `repeated` has the keys that the same sweep has listed before: given these,
    all other records are the state of now, however old they say they are. Raises django.db.DatabaseError where
    a value does not fit.
    """
    incoming = [_stock.incoming_of(record) for record in records]
    batch = _stock.compare(platform.pk, incoming, source, guarded=repeated)
    _stock.refresh(batch)
    _stock.write(platform.pk, batch, source, timezone.now())
    return batch.outcome()


def mark_gone(
    *,
    platform: Platform,
    marketplace_id: str,
    source: str,
    seen: Collection[Key],
    spare: Collection[str] = (),
) -> int:
    """After a complete sweep of one marketplace: rows that were not listed are gone, with nothing in stock. `spare` are
    SKUs that were listed, but could not be read.

    Returns the number of these rows.
    """
    present = InventoryItem.objects.filter(
        platform=platform, marketplace_id=marketplace_id, source=source, gone_at__isnull=True
    ).exclude(sku__in=list(filter(is_storable, spare)))
    return _mark_gone(present, seen)


def mark_replaced(*, platform: Platform, source: str, records: Collection[InventoryRecord]) -> int:
    """After SKUs were asked for by name: `records` are all rows that the platform lists of them, so other rows of
    these SKUs in the same marketplaces are gone, as after a change of the FNSKU. Returns the number of these rows."""
    skus = defaultdict(set)
    for record in records:
        skus[record.marketplace_id].add(record.sku)
    seen = {key_of(record) for record in records}
    rows = InventoryItem.objects.filter(platform=platform, source=source, gone_at__isnull=True)
    return sum(
        _mark_gone(rows.filter(marketplace_id=marketplace_id, sku__in=list(filter(is_storable, names))), seen)
        for marketplace_id, names in skus.items()
    )


def _mark_gone(present: QuerySet[InventoryItem], seen: Collection[Key]) -> int:
    rows = present.order_by().values_list("pk", *KEY).iterator()
    gone = [pk for pk, *key in rows if tuple(key) not in seen]
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
