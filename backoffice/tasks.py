"""The name under which queued messages know the tasks, also those that an earlier version queued. The task itself is in
`backoffice/scheduled/queue.py`."""

from backoffice.scheduled.queue import make_export

__all__ = ["make_export"]
