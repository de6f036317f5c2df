"""Calls the functions that settings.EVERY_MINUTE names, once a minute, in a thread of its own.

They belong to no process: `manage.py run_webhooks` runs them, because what looks for a silent scheduler cannot be the
scheduler. Where it runs on several hosts, each calls them; they have to agree through the database.
"""

import logging
import threading

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from core.database.retry import DATABASE_ERRORS

logger = logging.getLogger(__name__)

PAUSE = 60.0  # seconds


class EveryMinute:
    """Context: within it, the functions are called. What is under way when it ends is not waited for for long."""

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._is_over = threading.Event()
        # A daemon: a mail server that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "EveryMinute":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            call_all()
            connection.close()  # this thread's own; a minute of rest is long
            if self._is_over.wait(self._pause):
                return


def call_all() -> None:
    """Call each of them once. One that fails is logged and costs the others nothing."""
    for name in settings.EVERY_MINUTE:
        try:
            import_string(name)()
        except DATABASE_ERRORS as error:
            logger.error(
                "%s: the database cannot be used; called again in a minute. It says: %s", name, error
            )
        except Exception:  # whatever it is, the thread has to live: nobody would notice its end
            logger.exception("%s failed. It is called again in a minute.", name)
