"""Many threads at once ask for different syncs of one platform, then cancel what is open. For a real database, as in
racing.py."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

THREADS = 12
REQUESTS = 3  # different ones


def race_for_turns() -> dict[str, int]:
    """How many syncs are open and wait, how many threads were told that theirs is new; how many were cancelled when
    every thread had cancelled until nothing was open, and how many were left."""
    from integrations.models import SyncLog
    from integrations.sync.cancel import cancel_sync
    from integrations.sync.start import request_sync
    from integrations.window_input import read_window
    from platforms.models import Platform

    platform, _ = Platform.objects.get_or_create(name="amazon")
    together = Barrier(THREADS)

    def ask(number: int) -> bool:
        try:
            window = read_window(days=1 + number % REQUESTS)
            together.wait()
            asked: dict[str, Any] = {
                "platform": platform,
                "kind": "orders",
                "trigger": "api",
                "window": window,
            }
            return request_sync(**asked, after_open=True).is_new
        finally:
            connection.close()

    def cancel_all(_number: int) -> None:
        try:
            together.wait()
            for log in _each_open_one():
                cancel_sync(log)
        finally:
            connection.close()

    def _each_open_one() -> Iterator[SyncLog]:
        key = SyncLog.open_key_for(platform, "orders", SyncLog.Lane.WINDOW)
        while log := SyncLog.objects.filter(open_key=key).first():
            yield log

    with ThreadPoolExecutor(THREADS) as pool:
        new = sum(pool.map(ask, range(THREADS)))
    found = {
        "open": SyncLog.objects.filter(status="queued").count(),
        "deferred": SyncLog.objects.filter(status="deferred").count(),
        "new": new,
    }
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(cancel_all, range(THREADS)))
    cancelled = SyncLog.objects.filter(status="cancelled").count()
    return found | {"left": SyncLog.objects.open().count(), "cancelled": cancelled}
