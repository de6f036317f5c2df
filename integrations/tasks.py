"""The name under which queued messages know the tasks, also those that an earlier version queued. The tasks themselves
are in `integrations/sync/queue.py`, `integrations/completeness/queue.py`, its `stock/`, `history/` and
`keeping_up/queue.py`, `integrations/pictures/queue.py`, and `integrations/shipping/queue.py`."""

from integrations.completeness.history.queue import continue_backfill
from integrations.completeness.keeping_up.queue import continue_catch_up
from integrations.completeness.queue import continue_audit
from integrations.completeness.stock.queue import continue_stock_audit
from integrations.pictures.queue import continue_pictures
from integrations.shipping.queue import continue_shipping
from integrations.sync.queue import continue_sync

__all__ = [
    "continue_audit",
    "continue_backfill",
    "continue_catch_up",
    "continue_pictures",
    "continue_shipping",
    "continue_stock_audit",
    "continue_sync",
]
