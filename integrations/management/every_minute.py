"""Calls the functions that settings.EVERY_MINUTE names, once a minute, in a thread of its own.

They belong to no process: `manage.py run_webhooks` runs them, because what looks for a silent scheduler cannot be the
scheduler. Where that is silent itself, `manage.py run_scheduler` stands in: so each of the two is missed by the other.
Where several processes call them, they have to agree through the database.
"""

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.module_loading import import_string

from core.database.retry import DATABASE_ERRORS
from integrations.schedule.looks import look_is_silent, looked_at

logger = logging.getLogger(__name__)

PAUSE = 60.0  # seconds
NOTE = "integrations.schedule.looks.note_look"


class EveryMinute:
    """Context: within it, the functions are called. What is under way when it ends is not waited for for long."""

    def __init__(self, call: Callable[[], None] | None = None, pause: float = PAUSE) -> None:
        """`call`: what is called instead of call_all, a minute from now for the first time."""
        self._call, self._pause = call, pause
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
        if self._call is not None and self._is_over.wait(self._pause):
            return
        while True:
            (self._call or call_all)()
            connection.close()  # this thread's own; a minute of rest is long
            if self._is_over.wait(self._pause):
                return


def call_all() -> None:
    """Call each of them once, and note that. One that fails is logged and costs the others nothing."""
    for name in (NOTE, *settings.EVERY_MINUTE):
        _call(name)


def stand_in() -> None:
    """Call them if nobody has called them for a while."""
    try:
        is_needed = look_is_silent(looked_at(), timezone.now())
    except DATABASE_ERRORS as error:
        logger.error("The database cannot be used; asked again in a minute. It says: %s", error)
        return
    if is_needed:
        for name in settings.EVERY_MINUTE:
            _call(name)


def _call(name: str) -> None:
    try:
        import_string(name)()
    except DATABASE_ERRORS as error:
        logger.error("%s: the database cannot be used; called again in a minute. It says: %s", name, error)
    except Exception:  # whatever it is, the thread has to live: nobody would notice its end
        logger.exception("%s failed. It is called again in a minute.", name)
