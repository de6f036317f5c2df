"""Which time span an orders sync covers: what a person asked for, or the next incremental one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from integrations.models import StreamState, SyncLog
from integrations.protocol import Note
from integrations.registry import order_lag

# Windows overlap, because an order may become visible later than the time it carries.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """What a person asked for. All None: go on from the watermark.

    `days` is set where the start was given so; `asked_until` is the end as it was given, where `until` had to be moved.
    """

    by: str = SyncLog.WindowBy.UPDATED
    since: datetime | None = None
    until: datetime | None = None
    notes: tuple[Note, ...] = ()
    days: int | None = None
    asked_until: datetime | None = None

    @property
    def is_incremental(self) -> bool:
        return self.since is None and self.by == SyncLog.WindowBy.UPDATED


def settle_window(log: SyncLog, scope: str) -> None:
    """Fill in the open ends of the log's window when the run starts. Does not save.

    Incremental: from the watermark less an overlap; where orders were never complete for this scope (another
    marketplace was added, say), from ORDERS_INITIAL_DAYS ago at the latest.
    """
    now = timezone.now().replace(microsecond=0)
    log.window_end = log.window_end or now - order_lag([log.platform.kind])
    if log.window_start is not None:
        return
    start = log.window_end - timedelta(days=settings.ORDERS_INITIAL_DAYS)
    state = StreamState.of(log.platform, log.kind)
    if log.is_incremental and state.watermark is not None:
        resumed = min(state.watermark, log.window_end).replace(microsecond=0) - OVERLAP
        covered = set(scope.split(",")) <= set(state.watermark_scope.split(","))
        start = resumed if covered else min(resumed, start)
    log.window_start = start
