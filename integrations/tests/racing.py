"""Many threads at once: who opens the sync, who claims it. For a real database: SQLite's in memory locks otherwise."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

THREADS = 12


def race() -> dict[str, int]:
    """How many syncs were opened, how many threads were told that theirs is new, how many got the lease."""
    from integrations.models import SyncLog
    from integrations.sync.leases import Lease
    from integrations.sync.start import request_sync
    from platforms.models import Platform

    platform, _ = Platform.objects.get_or_create(name="amazon")
    together = Barrier(THREADS)

    def ask_and_claim(_number: int) -> tuple[int, bool, bool]:
        try:
            together.wait()
            started = request_sync(platform=platform, kind="orders", trigger="api")
            together.wait()
            return started.log.pk, started.is_new, Lease.claim(started.log.pk) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(ask_and_claim, range(THREADS)))
    return {
        "logs": SyncLog.objects.count(),
        "ids": len({pk for pk, _, _ in results}),
        "new": sum(is_new for _, is_new, _ in results),
        "leases": sum(won for _, _, won in results),
    }
