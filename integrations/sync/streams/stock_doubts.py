"""What a run says of all stock of a marketplace, and what is stored contradicts: that there is none.

    absent      the platform refuses the list, as it does where an account keeps none, and stock is stored as listed
    emptied     the list is complete and empty, and stock is stored as listed; the next complete list that is empty
                confirms it, and marks all of it as gone (docs/decisions/0004-gone-means-zero.md)

Such a marketplace is not read by this run. Where the run read no other one, it fails.
"""

from django.utils.translation import override

from core.database.retry import retry_on_db_error
from integrations.errors import PlatformError, RequestRefused
from integrations.models import SyncLog
from integrations.protocol import Absent, Checkpoint, Note
from integrations.registry import channel_label, site_of
from inventory.models import InventoryItem
from platforms.models import Platform

EMPTIED = "emptied"
LOOKED_AT = 20  # earlier runs


class StockDoubts:
    """Of one run, by this worker and by those before. `has_read`: it has read what nothing contradicts."""

    def __init__(self, log: SyncLog, source: str) -> None:
        self._log, self._source = log, source
        self._channel = channel_label(log.platform.kind)
        self._emptied: list[str] = log.checkpoint.get(EMPTIED, [])
        self.has_read: bool = log.checkpoint.get("has_read", False)
        self._error: PlatformError | None = None
        self._notes: list[Note] = []

    def is_absent(self, absent: Absent) -> bool:
        """Whether to believe that there is no stock to read in this marketplace."""
        count = _listed(self._log, self._source, absent.part)
        if not count:
            self._notes.append(absent.note)
            self.has_read = True
            return True
        text = (
            f"{self._whose(absent.part)} was refused, as it is where an account keeps none, but {_skus(count)} stored "
            "as listed there. Nothing was changed, and what is stored grows old. The next sync asks again. If the "
            f"account keeps no stock there any more, set its minutes between inventory syncs to 0. {absent.error}"
        )
        self._doubt("stock_refused", text, absent.error.code, absent.error)
        return False

    def is_swept(self, part: str, *, is_empty: bool) -> bool:
        """Whether the complete list of this marketplace decides what is gone."""
        count = _listed(self._log, self._source, part) if is_empty else 0
        if count and not _was_emptied(self._log, part):
            self._emptied = [*self._emptied, part]
            text = (
                f"{self._whose(part)} is empty, but {_skus(count)} stored as listed there. Nothing was marked as gone. "
                "If the next complete list is empty as well, all of it is gone, with nothing in stock."
            )
            self._doubt("empty_list", text, "empty_list")
            return False
        if count:
            text = (
                f"{self._whose(part)} is empty for the second time: all of it is gone, with nothing in stock."
            )
            self._notes.append(Note("empty_list_confirmed", text))
        self.has_read = True
        return True

    def remembered(self) -> Checkpoint:
        emptied = {EMPTIED: self._emptied} if self._emptied else {}
        return emptied | ({"has_read": True} if self.has_read else {})

    def take_notes(self) -> tuple[Note, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes

    def raise_for_all(self) -> None:
        """At the end of the run: raises RequestRefused where there was nothing but doubts."""
        if self._error is not None and not self.has_read:
            raise self._error

    def _whose(self, part: str) -> str:
        """As the subject of a sentence, with the country and the id."""
        with override("en"):
            site = site_of(self._log.platform.kind, part)
        return f"{self._channel}'s list of stock" + (f" of {site.name} ({part})" if site else "")

    def _doubt(self, note: str, text: str, code: str, error: PlatformError | None = None) -> None:
        self._notes.append(Note(note, text))
        self._error = RequestRefused(
            text,
            code=code,
            request_id=error.request_id if error else "",
            status=error.status if error else None,
        )


def parts_with_stock(platform: Platform, source: str) -> set[str]:
    """Marketplaces of which stock is stored as listed."""
    rows = InventoryItem.objects.filter(platform=platform, source=source, gone_at__isnull=True)
    return set(rows.order_by().values_list("marketplace_id", flat=True).distinct())


@retry_on_db_error
def _listed(log: SyncLog, source: str, part: str) -> int:
    """How many rows are stored as listed in this marketplace."""
    rows = InventoryItem.objects.filter(platform=log.platform_id, marketplace_id=part, source=source)
    return rows.filter(gone_at__isnull=True).count()


@retry_on_db_error
def _was_emptied(log: SyncLog, part: str) -> bool:
    """Whether the complete list before this one was empty, too."""
    earlier = SyncLog.objects.filter(platform=log.platform_id, kind=log.kind, pk__lt=log.pk, skus=[])
    rows = (
        earlier.exclude(status__in=SyncLog.OPEN).order_by("-pk").values_list("status", "source", "checkpoint")
    )
    for status, source, checkpoint in rows[:LOOKED_AT]:
        if part in checkpoint.get(EMPTIED, ()):
            return source == log.source
        if status in SyncLog.GOOD and part not in checkpoint.get("unread", ()):
            return False
    return False


def _skus(count: int) -> str:
    return f"{count} SKUs are" if count > 1 else "1 SKU is"
