"""What differs between syncing orders and syncing inventory; the sync path itself is the same for both."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.outcome import Outcome
from integrations.errors import MalformedRecord, RequestRefused, TransientError
from integrations.models import SyncLog
from integrations.protocol import Adapter, Checkpoint, OrderPage, RecordFailure, StockPage, Window
from integrations.sync.datasets import recovered
from inventory.records import InventoryRecord
from inventory.services import Key, delete_inventory, key_of, mark_gone, upsert_inventory
from orders.records import OrderRecord
from orders.services import delete_orders, upsert_orders
from platforms.models import Platform

Page = OrderPage | StockPage


class Progress:
    """What a run knows while it walks: where it started, and what a sweep has seen so far."""

    def __init__(self, log: SyncLog, adapter: Adapter) -> None:
        self.log = log
        self.adapter = adapter
        self.source = adapter.source
        self.start: Checkpoint = log.checkpoint.get("page") or {}
        self.complete_until: str = log.checkpoint.get("complete_until", "")
        self.is_done: bool = log.checkpoint.get("done", False)
        # What all workers of this run covered: credentials and marketplaces may change while it is put back.
        self._scope = _in_both(log.checkpoint.get("scope", adapter.scope), adapter.scope)
        self.seen: set[Key] = set()
        self.unread = 0  # records of the sweep that could not be read

        self._calls_before, self._throttled_before = log.api_calls, log.throttled

    def count_calls(self) -> None:
        """Put the calls that the adapter made so far on the log, on top of those of earlier workers."""
        self.log.api_calls = self._calls_before + self.adapter.usage.calls
        self.log.throttled = self._throttled_before + self.adapter.usage.throttled

    @property
    def scope(self) -> str:
        """What the watermark is good for: nothing where a refused data set came back, which older orders lack."""
        return "" if recovered(self.log.platform, self.adapter.datasets) else self._scope

    def take(self, page: Page) -> None:
        """Remember what a page says of the whole, before it is stored. Once a page, however often storing is tried:
        a run whose page cannot be stored ends, and what it remembers with it."""
        if isinstance(page, OrderPage):
            self._take_completeness(page)
            return
        if page.restarted:
            self.seen, self.unread = set(), 0
        self.seen.update(key_of(record) for record in page.records)
        self.unread += len(page.failures)

    def _take_completeness(self, page: OrderPage) -> None:
        """Where the platform answered for less time than was asked, orders are complete only until then."""
        until = page.complete_until
        if until and self.log.window_end and until < self.log.window_end:
            self.complete_until = min(filter(None, (self.complete_until, until.isoformat())))

    def checkpoint(self, page: Page) -> Checkpoint:
        return {
            "page": page.next or {},
            "done": page.next is None,
            "complete_until": self.complete_until,
            "scope": self.scope,
        }


def _in_both(one: str, other: str) -> str:
    """The comma-separated parts that both scopes have."""
    parts = other.split(",")
    return ",".join(part for part in one.split(",") if part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The steps of one kind of sync. `after_page` runs inside the page's transaction, which may be repeated.

    `one` fetches a record by its id: what is to be stored, and why something of it is not. `store` takes the platform,
    records, their source, and the id of the sync that brought them (None: a person asked for them).
    """

    has_window: bool
    pages: Callable[[Progress], Iterator[Any]]
    one: Callable[[Adapter, str], tuple[Sequence[Any], Sequence[RecordFailure]]]
    store: Callable[[Platform, Sequence[Any], str, int | None], Outcome]
    id_of: Callable[[Any], str]
    after_page: Callable[[Progress, Any], None]
    after_live_success: Callable[[SyncLog, str], None]
    delete: Callable[[Platform, Iterable[str]], int]


def _order_pages(progress: Progress) -> Iterator[OrderPage]:
    log = progress.log
    if log.window_start is None or log.window_end is None:
        raise ValueError("An orders sync needs a settled window.")
    return progress.adapter.order_pages(
        Window(log.window_by, log.window_start, log.window_end), progress.start
    )


def _one_order(adapter: Adapter, external_id: str) -> tuple[Sequence[OrderRecord], Sequence[RecordFailure]]:
    """Raises PlatformError for what is not about this order."""
    try:
        record = adapter.order(external_id)
    except MalformedRecord as error:
        code, message, payload = error.code, str(error), error.payload
    except RequestRefused as error:
        if error.code != "not_found":
            raise
        code, payload = error.code, {}
        message = f"The platform does not know this order any more; dismiss the failure. {error}"
    else:
        if record.external_id != external_id:
            raise TransientError("The platform answered with another order.", code="broken_answer")
        return [record], []
    return [], [RecordFailure(external_id=external_id, code=code, message=message, payload=payload)]


def _move_watermark(log: SyncLog, scope: str) -> None:
    """To the window's end, never to the clock's time, and only for the run that continued from the old one."""
    if not log.is_incremental or log.window_end is None:
        return
    ends = [log.window_end]
    if log.checkpoint.get("complete_until"):
        ends.append(datetime.fromisoformat(log.checkpoint["complete_until"]))
    Platform.objects.filter(pk=log.platform_id).update(
        orders_watermark=min(ends), orders_watermark_scope=scope
    )


def _stock_pages(progress: Progress) -> Iterator[StockPage]:
    return progress.adapter.inventory_pages(progress.log.skus, progress.start)


def _one_sku(adapter: Adapter, sku: str) -> tuple[Sequence[InventoryRecord], Sequence[RecordFailure]]:
    """The SKU's rows in all marketplaces. Raises PlatformError."""
    pages = list(adapter.inventory_pages([sku], {}))
    return [each for page in pages for each in page.records], [
        each for page in pages for each in page.failures
    ]


def _end_sweep(progress: Progress, page: StockPage) -> None:
    """Only a sweep that was read from its first page to its last may mark what it did not list as gone."""
    if page.swept and not progress.unread:  # what could not be read may be any SKU
        mark_gone(
            platform=progress.log.platform,
            marketplace_id=page.swept,
            source=progress.source,
            seen=progress.seen,
        )


KINDS: dict[str, Kind] = {
    SyncLog.Kind.ORDERS: Kind(
        has_window=True,
        pages=_order_pages,
        one=_one_order,
        store=lambda platform, records, source, log_id: upsert_orders(
            platform=platform, records=records, source=source, sync_log_id=log_id
        ),
        id_of=lambda record: str(record.external_id),
        after_page=lambda progress, page: None,
        after_live_success=_move_watermark,
        delete=lambda platform, sources: delete_orders(platform=platform, sources=sources),
    ),
    SyncLog.Kind.INVENTORY: Kind(
        has_window=False,
        pages=_stock_pages,
        one=_one_sku,
        store=lambda platform, records, source, log_id: upsert_inventory(
            platform=platform, records=records, source=source
        ),
        id_of=lambda record: str(record.sku),
        after_page=_end_sweep,
        after_live_success=lambda log, scope: None,
        delete=lambda platform, sources: delete_inventory(platform=platform, sources=sources),
    ),
}
