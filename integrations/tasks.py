"""The name under which queued messages know the tasks, also those that an earlier version queued. The tasks themselves
are in `integrations/sync/queue.py` and `integrations/completeness/queue.py`."""

from integrations.completeness.queue import continue_audit
from integrations.sync.queue import continue_sync

__all__ = ["continue_audit", "continue_sync"]
