"""Stock as it is stored, in the form that is compared. Live rows only."""

from collections.abc import Collection, Iterator
from datetime import datetime

from integrations.completeness.stock.comparison import StoredRow
from integrations.completeness.stock.records import FIELDS, of_stored
from integrations.models import SyncLog
from inventory.models import InventoryItem, InventoryQuerySet
from platforms.models import Platform, Source

AT_ONCE = 500  # rows in a query
LOOKED_THROUGH = 50  # syncs
COLUMNS = ("sku", "fnsku", "gone_at", "details", "platform_updated_at", *FIELDS)


def stored_by_sku(platform: Platform, site: str, skus: Collection[str]) -> dict[str, list[StoredRow]]:
    """The rows of these SKUs in one marketplace, those that are gone included; in one query."""
    return _by_sku(_rows(platform, site).filter(sku__in=list(skus)))


def stored_by_fnsku(platform: Platform, site: str, fnskus: Collection[str]) -> dict[str, list[StoredRow]]:
    """All rows of the SKUs that have one of these FNSKUs, by SKU."""
    own = list(_rows(platform, site).filter(fnsku__in=list(fnskus)).values_list("sku", flat=True))
    return stored_by_sku(platform, site, own) if own else {}


def listed_rows(platform: Platform, site: str) -> Iterator[list[StoredRow]]:
    """The rows that are stored as listed, some at a time."""
    rows = _rows(platform, site).filter(gone_at=None).order_by("pk")
    last = 0
    while found := list(rows.filter(pk__gt=last).values_list("pk", *COLUMNS)[:AT_ONCE]):
        last = found[-1][0]
        yield [_row(*values) for _, *values in found]


def has_listed(platform: Platform, site: str) -> bool:
    return _rows(platform, site).filter(gone_at=None).exists()


def swept_at(platform: Platform, site: str) -> datetime | None:
    """When the last complete sweep of this marketplace began; None where none is known."""
    sweep = last_sweep(platform, site)
    return None if sweep is None else sweep.started_at


def last_sweep(platform: Platform, site: str) -> SyncLog | None:
    """The last sync that read all stock of this marketplace."""
    logs = SyncLog.objects.filter(
        platform=platform, kind=SyncLog.Kind.INVENTORY, source=Source.LIVE, status__in=SyncLog.GOOD
    )
    for log in logs.exclude(started_at=None).order_by("-pk")[:LOOKED_THROUGH]:
        if not log.skus and site not in log.checkpoint.get("unread", ()):
            return log
    return None


def _rows(platform: Platform, site: str) -> InventoryQuerySet:
    return InventoryItem.objects.filter(platform=platform, marketplace_id=site, source=Source.LIVE)


def _by_sku(rows: InventoryQuerySet) -> dict[str, list[StoredRow]]:
    found: dict[str, list[StoredRow]] = {}
    for values in rows.order_by("pk").values_list(*COLUMNS):
        row = _row(*values)
        found.setdefault(row.sku, []).append(row)
    return found


def _row(
    sku: str, fnsku: str, gone_at: datetime | None, details: dict[str, dict[str, int]] | None,
    updated_at: datetime | None, *quantities: int | None,
) -> StoredRow:  # fmt: skip
    return StoredRow(
        sku=sku,
        fnsku=fnsku,
        quantities=of_stored(dict(zip(FIELDS, quantities, strict=True)), details, updated_at),
        is_gone=gone_at is not None,
    )
