"""Makes our stock equal to a platform's. Safe to repeat: the same records twice change nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.outcome import Outcome
from core.text import is_storable
from core.upsert import Batch, RecordTable
from feed.models import Change
from feed.recording import Changed, add_changes
from inventory.levels import add_low_stock, levels_of
from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from platforms.locks import hold_platform
from platforms.models import Platform, Source

# The key of a row within a platform.
KEY = ("marketplace_id", "sku", "fnsku")
QUANTITIES = ("total", "available", "reserved", "inbound", "unfulfillable", "researching")
_SKU = KEY.index("sku")
Key = tuple[str, str, str]

# What is listed is not gone.
_stock = RecordTable(
    InventoryItem,
    InventoryRecord,
    key=KEY,
    find_by=("marketplace_id", "sku"),
    live=Source.LIVE,
    constants={"gone_at": None},
)
REPORTED = _stock.reported
WRITTEN_AT_ONCE = 500  # rows, in one statement


@transaction.atomic(savepoint=False)  # callers that go on after a failure have a savepoint of their own
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
    if records:
        hold_platform(platform.pk)
    batch = _stock.compare(platform.pk, incoming, source, guarded=repeated)
    _stock.refresh(batch)
    if batch.news:
        before = levels_of(item.pk for item in batch.changed)
        _stock.write(platform.pk, batch, source, timezone.now())
        _stock.fetch_ids(platform.pk, batch)
        _add_to_feed(platform.pk, batch, before)
    return batch.outcome()


@transaction.atomic(savepoint=False)
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
    hold_platform(platform.pk)
    present = InventoryItem.objects.filter(
        platform=platform, marketplace_id=marketplace_id, source=source, gone_at__isnull=True
    ).exclude(sku__in=list(filter(is_storable, spare)))
    return _mark_gone(platform.pk, present, seen)


@transaction.atomic(savepoint=False)
def mark_replaced(*, platform: Platform, source: str, records: Collection[InventoryRecord]) -> int:
    """After SKUs were asked for by name: `records` are all rows that the platform lists of them, so other rows of
    these SKUs in the same marketplaces are gone, as after a change of the FNSKU. Returns the number of these rows."""
    hold_platform(platform.pk)
    skus = defaultdict(set)
    for record in records:
        skus[record.marketplace_id].add(record.sku)
    seen = {key_of(record) for record in records}
    rows = InventoryItem.objects.filter(platform=platform, source=source, gone_at__isnull=True)
    return sum(
        _mark_gone(
            platform.pk,
            rows.filter(marketplace_id=marketplace_id, sku__in=list(filter(is_storable, names))),
            seen,
        )
        for marketplace_id, names in skus.items()
    )


@transaction.atomic(savepoint=False)
def mark_unlisted(*, platform: Platform, marketplace_id: str, source: str, skus: Collection[str]) -> int:
    """After the platform said, asked for these SKUs by name, that it lists none of them in this marketplace. Returns
    the number of rows that are gone."""
    hold_platform(platform.pk)
    rows = InventoryItem.objects.filter(platform=platform, marketplace_id=marketplace_id, source=source)
    return _mark_gone(platform.pk, rows.filter(gone_at__isnull=True, sku__in=list(skus)), ())


def _mark_gone(platform_id: int, present: QuerySet[InventoryItem], seen: Collection[Key]) -> int:
    """Of one platform, in a transaction that holds it."""
    rows = present.order_by().values_list("pk", *KEY).iterator()
    gone = [(pk, key) for pk, *key in rows if tuple(key) not in seen]
    now = timezone.now()
    for start in range(0, len(gone), WRITTEN_AT_ONCE):
        some = gone[start : start + WRITTEN_AT_ONCE]
        # Without a hash, the row is compared with its record when its SKU comes back.
        InventoryItem.objects.filter(pk__in=[pk for pk, _ in some]).update(
            gone_at=now, synced_at=now, content_hash="", details={}, **dict.fromkeys(QUANTITIES, 0)
        )
        told = [Changed(pk, key[_SKU], ("gone_at", *QUANTITIES)) for pk, key in some]
        add_changes(Change.Kind.STOCK_GONE, platform_id, told)
    return len(gone)


def delete_inventory(*, platform: Platform, sources: Iterable[str]) -> int:
    """Delete a platform's stock rows of these sources. Returns how many there were."""
    doomed = InventoryItem.objects.filter(platform=platform, source__in=list(sources))
    if not doomed.exists():  # nearly always
        return 0
    with transaction.atomic():
        hold_platform(platform.pk)
        # Those that the change feed tells of, and no others that come meanwhile.
        told = [Changed(pk, sku) for pk, sku in doomed.order_by("pk").values_list("pk", "sku")]
        add_changes(Change.Kind.STOCK_DELETED, platform.pk, told)
        for start in range(0, len(told), WRITTEN_AT_ONCE):
            ids = [each.object_id for each in told[start : start + WRITTEN_AT_ONCE]]
            InventoryItem.objects.filter(pk__in=ids).delete()
    return len(told)


def key_of(record: InventoryRecord) -> Key:
    return record.marketplace_id, record.sku, record.fnsku


def _add_to_feed(platform_id: int, batch: Batch[InventoryRecord], before: Mapping[int, int]) -> None:
    """What became different, for the change feed. `before` has the levels of the changed rows."""
    replaced = set(batch.replaced)  # rows of another source, which live ones take over
    created = [item for item in batch.new if item.pk not in replaced]
    add_changes(
        Change.Kind.STOCK_CREATED, platform_id, [Changed(item.pk, item.key[_SKU]) for item in created]
    )
    changed = [
        Changed(item.pk, item.key[_SKU], ("source", *REPORTED)) for item in batch.new if item.pk in replaced
    ]
    for item in batch.changed:
        fields = [REPORTED[at] for at in _stock.columns.differing(item.merged, item.stored)]
        changed.append(Changed(item.pk, item.key[_SKU], [*fields, "gone_at"] if item.is_back else fields))
    add_changes(Change.Kind.STOCK_UPDATED, platform_id, changed)
    add_low_stock(platform_id, before)
