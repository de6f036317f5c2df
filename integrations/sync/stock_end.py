"""An account that keeps no stock at its platform any more. Only a person knows; OMS says when to think of it.

Two signs:

    refused     the list of a marketplace has been refused for parts.LASTED, as it is where an account keeps none, and
                stock of it is stored as listed (streams/stock_doubts.py): without a decision, its syncs fail for ever
    emptied     all stock is gone, since lists were empty: its syncs ask for nothing, for ever
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.recording import record
from integrations.models import StreamState, SyncLog
from integrations.sync import parts
from integrations.sync.streams import STREAMS, streams_of
from integrations.sync.streams.states import set_intervals
from integrations.sync.streams.stock_doubts import parts_with_stock
from inventory.models import InventoryItem
from inventory.services import mark_gone
from platforms.locks import hold_platform
from platforms.models import Platform, Source

STOCK = SyncLog.Kind.INVENTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class StockEnd:
    """What a person may decide: that there is no stock any more in these `marketplaces`, of which `rows` rows are
    stored as listed. `is_all`: there is none anywhere, so syncs of stock are switched off as well. `since`: of what is
    refused, since when; None: it is emptied."""

    marketplaces: tuple[str, ...]
    rows: int
    is_all: bool
    since: datetime | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "marketplaces": list(self.marketplaces),
            "rows": self.rows,
            "is_all": self.is_all,
            "since": self.since,
        }


def stock_end_of(platform: Platform) -> StockEnd | None:
    """What there is to decide now; None where stock is well, or its syncs are off. Three queries at most."""
    state = StreamState.of(platform, STOCK)
    interval = STREAMS[STOCK].default_interval if state.interval_minutes is None else state.interval_minutes
    if STOCK not in streams_of(platform) or not interval:
        return None
    listed = parts_with_stock(platform, Source.LIVE)
    if not listed:
        is_emptied = STREAMS[STOCK].has_rows(platform, Source.LIVE)
        return StockEnd(marketplaces=(), rows=0, is_all=True, since=None) if is_emptied else None
    lasted = timezone.now() - parts.LASTED
    absent = {part: since for part, since in parts.absent_since(platform, state).items() if since <= lasted}
    ended = sorted(listed & absent.keys())
    if not ended:
        return None
    rows = InventoryItem.objects.filter(platform=platform, source=Source.LIVE, gone_at__isnull=True)
    return StockEnd(
        marketplaces=tuple(ended),
        rows=rows.filter(marketplace_id__in=ended).count(),
        is_all=listed == set(ended),
        since=max(absent[part] for part in ended),
    )


@transaction.atomic
def end_stock(platform: Platform) -> StockEnd | None:
    """A person has decided so: what is stored as listed is gone, with nothing in stock, and where that is all, syncs of
    stock are off. Returns what was done; None where there is nothing to decide any more.

    Should the platform list stock again, a sync brings it back: the rows are marked, not deleted.
    """
    hold_platform(platform.pk)
    end = stock_end_of(platform)
    if end is None:
        return None
    for marketplace in end.marketplaces:
        mark_gone(platform=platform, marketplace_id=marketplace, source=Source.LIVE, seen=())
    if end.is_all:
        set_intervals(platform, {STOCK: 0})
    record("stock.ended", platform, changes=end.as_dict())
    return end
