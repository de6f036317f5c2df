"""The name under which queued messages know the task, also those that an earlier version queued. The task itself is in
`integrations/sync/queue.py`."""

from integrations.sync.queue import continue_sync

__all__ = ["continue_sync"]
