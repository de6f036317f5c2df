"""Cancelling a sync, and starting the one that waited for it."""

from audit.recording import record
from core.database.retry import retry_on_db_error
from integrations.models import SyncLog
from integrations.sync import transitions
from integrations.sync.queue import start_next


def cancel_sync(log: SyncLog) -> SyncLog:
    """Stop an open sync: at once where nobody works on it, after the current page otherwise. A sync that waited for
    it starts then."""
    log = retry_on_db_error(transitions.cancel_sync)(log)
    record("sync.cancelled", log)
    if not log.is_open:
        start_next(log)
    return log
