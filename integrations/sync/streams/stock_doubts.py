"""What a run says of all stock of a marketplace, and what is stored contradicts: that there is none.

    absent      the platform refuses the list, as it does where an account keeps none, and stock is stored as listed
    emptied     the list is complete and empty, and stock is stored as listed; one that is empty LOOKS_APART after the
                first confirms it, and marks all of it as gone (docs/decisions/0004-gone-means-zero.md)

Such a marketplace is not read by this run. Where the run read no other one, it fails.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import override

from core.database.retry import retry_on_db_error
from integrations.errors import PlatformError, RequestRefused
from integrations.models import StreamState, SyncLog
from integrations.protocol import Absent, Checkpoint, Note
from integrations.registry import channel_label, site_of
from integrations.sync import parts
from inventory.models import InventoryItem
from platforms.models import Platform

EMPTIED = "emptied"
LOOKED_AT = 20  # earlier runs
# Syncs may follow each other within seconds, whoever starts them, and would meet the same outage.
LOOKS_APART = timedelta(hours=1)


class StockDoubts:
    """Of one run, by this worker and by those before. `has_read`: it has read what nothing contradicts."""

    def __init__(self, log: SyncLog, source: str) -> None:
        self._log, self._source = log, source
        self._channel = channel_label(log.platform.kind)
        # By marketplace: the run whose list was the first that was empty, of those that followed each other.
        self._emptied: dict[str, int] = _by_first_run(log.checkpoint.get(EMPTIED, {}), log.pk)
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
            "as listed there. Nothing was changed, and what is stored grows old. OMS asks again by itself. If the "
            f"account keeps no stock there any more: once this has lasted for {parts.LASTED.days} days, the platform's "
            f"page offers to mark all of it as gone and to end its syncs of stock. {absent.error}"
        )
        self._doubt("stock_refused", text, absent.error.code, absent.error)
        return False

    def is_swept(self, part: str, *, is_empty: bool) -> bool:
        """Whether the complete list of this marketplace decides what is gone."""
        count = _listed(self._log, self._source, part) if is_empty else 0
        first = _first_emptied(self._log, part) if count else None
        since = _ended(first) if first else timezone.now()
        if count and timezone.now() - since < LOOKS_APART:
            self._emptied = self._emptied | {part: first or self._log.pk}
            text = (
                f"{self._whose(part)} is empty, but {_skus(count)} stored as listed there. Nothing was marked as gone. "
                f"If it still is in the first sync after {since + LOOKS_APART:%Y-%m-%d %H:%M} UTC, all of it is gone, "
                "with nothing in stock."
            )
            self._doubt("empty_list", text, "empty_list")
            return False
        if count:
            text = (
                f"{self._whose(part)} has been empty since {since:%Y-%m-%d %H:%M} UTC: all of it is gone, with nothing "
                "in stock."
            )
            self._notes.append(Note("empty_list_confirmed", text))
        self.has_read = True
        return True

    def without_stock(self, left_out: Iterable[str], state: StreamState) -> set[str]:
        """Which of the marketplaces that were not asked for rest since the account keeps no stock there: nothing of
        them is missing."""
        resting = parts.absent_since(self._log.platform, state)
        return {part for part in left_out if part in resting and not _listed(self._log, self._source, part)}

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


def _by_first_run(stored: dict[str, int] | list[str], log_id: int) -> dict[str, int]:
    """`stored` is of a checkpoint; an earlier version kept a list."""
    return dict(stored) if isinstance(stored, dict) else dict.fromkeys(stored, log_id)


@retry_on_db_error
def _ended(log_id: int) -> datetime:
    """When this run ended; one that is no longer kept, long ago."""
    ended = SyncLog.objects.filter(pk=log_id).values_list("finished_at", flat=True).first()
    return ended or timezone.now() - LOOKS_APART


@retry_on_db_error
def _first_emptied(log: SyncLog, part: str) -> int | None:
    """If the complete list before this one was empty, too: the run that found it so first."""
    earlier = SyncLog.objects.filter(platform=log.platform_id, kind=log.kind, pk__lt=log.pk, skus=[])
    rows = (
        earlier.exclude(status__in=SyncLog.OPEN)
        .order_by("-pk")
        .values_list("pk", "status", "source", "checkpoint")
    )
    for pk, status, source, checkpoint in rows[:LOOKED_AT]:
        first = _by_first_run(checkpoint.get(EMPTIED, {}), pk).get(part)
        if first is not None:
            return first if source == log.source else None
        if status in SyncLog.GOOD and part not in checkpoint.get("unread", ()):
            return None
    return None


def _skus(count: int) -> str:
    return f"{count} SKUs are" if count > 1 else "1 SKU is"
