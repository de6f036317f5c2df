"""The stream of stock: read completely, marketplace by marketplace; SKUs that a complete sweep did not list are
gone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.outcome import Outcome
from core.upsert import ABSENT
from integrations.models import AuditFinding, StockFinding, SyncLog
from integrations.protocol import Adapter, Checkpoint, Note, RecordFailure, StockPage
from integrations.sync import parts
from integrations.sync.streams.base import Progress, Stream
from integrations.sync.streams.stock_doubts import StockDoubts
from integrations.sync.streams.unreadable import UnreadableRows
from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from inventory.services import Key, delete_inventory, key_of, mark_gone, mark_replaced, upsert_inventory
from platforms.models import Platform

SPARED_FOR = timedelta(days=7)


class SweepProgress(Progress[StockPage]):
    """Knows which SKUs the sweep of the current marketplace has listed.

    A complete sweep is one moment, later than all that is stored: times count only between rows that it lists twice.
    """

    def __init__(self, log: SyncLog, adapter: Adapter) -> None:
        super().__init__(log, adapter)
        self.seen: set[Key] = set()
        self.repeated: set[Key] = set()  # those of the last page that were listed before
        self.unreadable = UnreadableRows()
        self.doubts = StockDoubts(log, self.source)

    def pages(self) -> Iterator[StockPage]:
        left_out = {} if self.log.skus else parts.left_out(self.log.platform, self._state)
        yield from self.adapter.inventory_pages(self.log.skus, self.start, left_out=left_out)
        self.doubts.raise_for_all()

    def take(self, page: StockPage) -> None:
        if page.restarted:
            self.seen, self.unreadable = set(), UnreadableRows()
        self.unread -= self.doubts.without_stock(page.unread, self._state)
        self.repeated = set()
        for key in map(key_of, page.records):
            (self.repeated if key in self.seen else self.seen).add(key)
        self.unreadable.add(page.failures)
        if self.log.skus and page.absent is None and not page.unread:
            self.doubts.has_read = True
        if page.absent is not None and not self.doubts.is_absent(page.absent):
            self.unread.add(page.absent.part)
        if page.swept is not None and not self.doubts.is_swept(page.swept, is_empty=self.is_empty):
            self.unread.add(page.swept)

    @property
    def is_empty(self) -> bool:
        """Whether the list of the current marketplace has no row so far."""
        return not (self.seen or self.unreadable)

    def remembered(self) -> Checkpoint:
        return self.doubts.remembered()

    def store(self, stream: Stream[Any, StockPage], records: Sequence[Any]) -> Outcome:
        return upsert_inventory(
            platform=self.log.platform, records=records, source=self.source, repeated=self.repeated
        )

    def after_page(self, page: StockPage) -> None:
        """Only a sweep that was read from its first page to its last may mark unlisted SKUs as gone; a page of SKUs by
        name has all their rows, unless one could not be read."""
        if self.log.skus:
            unread = {failure.external_id for failure in page.failures}
            whole = [
                record
                for record in page.records
                if record.sku not in unread and record.marketplace_id not in page.unread
            ]
            if "" not in unread:
                mark_replaced(platform=self.log.platform, source=self.source, records=whole)
        elif page.swept in self.unread:
            return
        elif page.swept is not None and self.unreadable.let_decide(self.log, page.swept):
            mark_gone(
                platform=self.log.platform,
                marketplace_id=page.swept,
                source=self.source,
                seen=self.seen,
                spare=self.unreadable.skus | self._found_by_name(page.swept),
            )

    def _found_by_name(self, place: str) -> set[str]:
        """SKUs that no sweep lists, although the platform keeps stock of them: an audit found them in its list of
        stock, and by their names. The next audit reads them again."""
        found = StockFinding.objects.filter(
            audit__platform=self.log.platform,
            audit__queued_at__gte=timezone.now() - SPARED_FOR,
            marketplace_id=place,
            kind=StockFinding.Kind.MISSING,
            outcome=AuditFinding.Outcome.HEALED,
        )
        return set(found.values_list("sku", flat=True))

    def take_notes(self) -> tuple[Note, ...]:
        return self.unreadable.take_notes() + self.doubts.take_notes()


class InventoryStream(Stream[InventoryRecord, StockPage]):
    name = "inventory"
    label = _("inventory")
    default_interval = 60
    # A try that fails takes one call or a few, of which a platform usually grants thousands an hour. So this stream
    # finds out for all when a platform that was down is back (schedule/due.py).
    longest_pause = timedelta(hours=1)
    without_window = _("stock as of now")
    model = InventoryItem

    def counted(self, count: int, shown: str) -> str:
        return ngettext("%(count)s SKU", "%(count)s SKUs", count) % {"count": shown}

    def progress(self, log: SyncLog, adapter: Adapter) -> SweepProgress:
        return SweepProgress(log, adapter)

    def fetch(
        self, adapter: Adapter, external_id: str
    ) -> tuple[Sequence[InventoryRecord], Sequence[RecordFailure]]:
        """The SKU's rows in all marketplaces."""
        pages = list(adapter.inventory_pages([external_id], {}))
        records = [record for page in pages for record in page.records]
        return records, [failure for page in pages for failure in page.failures]

    def store(
        self, platform: Platform, records: Sequence[InventoryRecord], source: str, sync_log_id: int | None
    ) -> Outcome:
        return upsert_inventory(platform=platform, records=records, source=source)

    def after_fetch(self, platform: Platform, records: Sequence[InventoryRecord], source: str) -> None:
        mark_replaced(platform=platform, source=source, records=records)

    def id_of(self, record: InventoryRecord) -> str:
        return record.sku

    def evidence_of(self, record: InventoryRecord) -> dict[str, Any]:
        known = {name: value for name, value in asdict(record).items() if value not in (None, "", {})}
        known.pop(ABSENT, None)
        time = record.platform_updated_at
        return known | ({"platform_updated_at": time.isoformat()} if time else {})

    def delete(self, platform: Platform, sources: Iterable[str]) -> int:
        return delete_inventory(platform=platform, sources=sources)
